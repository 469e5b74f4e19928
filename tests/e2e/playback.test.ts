import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { systemClock } from '../../src/lib/clock.ts'
import { AcexyClient } from '../support/acexy-client.ts'
import { openSession, stopSession } from '../support/acexy-engine.ts'
import { until } from '../support/docker.ts'
import { openTestSite, type TestSite } from '../support/fleet.ts'
import { emulatorOf, type FleetRow, fleetOf, untilReady } from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'

/* An engine that answers its probes and opens sessions, and sends no byte, among good ones. */

setDefaultTimeout(60_000)

/** How long a viewer waits for the first bytes: long, since a good engine is slow on a busy machine. */
const PATIENCE_MS = 2_000
/** How long a viewer watches. */
const WATCHED_MS = 400
const VIEWERS = 30

let site: TestSite

beforeAll(async () => {
  site = await openTestSite()
}, 120_000)
afterEach(() => site.cleanUp())
afterAll(() => site?.cleanUp())

/** Whether the playback sends any byte before the viewer gives up. */
async function playsAt(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const { body } = await fetch(url, { signal })
    for await (const chunk of body ?? []) if (chunk.length > 0) return true
    return false
  } catch {
    return false
  }
}

/**
 * Sends one viewer to the engine that acexy chooses, and reports its stream. Each viewer has an acexy of its own, because one
 * keeps the list for 2 s. Returns the engine and what it played.
 */
async function visit(server: TestServer, key: string) {
  const acexy = new AcexyClient({ url: server.url })
  const route = await acexy.select()
  const transport = { clock: systemClock, send: fetch }
  const session = await openSession(transport, route, { by: 'id', key })
  const id = `${key}|${crypto.randomUUID()}`
  const { host, port, containerId } = route
  await server.post('/events/stream_started', {
    engine: { host, port },
    stream: { key_type: 'content_id', key },
    session: { ...session, is_live: 1 },
    labels: { stream_id: id },
  })
  const startedMs = performance.now()
  const hasPlayed = await playsAt(session.playback_url)
  await Bun.sleep(Math.max(0, WATCHED_MS - (performance.now() - startedMs)))
  const reason = hasPlayed ? 'client_disconnected' : 'timeout'
  await server.post('/events/stream_ended', { stream_id: id, reason })
  await stopSession(transport, session)
  return { containerId, hasPlayed }
}

test('at most 6 of 30 viewers meet it, and it is replaced', async () => {
  const server = site.server({
    MIN_REPLICAS: '3',
    COLLECT_INTERVAL_S: '0.1',
    DRAIN_HIDE_S: '1',
    ENGINE_ENV: 'LOAD_MS=5\nPLAYBACK_MS=20\nSTAT_EMPTY_MS=5\nSTAT_IDLE_MS=10\nSTAT_DOWNLOAD_MS=20',
  })
  await server.start()
  const fleet = await untilReady(server, 3)
  await until('all are healthy', async () =>
    (await fleetOf(server)).every(({ health_status }) => health_status === 'healthy'),
  )
  const sick = fleet[1] as FleetRow
  await (await emulatorOf(site.docker, sick.container_id)).setFaults({ no_peers: true })

  const visits: Awaited<ReturnType<typeof visit>>[] = []
  for (let viewer = 0; viewer < VIEWERS; viewer++)
    visits.push(await visit(server, viewer.toString(16).padStart(40, 'a')))

  const unlucky = visits.filter(({ hasPlayed }) => !hasPlayed)
  console.log(`${unlucky.length} of ${VIEWERS} viewers got nothing`)
  expect(unlucky.every(({ containerId }) => containerId === sick.container_id)).toBe(true)
  expect(unlucky.length).toBeLessThanOrEqual(6)
  expect(unlucky.length).toBeGreaterThan(0)
  await until('another has its place', async () => {
    const rows = await fleetOf(server)
    return rows.length === 3 && rows.every(({ container_id }) => container_id !== sick.container_id)
  })
})
