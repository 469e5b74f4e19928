import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createDockerRuntime, DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '../../src/runtime/docker.ts'
import type { ContainerEvent } from '../../src/runtime/runtime.ts'
import { agreement } from '../support/consistency.ts'
import { until } from '../support/docker.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import {
  type EngineRow,
  listedIds,
  mustProvision,
  openTestSite,
  startStream,
  type TestSite,
} from '../support/fleet.ts'
import type { TestServer } from '../support/server.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(30_000)

/** Long enough for busy machines, and shorter than the seconds until the next full pass. The measured times are printed. */
const LAG_MAX_MS = 1_000
/** So long that no periodic pass can find what the events have to report. */
const NO_PERIODIC_PASS = { MONITOR_INTERVAL_S: '600' }

let site: TestSite
const closers: (() => void)[] = []

beforeAll(async () => {
  site = await openTestSite()
}, 120_000)

const cleanUp = async () => {
  for (const close of closers.splice(0)) close()
  await site?.cleanUp()
}
afterEach(cleanUp)
afterAll(cleanUp)

/** The test's own subscription to Docker's events: it knows when each event of a container arrived. */
async function listen(): Promise<{
  heardMs: (action: ContainerEvent['action'], id: string) => Promise<number>
}> {
  const { dockerHost, label } = site.docker
  const options = { dockerHost, label, deadlinesMs: DEFAULT_DEADLINES_MS, logs: DEFAULT_LOG_LIMITS }
  const heard = new Map<string, number>()
  const stop = new AbortController()
  closers.push(() => stop.abort())
  const opened = Promise.withResolvers<void>()
  const onEvent = ({ action, id }: ContainerEvent) => heard.set(`${action} ${id}`, performance.now())
  void createDockerRuntime(options).events({ onOpen: () => opened.resolve(), onEvent }, stop.signal)
  await opened.promise
  return {
    heardMs: async (action, id) => {
      const at = await until(`a ${action} event of ${id}`, () => heard.get(`${action} ${id}`))
      heard.delete(`${action} ${id}`)
      return at
    },
  }
}

/**
 * Asks for the list of engines again and again. Returns the time of the first answer in which the engine is listed, or is
 * not.
 */
async function firstAnswerMs(server: TestServer, id: string, isListed: boolean): Promise<number> {
  const deadlineMs = performance.now() + 10_000
  while (performance.now() < deadlineMs) {
    if ((await listedIds(server)).includes(id) === isListed) return performance.now()
  }
  throw new Error(`in 10 s ${id} was never ${isListed ? 'listed' : 'off the list'}\n${server.output}`)
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

function report(what: string, lagsMs: readonly number[]): void {
  const all = lagsMs.map((lag) => lag.toFixed(1)).join(' ')
  console.log(`${what}: median ${median(lagsMs).toFixed(1)} ms of ${lagsMs.length} (${all})`)
}

async function endReason(server: TestServer, streamId: string): Promise<string | null> {
  const ended = await server.get<{ id: string; end_reason: string | null }[]>('/streams?status=ended')
  return ended.find(({ id }) => id === streamId)?.end_reason ?? null
}

test('hides an engine that was killed, and lists it again when it was started', async () => {
  const server = site.server(NO_PERIODIC_PASS)
  await server.start()
  const engine = await mustProvision(server)
  const id = engine.container_id
  const container = site.docker.client.getContainer(id)
  const ear = await listen()
  await startStream(server, engine)
  const lags = { die: [] as number[], start: [] as number[] }
  for (let turn = 1; turn <= 5; turn++) {
    const hidden = firstAnswerMs(server, id, false)
    await container.kill()
    lags.die.push((await hidden) - (await ear.heardMs('die', id)))
    // Its stream ends by a look of its own, which would find a restart if the container were started before it.
    if (turn === 1) await until('its stream has ended', () => endReason(server, id))
    const back = firstAnswerMs(server, id, true)
    await container.start()
    lags.start.push((await back) - (await ear.heardMs('start', id)))
  }
  report('from die to hidden', lags.die)
  report('from start to listed', lags.start)
  expect(median(lags.die)).toBeLessThan(LAG_MAX_MS)
  expect(median(lags.start)).toBeLessThan(LAG_MAX_MS)
  expect(await endReason(server, id)).toBe('engine_stopped')
  await agreement(server, site.docker, [id])
})

test('forgets an engine whose container was removed', async () => {
  const server = site.server(NO_PERIODIC_PASS)
  await server.start()
  const ear = await listen()
  const lags: number[] = []
  for (let turn = 1; turn <= 3; turn++) {
    const engine = await mustProvision(server)
    await startStream(server, engine)
    const hidden = firstAnswerMs(server, engine.container_id, false)
    await site.docker.client.getContainer(engine.container_id).remove({ force: true })
    lags.push((await hidden) - (await ear.heardMs('die', engine.container_id)))
    await until('its stream has ended', () => endReason(server, engine.container_id))
  }
  report('from the die of a removal to hidden', lags)
  expect(median(lags)).toBeLessThan(LAG_MAX_MS)
  await agreement(server, site.docker)
})

test('finds after a gap in the events what happened meanwhile', async () => {
  const proxy = await DockerProxy.open(site.docker.dockerHost)
  closers.push(() => proxy.stop())
  const server = site.server({ ...NO_PERIODIC_PASS, DOCKER_HOST: proxy.dockerHost })
  await server.start()
  const removed = await mustProvision(server)
  const killed = await mustProvision(server)
  await startStream(server, removed)
  await startStream(server, killed)

  proxy.cut()
  await site.docker.client.getContainer(removed.container_id).remove({ force: true })
  await site.docker.client.getContainer(killed.container_id).kill()
  // No event has arrived, so the server still lists both. Without this check the rest would prove nothing about the gap.
  expect((await listedIds(server)).toSorted()).toEqual([removed.container_id, killed.container_id].toSorted())

  proxy.resume()
  await until('both are off the list', async () => (await listedIds(server)).length === 0)
  const rows = await server.get<EngineRow[]>('/engines?status=all')
  expect(rows.map(({ container_id }) => container_id)).toEqual([killed.container_id])
  expect(await endReason(server, removed.container_id)).toBe('engine_gone')
  expect(await endReason(server, killed.container_id)).toBe('docker_outage')
  await agreement(server, site.docker)
})
