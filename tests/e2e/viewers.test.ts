import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { peersIn, tableCommands } from '../../src/control/viewers/viewer-command.ts'
import { dockerRuntimeAt, staysFor, until } from '../support/docker.ts'
import { buildBareEngineImage } from '../support/engine-image.ts'
import { mustProvision, openTestSite, type Provisioned, type TestSite } from '../support/fleet.ts'
import {
  emulatorOf,
  engineOf,
  entryOf,
  fleetOf,
  journalOf,
  openViewer,
  reportStarted,
  untilReady,
  untilRemoved,
  type Viewer,
} from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'
import { openVpnSite, untilNode, type VpnSite } from '../support/vpn-site.ts'

/*
 * Viewers whom no event reported, on real Docker: no engine is ended while they watch, and none is kept for viewers who have
 * left.
 */

setDefaultTimeout(120_000)

const HIDE_S = 3
const AUTO_DELETE = { AUTO_DELETE: 'true', ENGINE_GRACE_PERIOD_S: '5', DRAIN_HIDE_S: String(HIDE_S) }
/** Longer than an engine is hidden before it is removed. */
const KEPT_MS = (HIDE_S + 15) * 1_000

const cleanUps: (() => Promise<unknown>)[] = []
afterAll(() => Promise.all(cleanUps.map((cleanUp) => cleanUp())))

let bare: string
beforeAll(async () => {
  bare = await buildBareEngineImage()
}, 240_000)

/** Runs a test with a Docker label of its own, so that several tests can run at the same time. */
const onSite = (work: (site: TestSite) => Promise<void>) => async (): Promise<void> => {
  const site = await openTestSite()
  try {
    await work(site)
  } finally {
    await site.cleanUp()
  }
}

async function started(site: TestSite, env: Readonly<Record<string, string>>): Promise<TestServer> {
  const server = site.server(env)
  await server.start()
  return server
}

async function readyEngine(server: TestServer): Promise<Provisioned> {
  const engine = await mustProvision(server)
  await until('it is ready', async () => (await engineOf(server, engine.container_id))?.status === 'ready')
  return engine
}

/** Waits until the engine drains, and checks that the viewer receives bytes for longer than the engine is hidden. */
async function expectKept(server: TestServer, containerId: string, viewer: Viewer): Promise<void> {
  await until('it drains', async () => (await engineOf(server, containerId))?.status === 'draining', 30_000)
  await staysFor(KEPT_MS, 'the stream moves', async () => {
    const before = viewer.bytes()
    return until('more came', () => viewer.bytes() > before)
  })
  expect(await engineOf(server, containerId)).toMatchObject({ status: 'draining', listed: false })
}

/** Makes the viewer leave and waits for the engine's removal. Returns the milliseconds until the removal was decided. */
async function expectRemoved(
  { docker }: TestSite,
  server: TestServer,
  containerId: string,
  viewer: Viewer,
): Promise<number> {
  const leftMs = Date.now()
  viewer.leave()
  await untilRemoved(docker, containerId, 60_000).catch((cause) => {
    throw new Error(`${cause.message}\n${server.output}`, { cause })
  })
  const { at, detail } = entryOf(server, 'engine.removal_requested', containerId)
  expect(detail.rule).toBe('drained')
  return at - leftMs
}

const toldOf = (server: TestServer): number =>
  server.output.split('somebody watches whom no event reported').length - 1

describe('an engine with a viewer whom no event reported', () => {
  test.concurrent(
    'is not scaled down under him',
    onSite(async (site) => {
      const server = await started(site, AUTO_DELETE)
      const { container_id: id, host_http_port: port } = await readyEngine(server)
      const viewer = await openViewer(port)
      await expectKept(server, id, viewer)
      expect(toldOf(server)).toBe(1)
      expect(await expectRemoved(site, server, id, viewer)).toBeLessThan(7_000)
    }),
  )

  test.concurrent(
    'is replaced by one of another configuration, and not ended under him',
    onSite(async (site) => {
      const server = await started(site, {
        ...AUTO_DELETE,
        AUTO_DELETE: 'false',
        MIN_REPLICAS: '1',
        HEALTH_REPLACEMENT_COOLDOWN_S: '0.1',
      })
      const [engine] = await untilReady(server, 1)
      const { container_id: id, port } = engine ?? { container_id: '', port: 0 }
      const viewer = await openViewer(port)
      await server.end()
      await server.start({ ENGINE_ENV: 'NEW=1' })
      await expectKept(server, id, viewer)
      expect((await fleetOf(server)).map(({ status }) => status).toSorted()).toEqual(['draining', 'ready'])
      expect(await expectRemoved(site, server, id, viewer)).toBeLessThan(7_000)
    }),
  )

  test.concurrent(
    'whose image can run no command, nor count: its traffic tells',
    onSite(async (site) => {
      const server = await started(site, { ...AUTO_DELETE, TARGET_IMAGE: bare })
      const { container_id: id, host_http_port: port } = await readyEngine(server)
      const viewer = await openViewer(port)
      await expectKept(server, id, viewer)
      // Half a minute without traffic.
      expect(await expectRemoved(site, server, id, viewer)).toBeWithin(25_000, 50_000)
    }),
  )

  test.concurrent('behind a VPN, whose image can run no command: Gluetun’s tells', async () => {
    const vpn: VpnSite = await openVpnSite()
    cleanUps.push(() => vpn.cleanUp())
    const gluetun = await vpn.gluetun()
    const server = vpn.server([gluetun], { ...AUTO_DELETE, TARGET_IMAGE: bare })
    await server.start()
    await untilNode(server, 'up')
    const { container_id: id, host_http_port: port } = await readyEngine(server)
    const viewer = await openViewer(port)
    await expectKept(server, id, viewer)
    viewer.leave()
    await untilRemoved(vpn.site.docker, id, 20_000)
    expect(await gluetun.state()).toMatchObject({ restarts: 0, tunnel_up: true })
    expect(toldOf(server)).toBe(1)
  })
})

test(
  'an idle engine goes as soon as it was hidden for long enough',
  onSite(async (site) => {
    const server = await started(site, AUTO_DELETE)
    const { container_id: id } = await readyEngine(server)
    await untilRemoved(site.docker, id, 30_000)
    const drainedMs = entryOf(server, 'engine.draining', id).at
    const wantedMs = entryOf(server, 'engine.removal_requested', id).at
    expect(wantedMs - drainedMs).toBeWithin(HIDE_S * 1_000, HIDE_S * 1_000 + 1_500)
    expect(journalOf(server).filter(({ kind }) => kind === 'engine.recalled')).toEqual([])
  }),
)

test(
  'no question of ours holds a connection to an engine for as long as a viewer does, nor to one that hangs',
  onSite(async (site) => {
    const server = await started(site, {
      HEALTH_CHECK_INTERVAL_S: '5',
      COLLECT_INTERVAL_S: '0.5',
      MIN_REPLICAS: '1',
    })
    const [engine] = await untilReady(server, 1)
    if (engine === undefined) throw new Error('there is no engine')
    // A session that nobody reads, and about which the engine is asked all the time.
    const answer = await fetch(
      `http://127.0.0.1:${engine.port}/ace/getstream?id=${'0'.repeat(40)}&format=json`,
    )
    const { response } = (await answer.json()) as { response: { stat_url: string } }
    await reportStarted(server, engine, 'stream', response.stat_url)
    const emulator = await emulatorOf(site.docker, engine.container_id)
    const held = new Connections(site, engine.container_id, engine.port)
    await held.watch(8_000)
    await emulator.setFaults({ hang: ['all'] })
    await held.watch(17_000)
    expect(held.longestMs).toBeGreaterThan(3_000)
    expect(held.longestMs).toBeLessThan(6_000)
  }),
)

/** Looks again and again at the connections to an engine, as Roundhouse does. */
class Connections {
  longestMs = 0
  readonly #since = new Map<string, number>()

  constructor(
    private readonly of: TestSite,
    private readonly containerId: string,
    private readonly port: number,
  ) {}

  async watch(ms: number): Promise<void> {
    const runtime = dockerRuntimeAt(this.of.docker.dockerHost)
    const [command] = tableCommands(this.port)
    await staysFor(ms, 'the tables can be read', async () => {
      const atMs = performance.now()
      const seen = peersIn(this.port, await runtime.commands.exec(this.containerId, command ?? []))
      for (const peer of this.#since.keys()) if (!seen?.peers.includes(peer)) this.#since.delete(peer)
      for (const peer of seen?.peers ?? []) {
        const sinceMs = this.#since.get(peer) ?? atMs
        this.#since.set(peer, sinceMs)
        this.longestMs = Math.max(this.longestMs, atMs - sinceMs)
      }
      return seen?.isWhole === true
    })
  }
}

test(
  'an event with a wrong key is a line in the log, counted, and a warning',
  onSite(async (site) => {
    const server = await started(site, { API_KEY: 'the-right-key' })
    // The path of an acexy whose base URL ends with a slash.
    const send = (headers: Record<string, string>) =>
      server.post('//events/stream_started', {}, { headers }).then(({ status }) => status)
    for (let time = 0; time < 3; time++) expect(await send({ authorization: 'Bearer a-wrong-key' })).toBe(403)
    expect(await send({ authorization: 'Bearer the-right-key' })).toBe(422)
    const line = '403 for POST /events/stream_started from 127.0.0.1: wrong key; its streams are not booked'
    await until('it is in the log', () => server.output.includes(line))
    expect(server.output.split(line)).toHaveLength(2)
    expect(server.output).not.toContain('a-wrong-key')
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toContain('roundhouse_events_refused_total{status="403"} 3')
    expect(metrics).toContain('roundhouse_warning{code="events_refused"} 1')
    const { warnings } = await server.get<{ warnings: { code: string; remedy: string }[] }>(
      '/orchestrator/status',
    )
    expect(warnings).toMatchObject([{ code: 'events_refused', remedy: expect.stringContaining('API_KEY') }])
  }),
)
