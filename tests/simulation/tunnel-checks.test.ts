import { expect, test } from 'bun:test'
import type { NodeScenario } from './sim-gluetun.ts'
import { TunnelChecks } from './tunnel-checks.ts'
import { World } from './world.ts'

/* Whether the checks of verdicts on VPN nodes see a wrong verdict, and none where there is none. */

const NODE: NodeScenario = {
  ...{ name: 'gluetun', ports: { first: 19_000, last: 19_089 }, dialect: 'new', forwards: 'never' },
  ...{ hasHealthCheck: true, speaks: 'gluetun', portCount: 1 },
}
const HABITS = { tells: true, comesBack: 1, errs: 0, stuckMaxMs: 60_000 }

/** A world with two engines behind a node, in which nothing goes wrong except what the test does. */
async function behind(change: Partial<NodeScenario>) {
  const node = { ...NODE, ...change }
  const world = new World(1, null, (scenario) => ({ ...scenario, vpn: { nodes: [node], habits: HABITS } }))
  world.startServer({
    ...world.scenario.env,
    ...{ GLUETUN_CONTAINER_NAME: 'gluetun', GLUETUN_PORT_RANGE: '19000-19089', VPN_CONTROL: node.speaks },
    ...{ MIN_REPLICAS: '2', MAX_REPLICAS: '4', AUTO_DELETE: 'false', PORT_RANGE_HOST: '29000-29199' },
    ACE_MAP_HTTPS: 'false',
  })
  await pass(world, 90_000)
  expect(world.books.live().map(({ status }) => status)).toEqual(['ready', 'ready'])
  const { clock, books, host, server, coverage } = world
  const onViolation = (text: string): void => world.violate(text)
  const tunnels = new TunnelChecks({ clock, books, host, server, coverage, onViolation })
  const gluetun = host.nodes.all[0]
  if (gluetun === undefined) throw new Error('the world has no node')
  return { world, tunnels, gluetun }
}

async function pass(world: World, ms: number): Promise<void> {
  const untilMs = world.clock.now() + ms
  while (await world.clock.step(untilMs)) world.host.look()
}

/** Starts a viewer on the first engine and reports the stream. */
async function play(world: World): Promise<void> {
  const [engine] = world.books.live()
  const process = world.host.process(engine?.container_id ?? '')
  const session = process?.open('content', 'session')
  process?.change(() => {
    if (session !== undefined) Object.assign(session, { readers: 1, isReported: true })
  })
  const url = `http://localhost:${engine?.host_http_port}/ace/stat/content/session`
  const told = world.http.ask({
    method: 'POST',
    path: '/events/stream_started',
    body: {
      engine: { host: 'localhost', port: engine?.host_http_port },
      stream: { key_type: 'content_id', key: 'content' },
      session: { playback_session_id: 'session', stat_url: url, command_url: url, is_live: 1 },
    },
  })
  await pass(world, 40_000)
  expect((await told)?.status).toBe(200)
}

/** Looks every five seconds: at the verdict that there is, and, as a check of its own, at one that is claimed. */
async function look(
  { world, tunnels }: Pick<Awaited<ReturnType<typeof behind>>, 'world' | 'tunnels'>,
  claimed: 'up' | 'down',
  looks: number,
): Promise<void> {
  for (let n = 0; n < looks; n++) {
    await world.vpn.check()
    const lastCheck = new Date(world.clock.now()).toISOString()
    tunnels.check({ container: 'gluetun', state: claimed, last_check: lastCheck }, 2)
    await pass(world, 5_000)
  }
}

test('a node that is down for a wrong health check, though an engine plays behind it', async () => {
  const site = await behind({})
  const { world, gluetun } = site
  await play(world)
  gluetun.isCheckWrong = true
  await look(site, 'down', 12)
  expect(world.violations).toEqual([])
  await look(site, 'down', 2)
  const wrong = 'gluetun is down, and its engines and streams prove that it works'
  expect(new Set(world.violations)).toEqual(new Set([wrong]))
  expect(world.coverage.counts['engines proven by streams against a health check']).toBeGreaterThan(0)
  world.server.running?.life.die()
})

test('a node that is up though its engines say that its tunnel is dead, and nobody else can tell', async () => {
  const site = await behind({ hasHealthCheck: false, speaks: 'none' })
  const { world, gluetun } = site
  await look(site, 'down', 6)
  gluetun.setLine(false)
  await look(site, 'up', 9)
  expect(world.violations).toEqual([])
  await look(site, 'up', 60)
  const wrong = 'gluetun is up, and its engines say that its tunnel is dead'
  expect(new Set(world.violations)).toEqual(new Set([wrong]))
  expect(world.coverage.rules.vpn_tried).toBeDefined()
  gluetun.setLine(true)
  await pass(world, 60_000)
  expect(world.books.live().map(({ status }) => status)).toEqual(['ready', 'ready'])
  world.server.running?.life.die()
})
