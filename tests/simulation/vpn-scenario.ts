import type { Random } from './random.ts'
import type { NodeScenario } from './sim-gluetun.ts'
import type { HostVpn } from './sim-nodes.ts'

/** A VPN on the host, with the matching configuration. */
export interface VpnScenario {
  readonly host: HostVpn
  readonly env: Readonly<Record<string, string>>
}

/** Draws a VPN. About half of the seeds have none. `engines` is the highest possible number of engines. */
export function drawVpn(random: Random, engines: number): VpnScenario | null {
  if (random.chance(0.5)) return null
  const names = random.pick([['gluetun'], ['one', 'two']] as const)
  // A caller may request one of the first thirteen ports.
  const size = random.chance(0.3) ? Math.max(13, engines + 2) + COPIES : 90
  const speaks = random.stream('speaks').pick(['gluetun', 'gluetun', 'none'] as const)
  const nodes = names.map((name, index) =>
    drawNode(random.stream(name), { name, speaks }, 19_000 + index * 100, size),
  )
  const restarts = random.chance(0.7)
  const tells = random.chance(0.9)
  // An engine is not restarted if it can't report that it is stuck, or if restarts are switched off.
  const mayBeRestarted = restarts && tells
  return {
    host: {
      nodes,
      habits: {
        tells,
        comesBack: random.pick([0, 0.5, 0.9, 1]),
        errs: random.pick([0, 0, 0.3]),
        stuckMaxMs: mayBeRestarted && random.chance(0.5) ? null : 60_000,
      },
    },
    env: {
      GLUETUN_CONTAINER_NAME: names.join(','),
      GLUETUN_PORT_RANGE: nodes.map(({ ports }) => `${ports.first}-${ports.last}`).join(','),
      VPN_CONTROL: speaks,
      GLUETUN_HEALTH_CHECK_INTERVAL_S: String(random.int(2, 5)),
      VPN_STABLE_S: String(random.int(1, 5)),
      VPN_RECONNECT_GRACE_S: String(random.int(2, 10)),
      VPN_RESTART_ENGINES_ON_RECONNECT: String(restarts),
      // These ports do not overlap with those that Gluetun publishes.
      PORT_RANGE_HOST: '29000-29199',
      ACE_MAP_HTTPS: 'false',
    },
  }
}

/** A VPN that is configured only by a later change, or whose node changes then. */
export interface VpnSwitch {
  readonly before: Readonly<Record<string, string>>
  readonly after: Readonly<Record<string, string>>
}

/** Draws a switch. Most scenarios keep the VPN of their start. */
export function drawSwitch(random: Random, { env }: VpnScenario): VpnSwitch | null {
  if (!random.chance(0.4)) return null
  const { GLUETUN_CONTAINER_NAME: names = '', GLUETUN_PORT_RANGE: ranges = '' } = env
  const strict = { VPN_STRICT: String(random.chance(0.7)) }
  const [first, second] = names.split(',').map((name, index) => ({
    GLUETUN_CONTAINER_NAME: name,
    GLUETUN_PORT_RANGE: ranges.split(',')[index] ?? '',
  }))
  if (first !== undefined && second !== undefined && random.chance(0.3))
    return { before: { ...first, ...strict }, after: second }
  return { before: { GLUETUN_CONTAINER_NAME: '' }, after: { GLUETUN_CONTAINER_NAME: names, ...strict } }
}

/** The last ports of a range are reserved for copies of engines. */
export const COPIES = 6

const drawNode = (
  random: Random,
  { name, speaks }: Pick<NodeScenario, 'name' | 'speaks'>,
  first: number,
  size: number,
): NodeScenario => ({
  ...{ name, speaks },
  ports: { first, last: first + size - 1 },
  dialect: random.pick(['old', 'new'] as const),
  hasHealthCheck: random.chance(speaks === 'gluetun' ? 0.85 : 0.3),
  forwards: random.pick(['never', 'at_once', 'at_once', 'late'] as const),
  portCount: random.pick([1, 1, 2] as const),
})
