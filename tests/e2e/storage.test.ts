import { Database } from 'bun:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../support/docker.ts'
import { type EngineRow, mustProvision, openTestSite, provision, type TestSite } from '../support/fleet.ts'
import {
  type FleetRow,
  reportEnded,
  reportStarted,
  type StreamRow,
  startViewing,
  untilReady,
} from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'
import { failingDisk, smallDisk } from '../support/small-disk.ts'

/*
 * A disk that is full, fails or is taken away, with a fleet that has viewers. These tests need root, to mount file systems.
 */

setDefaultTimeout(90_000)

const SMALL_BYTES = 2 * 1024 * 1024

let site: TestSite
const cleanUps: (() => unknown)[] = []

beforeAll(async () => {
  site = await openTestSite()
}, 120_000)
afterEach(async () => {
  await site.cleanUp()
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})
afterAll(() => site?.cleanUp())

/** Engines are not asked about sessions: they do not know that of a stream that is only reported, and it would end. */
const UNASKED = { COLLECT_INTERVAL_S: '600' }

/** Starts a server whose database is in this folder, with two ready engines. */
async function fleetOn(folder: string, env: Readonly<Record<string, string>> = {}) {
  const server = site.server({
    DB_URL: `sqlite:///${join(folder, 'orchestrator.db')}`,
    MIN_REPLICAS: '2',
    COLLECT_INTERVAL_S: '0.5',
    ...env,
  })
  await server.start()
  const [first, second] = await untilReady(server, 2)
  if (first === undefined || second === undefined) throw new Error('no two engines')
  return { server, first, second }
}

interface Status {
  readonly status: string
  readonly streams: { readonly active: number }
  readonly warnings: readonly { readonly code: string; readonly message: string }[]
}

const statusOf = (server: TestServer) => server.get<Status>('/orchestrator/status')
const isRefused = async (server: TestServer) =>
  (await statusOf(server)).warnings.some(({ code }) => code === 'storage_unavailable')
const streamsOf = async (server: TestServer) =>
  (await server.get<StreamRow[]>('/streams')).map(({ id, status }) => `${id} ${status}`)

/** Reports short streams until the database accepts no more. */
async function untilRefused(server: TestServer, engine: FleetRow): Promise<string[]> {
  const ids: string[] = []
  await until('the database takes no writes', async () => {
    const id = `short-${ids.length}`
    ids.push(id)
    await reportStarted(server, engine, id)
    await reportEnded(server, id)
    return isRefused(server)
  })
  return ids
}

/** Asks acexy's questions one after the other. Each must be answered with 200. */
async function asked(server: TestServer): Promise<void> {
  const listed = await server.get<EngineRow[]>('/engines')
  expect(listed.length).toBeGreaterThan(0)
  for (const { container_id } of listed)
    await server.get(`/streams?container_id=${container_id}&status=started`)
  await statusOf(server)
}

describe('a full disk', () => {
  test('ends neither the process nor a stream, and nothing that was reported is lost', async () => {
    const disk = smallDisk(SMALL_BYTES)
    cleanUps.push(disk.dispose)
    const { server, first, second } = await fleetOn(disk.folder)
    const viewer = await startViewing(server, first, 'watched')
    disk.fill()
    const { pid } = server
    const short = await untilRefused(server, second)
    const late = await startViewing(server, second, 'begun')
    const before = viewer.bytes()
    for (let round = 0; round < 20; round++) await asked(server)
    expect(await statusOf(server)).toMatchObject({ status: 'degraded', streams: { active: 2 } })
    expect(await provision(server)).toMatchObject({
      kind: 'refused',
      status: 503,
      code: 'storage_unavailable',
      retryAfter: '6',
      body: { detail: { code: 'storage_unavailable', should_wait: true } },
    })
    await until('the viewer has got more', () => viewer.bytes() > before + 500_000)
    disk.free()
    await until('the database takes writes', async () => !(await isRefused(server)))
    expect([server.pid, (await statusOf(server)).status]).toEqual([pid, 'healthy'])
    // The file contains what was reported, so a crash right now loses nothing.
    await server.end('SIGKILL')
    await server.start()
    const known = await streamsOf(server)
    expect(known).toContain('watched started')
    expect(known).toContain('begun started')
    for (const id of short) expect(known).toContain(`${id} ended`)
    await mustProvision(server)
    viewer.leave()
    late.leave()
  })

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'that is still full after a restart by %s: what proxies ask is answered, and it becomes ready when there is room',
    async (signal) => {
      const disk = smallDisk(SMALL_BYTES)
      cleanUps.push(disk.dispose)
      const { server, first } = await fleetOn(disk.folder)
      const viewer = await startViewing(server, first, 'watched')
      if (signal === 'SIGTERM') await server.end(signal)
      disk.fill()
      if (signal === 'SIGKILL') {
        await untilRefused(server, first)
        await server.end(signal)
      }
      await server.start({}, '/healthz')
      await asked(server)
      expect(await streamsOf(server)).toContain('watched started')
      await until('it is found that the database takes no writes', () => isRefused(server))
      disk.free()
      await until('it is ready', async () => (await server.answers('/readyz')) === 200)
      await until('the database takes writes', async () => !(await isRefused(server)))
      await mustProvision(server)
      viewer.leave()
    },
  )
})

test('a disk that fails and becomes read-only is named, and reads go on', async () => {
  const disk = failingDisk()
  cleanUps.push(disk.dispose)
  const { server, first } = await fleetOn(disk.folder)
  disk.fail()
  await untilRefused(server, first)
  await reportStarted(server, first, 'begun')
  await asked(server)
  expect(await streamsOf(server)).toContain('begun started')
  expect((await statusOf(server)).warnings[0]?.message).toContain('disk')
  expect(await provision(server)).toMatchObject({ status: 503, code: 'storage_unavailable' })
})

test('a lock that another process holds for seconds delays nobody, and everything is written afterwards', async () => {
  const disk = smallDisk(16 * SMALL_BYTES)
  cleanUps.push(disk.dispose)
  const { server, first } = await fleetOn(disk.folder, UNASKED)
  const holder = new Database(join(disk.folder, 'orchestrator.db'))
  holder.run('BEGIN IMMEDIATE')
  await reportStarted(server, first, 'begun')
  const latencies: number[] = []
  for (let round = 0; round < 50; round++) {
    const startedMs = performance.now()
    await statusOf(server)
    latencies.push(performance.now() - startedMs)
  }
  // One write waits a quarter of a second for the lock. After that, the outage is known and no write waits.
  expect(latencies.filter((ms) => ms > 200).length).toBeLessThanOrEqual(2)
  expect(await provision(server)).toMatchObject({ code: 'storage_unavailable' })
  holder.close()
  await until('the database takes writes', async () => !(await isRefused(server)))
  await server.end('SIGKILL')
  await server.start()
  expect(await streamsOf(server)).toContain('begun started')
})

test('a folder that is taken away is noticed, and used again when it is back', async () => {
  const disk = smallDisk(16 * SMALL_BYTES)
  cleanUps.push(disk.dispose)
  const path = join(disk.folder, 'orchestrator.db')
  const { server, first } = await fleetOn(disk.folder, UNASKED)
  renameSync(path, `${path}.away`)
  await until('it is noticed', () => isRefused(server))
  await reportStarted(server, first, 'begun')
  await asked(server)
  renameSync(`${path}.away`, path)
  await until('the database takes writes', async () => !(await isRefused(server)))
  await server.end('SIGKILL')
  await server.start()
  expect(await streamsOf(server)).toContain('begun started')
})

test('what nobody foresaw is told once with its stack, and ends the process with 1; engines run on', async () => {
  const disk = smallDisk(16 * SMALL_BYTES)
  cleanUps.push(disk.dispose)
  const { server, first } = await fleetOn(disk.folder, { FAIL_POINT: 'main_thread' })
  const viewer = await startViewing(server, first, 'watched')
  process.kill(server.pid, 'SIGUSR2')
  expect(await server.exitCode()).toBe(1)
  // A place in the sources, or in the binary.
  expect(server.output.match(/crashed as it was told to[\s\S]*?(?:src\/main\.ts|\$bunfs)/g)).toHaveLength(1)
  expect(server.output.match(/a defect: the process ends with 1/g)).toHaveLength(1)
  const before = viewer.bytes()
  await until('the viewer has got more', () => viewer.bytes() > before + 500_000)
  await server.start()
  expect(await streamsOf(server)).toContain('watched started')
  viewer.leave()
})
