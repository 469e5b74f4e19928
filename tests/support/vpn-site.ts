import type { DialectName } from '../emulators/gluetun/dialect.ts'
import { until } from './docker.ts'
import { CONTROL_PORT } from './emulator-behind.ts'
import { openTestSite, provision, type TestSite } from './fleet.ts'
import { type GluetunOptions, type RunningGluetun, runGluetun } from './gluetun.ts'
import { buildGluetunImage } from './gluetun-image.ts'
import { freePortRange, type PortRange, rangeSetting } from './ports.ts'
import type { TestServer } from './server.ts'

/** A node of `GET /vpn/status`, with the members that these tests read. */
export interface NodeRow {
  readonly container: string
  readonly state: 'up' | 'down' | 'unknown'
  readonly reason: string | null
  readonly status: string
  readonly docker_health: string | null
  readonly vpn_status: string | null
  readonly control_problem: string | null
  readonly forwarded_port: number | null
  readonly forwarded_ports: readonly number[]
  readonly public_ip: string | null
  readonly country: string | null
  readonly engines: number
  readonly streams_moved: string | null
  readonly engines_say: { readonly connected: number; readonly asked: number } | null
}

export interface VpnRow {
  readonly enabled: boolean
  readonly status: string
  readonly connected: boolean
  readonly health: string
  readonly container: string | null
  readonly forwarded_port: number | null
  readonly public_ip: string | null
  readonly error?: string
  readonly nodes: readonly NodeRow[]
}

/** Short settings for everything that waits for time to pass. */
const QUICK_VPN = {
  GLUETUN_HEALTH_CHECK_INTERVAL_S: '1',
  VPN_STABLE_S: '1',
  VPN_RECONNECT_GRACE_S: '2',
  HEALTH_CHECK_INTERVAL_S: '2',
  DRAIN_HIDE_S: '1',
  ENGINE_ADVERTISE: 'host',
  COLLECT_INTERVAL_S: '0.5',
}

/**
 * Engines that share a network namespace each need a control port of their own. They ask the Gluetun emulator about the
 * tunnel.
 */
const ENGINE_ENV = { TUNNEL_URL: 'http://127.0.0.1:8999/tunnel', CONTROL_PORT }

/** The interval of Docker's health check of a Gluetun in these tests. */
const HEALTHCHECK_MS = 300

/** A test site with Gluetun containers, and with servers that put engines behind them. */
export interface VpnSite {
  readonly site: TestSite
  /** Runs a Gluetun that publishes twenty ports of its own. */
  readonly gluetun: (options?: Partial<GluetunOptions>) => Promise<RunningGluetun>
  /** Makes a server behind these nodes, which is not started. `engineEnv` is added to the usual environment of engines. */
  readonly server: (
    nodes: readonly RunningGluetun[],
    env?: Readonly<Record<string, string>>,
    engineEnv?: Readonly<Record<string, string>>,
    program?: string,
  ) => TestServer
  readonly cleanUp: () => Promise<void>
}

/** Connects to Docker and builds both images if they are missing. Throws with a message if that fails. */
export async function openVpnSite(): Promise<VpnSite> {
  const site = await openTestSite()
  const image = await buildGluetunImage()
  const { docker } = site
  let made = 0
  const gluetun = (options: Partial<GluetunOptions> = {}): Promise<RunningGluetun> =>
    runGluetun({
      docker,
      image,
      name: `gluetun-${docker.label.value}-${++made}`,
      publish: freePortRange(PORTS),
      healthcheckMs: HEALTHCHECK_MS,
      ...options,
    })
  return {
    site,
    gluetun,
    server: (nodes, env = {}, engineEnv = {}, program) =>
      site.server(
        {
          ...QUICK_VPN,
          GLUETUN_CONTAINER_NAME: nodes.map(({ options }) => options.name).join(','),
          GLUETUN_PORT_RANGE: nodes.map(({ options }) => rangeSetting(rangeOf(options))).join(','),
          ENGINE_ENV: JSON.stringify({ ...ENGINE_ENV, ...engineEnv }),
          ...env,
        },
        program,
      ),
    cleanUp: site.cleanUp,
  }
}

const PORTS = 20

function rangeOf({ name, publish }: GluetunOptions): PortRange {
  if (!publish) throw new Error(`${name} publishes nothing`)
  return publish
}

/** All dialects that the emulator knows. */
export const ALL_DIALECTS = [
  'v3.38.0',
  'v3.40.4',
  'v3.41.1',
  'v3.41.3',
  'master',
] as const satisfies DialectName[]

export const vpnOf = (server: TestServer): Promise<VpnRow> => server.get('/vpn/status')

/** Waits until the first node is in a state. Returns the node and how many milliseconds that took. */
export async function untilNode(
  server: TestServer,
  state: NodeRow['state'],
  withinMs?: number,
): Promise<NodeRow & { readonly afterMs: number }> {
  const startedMs = performance.now()
  const node = await until(
    `the VPN is ${state}`,
    async () => {
      const [first] = (await vpnOf(server)).nodes
      return first?.state === state && first
    },
    withinMs,
  ).catch(async (cause) => {
    throw new Error(`${cause.message}\n${JSON.stringify(await vpnOf(server))}\n${server.output}`, { cause })
  })
  return { ...node, afterMs: Math.round(performance.now() - startedMs) }
}

/**
 * Waits until every node is up and has its forwarded port. A provider grants the port some time after the VPN is up, and an
 * engine that was started before that is replaced to carry it.
 */
export const untilForwarding = (server: TestServer): Promise<true> =>
  until('all nodes are up and have a forwarded port', async () =>
    (await vpnOf(server)).nodes.every(
      ({ state, forwarded_port }) => state === 'up' && forwarded_port !== null,
    ),
  )

/** Returns the refusal of a provision. Throws if the provision was not refused. */
export async function refusalOf(server: TestServer) {
  const outcome = await provision(server)
  if (outcome.kind !== 'refused') throw new Error(`not refused: ${JSON.stringify(outcome)}`)
  return outcome
}

/** Whether the engine at a port that Gluetun publishes says that it is connected; null if it does not answer. */
export async function connectionAt(port: number): Promise<boolean | null> {
  const path = '/server/api?api_version=3&method=get_network_connection_status'
  try {
    const signal = AbortSignal.timeout(1_000)
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal, keepalive: false })
    const { result }: { result: { connected: boolean } } = (await answer.json()) as never
    return result.connected
  } catch {
    return null
  }
}
