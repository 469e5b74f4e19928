import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { until } from '../support/docker.ts'
import { openTestSite, type TestSite } from '../support/fleet.ts'
import {
  emulatorOf,
  type FleetRow,
  fleetOf,
  reportStarted,
  type StreamRow,
  startViewing,
  streamOf,
  untilReady,
} from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'

/* Sessions at real engines (the emulator, in containers), and what happens to their streams in the books. */

setDefaultTimeout(60_000)

/** Long enough for a test that waits for the processor between the begin of a session and its first reader. */
const SESSION_IDLE_MS = 3_000
const COLLECT_INTERVAL_S = 0.5
/** The engine gives an idle session up and denies it at the next question. Two more denials later, the stream has ended. */
const DEAD_WITHIN_MS = SESSION_IDLE_MS + 3 * COLLECT_INTERVAL_S * 1_000 + 2_000

let site: TestSite
const cleanUps: (() => unknown)[] = []

beforeAll(async () => {
  site = await openTestSite()
}, 120_000)
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
  await site.cleanUp()
})
afterAll(() => site?.cleanUp())

async function fleetOfSize(
  size: number,
  engineEnv: Readonly<Record<string, string>> = {},
): Promise<{ server: TestServer; fleet: readonly FleetRow[] }> {
  const env = { SESSION_IDLE_MS, ...engineEnv }
  const server = site.server({
    MIN_REPLICAS: String(size),
    COLLECT_INTERVAL_S: String(COLLECT_INTERVAL_S),
    ENGINE_ENV: Object.entries(env)
      .map((entry) => entry.join('='))
      .join('\n'),
  })
  await server.start()
  return { server, fleet: await untilReady(server, size) }
}

/**
 * Starts a proxy with a viewer on each of these engines, and reports their streams. Returns the function that kills the
 * proxy.
 */
async function proxyWith(server: TestServer, engines: readonly FleetRow[]): Promise<() => Promise<void>> {
  const command = ['bun', join(import.meta.dir, '../support/proxy-process.ts')]
  const proxy = Bun.spawn([...command, ...engines.map(({ port }) => String(port))], { stdout: 'pipe' })
  const kill = async () => {
    proxy.kill('SIGKILL')
    await proxy.exited
  }
  cleanUps.push(kill)
  const { value } = await proxy.stdout.getReader().read()
  const statUrls: string[] = JSON.parse(new TextDecoder().decode(value))
  for (const [index, engine] of engines.entries())
    await reportStarted(server, engine, `killed-${index}`, statUrls[index])
  return kill
}

const capacityOf = async (server: TestServer) =>
  (await server.get<{ capacity: { used: number; available: number } }>('/orchestrator/status')).capacity

const streamsOf = (server: TestServer): Promise<readonly StreamRow[]> => server.get('/streams')

interface Sample {
  readonly ts: string
  readonly downloaded: number | null
  readonly speed_down: number | null
  readonly livepos: { readonly pos: number | null } | null
}

describe.each(['true', 'false'])('where questions keep a session alive: %s', (keepsAlive) => {
  test('the streams of a proxy that was killed end by themselves, and no other', async () => {
    const { server, fleet } = await fleetOfSize(4, { STAT_KEEPS_ALIVE: keepsAlive })
    const [other, ...engines] = fleet as [FleetRow, ...FleetRow[]]
    const viewer = await startViewing(server, other, 'kept')
    cleanUps.push(() => viewer.leave())
    const kill = await proxyWith(server, engines)
    await until('every stream has figures', async () =>
      (await server.get<{ downloaded: number | null }[]>('/streams')).every(({ downloaded }) => downloaded),
    )
    expect(await capacityOf(server)).toMatchObject({ used: 4, available: 0 })

    await kill()
    const killedMs = performance.now()
    await until('its streams have ended', async () => (await capacityOf(server)).used === 1)
    const tookMs = performance.now() - killedMs
    console.log(`killed: its three streams had ended ${Math.round(tookMs)} ms later`)
    expect(tookMs).toBeLessThan(DEAD_WITHIN_MS)
    const before = viewer.bytes()
    expect((await streamsOf(server)).map(({ id, status, end_reason }) => [id, status, end_reason])).toEqual([
      ['kept', 'started', null],
      ...[0, 1, 2].map((index) => [`killed-${index}`, 'ended', 'session_unknown']),
    ])
    expect(await capacityOf(server)).toEqual(expect.objectContaining({ used: 1, available: 3 }))
    // The engines are the same and free, and the viewer on the other engine goes on.
    const after = await fleetOf(server)
    expect(after.map(({ container_id, status, streams }) => [container_id, status, streams.length])).toEqual(
      fleet.map(({ container_id }) => [container_id, 'ready', container_id === other.container_id ? 1 : 0]),
    )
    await until('its viewer has more bytes', () => viewer.bytes() > before)
    expect(await streamOf(server, 'kept')).toMatchObject({ status: 'started' })
  })
})

test('statistics are taken of every started stream, and none of one that has ended', async () => {
  const { server, fleet } = await fleetOfSize(2, { STAT_DOWNLOAD_MS: '2000' })
  const viewers = await Promise.all(fleet.map((engine, index) => startViewing(server, engine, `s|${index}`)))
  cleanUps.push(() => {
    for (const viewer of viewers) viewer.leave()
  })
  await (await emulatorOf(site.docker, (fleet[1] as FleetRow).container_id)).setFaults({
    camel_case_speeds: true,
  })
  const samplesOf = (index: number) => server.get<Sample[]>(`/streams/s%7C${index}/stats`)
  const [first, second] = await Promise.all(
    fleet.map((_, index) =>
      until('it has samples', async () => {
        const samples = await samplesOf(index)
        return samples.length >= 4 && samples.at(-1)?.livepos != null && samples
      }),
    ),
  )
  // Engines spell the speeds in two ways.
  for (const samples of [first, second]) expect(samples?.at(-1)?.speed_down).toBeGreaterThan(0)
  const bytes = (first ?? []).map(({ downloaded }) => downloaded ?? 0)
  expect(bytes).toEqual(bytes.toSorted((a, b) => a - b))
  expect(bytes.at(-1)).toBeGreaterThan(bytes[0] ?? 0)
  expect(first?.at(-1)?.livepos?.pos).toBeGreaterThan(1_700_000_000)
  const times = (first ?? []).map(({ ts }) => Date.parse(ts))
  const gaps = times.slice(1).map((ms, index) => ms - (times[index] ?? 0))
  expect(gaps.every((ms) => ms > 0 && ms < 4 * COLLECT_INTERVAL_S * 1_000)).toBe(true)

  await server.post('/events/stream_ended', { stream_id: 's|0', reason: 'eof' })
  const atEnd = await samplesOf(0)
  const other = (await samplesOf(1)).length
  await until('the other has two more', async () => (await samplesOf(1)).length >= other + 2)
  expect((await samplesOf(0)).length).toBeLessThanOrEqual(atEnd.length + 1)
})

test('an engine that is silent about its sessions for long, and a session that stands still, end nothing', async () => {
  const { server, fleet } = await fleetOfSize(2, { SESSION_IDLE_MS: '30000' })
  const [silent, still] = fleet as [FleetRow, FleetRow]
  const viewers = [await startViewing(server, silent, 'silent'), await startViewing(server, still, 'still')]
  cleanUps.push(() => {
    for (const viewer of viewers) viewer.leave()
  })
  await (await emulatorOf(site.docker, silent.container_id)).setFaults({ hang: ['stat'] })
  await (await emulatorOf(site.docker, still.container_id)).setFaults({ sessions_stuck: true })
  await until(
    'it shows that it stands still',
    async () => {
      const row = await server.get<{ stalled_since: string | null }>('/streams/still')
      return row.stalled_since !== null
    },
    30_000,
  )
  expect((await streamsOf(server)).map(({ status }) => status)).toEqual(['started', 'started'])
})

test('DELETE stops the session at its engine, for its viewer too', async () => {
  const { server, fleet } = await fleetOfSize(1)
  const viewer = await startViewing(server, fleet[0] as FleetRow, 'stop|me')
  cleanUps.push(() => viewer.leave())
  const answer = await server.delete('/streams/stop%7Cme')
  expect(await answer.json()).toMatchObject({
    updated: true,
    session: 'stopped',
    stream: { id: 'stop|me', status: 'ended', end_reason: 'stopped_by_operator' },
  })
  expect(await (await fetch(viewer.statUrl)).json()).toMatchObject({ error: 'unknown playback session id' })
  const again = await server.delete('/streams/stop%7Cme')
  expect(await again.json()).toMatchObject({ updated: false, session: 'none' })
})
