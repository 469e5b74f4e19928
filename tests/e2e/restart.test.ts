import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { agreement } from '../support/consistency.ts'
import { connectTestDocker, type TestDocker, until } from '../support/docker.ts'
import {
  type EngineRow,
  mustProvision,
  openTestSite,
  provision,
  startStream,
  type TestSite,
} from '../support/fleet.ts'
import { freePort } from '../support/ports.ts'
import type { TestServer } from '../support/server.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(30_000)

interface StreamRow {
  readonly id: string
  readonly container_id: string | null
  readonly started_at: string
}

let site: TestSite
/** Makes containers of somebody else: they lack the label of the orchestrators under test. */
let stranger: TestDocker

beforeAll(async () => {
  site = await openTestSite()
  stranger = await connectTestDocker()
}, 120_000)

const cleanUp = async () => {
  await site?.cleanUp()
  await stranger?.cleanUp()
}
afterEach(cleanUp)
afterAll(cleanUp)

/** What a restart must not change. */
async function books(server: TestServer) {
  const engines = await server.get<EngineRow[]>('/engines?status=all')
  const streams = await server.get<StreamRow[]>('/streams?status=started')
  return {
    engines: engines.map(({ container_id, container_name, port, first_seen }) => ({
      container_id,
      container_name,
      port,
      first_seen,
    })),
    streams: streams.map(({ id, container_id, started_at }) => ({ id, container_id, started_at })),
  }
}

/** Opens a connection that has received its answer and stays open. */
async function keepAliveConnection(server: TestServer): Promise<{ closed: Promise<void> }> {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port,
    socket: { data: () => answered.resolve(), close: () => resolve(), error: () => resolve() },
  })
  socket.write('GET /engines HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await answered.promise
  return { closed }
}

const startedAt = async (id: string): Promise<string> =>
  (await site.docker.client.getContainer(id).inspect()).State.StartedAt

function forgetDatabase(server: TestServer): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${server.databasePath}${suffix}`, { force: true })
}

/** Starts a container of the emulator's image that publishes one port. */
async function runEngine(
  docker: TestDocker,
  { port, labels }: { readonly port: number; readonly labels: Record<string, string> },
): Promise<string> {
  const container = await docker.client.createContainer({
    Image: site.image,
    Labels: { ...labels, [docker.label.key]: docker.label.value },
    Env: [`HTTP_PORT=${port}`],
    ExposedPorts: { [`${port}/tcp`]: {} },
    HostConfig: { PortBindings: { [`${port}/tcp`]: [{ HostPort: String(port) }] } },
  })
  await container.start()
  return container.id
}

test('ends within 2 s of a SIGTERM, cuts no engine, and knows all of them afterwards', async () => {
  const server = site.server()
  await server.start()
  const engines = [await mustProvision(server), await mustProvision(server)]
  for (const engine of engines) await startStream(server, engine)
  const before = await books(server)
  const starts = await Promise.all(engines.map((engine) => startedAt(engine.container_id)))
  expect(before.engines.map(({ container_id }) => container_id)).toEqual(
    engines.map((engine) => engine.container_id),
  )

  expect(await server.end()).toBeLessThan(2_000)
  expect(await Promise.all(engines.map((engine) => startedAt(engine.container_id)))).toEqual(starts)
  await server.start()
  expect(await books(server)).toEqual(before)
  await agreement(
    server,
    site.docker,
    engines.map((engine) => engine.container_id),
  )
  expect(await Promise.all(engines.map((engine) => startedAt(engine.container_id)))).toEqual(starts)
})

test('ends within 2 s also with a provision in flight and connections open', async () => {
  const server = site.server()
  await server.start()
  const kept = await mustProvision(server)
  const connections = await Promise.all([1, 2, 3].map(() => keepAliveConnection(server)))
  const inFlight = provision(server)
  await until('the second engine is in the books', async () => (await books(server)).engines.length === 2)

  expect(await server.end()).toBeLessThan(2_000)
  await Promise.all(connections.map(({ closed }) => closed))
  const outcome = await inFlight
  await server.start()
  const promised = outcome.kind === 'engine' ? [outcome.engine.container_id] : []
  await agreement(server, site.docker, [kept.container_id, ...promised])
})

test('adopts the running engines from their labels alone', async () => {
  const server = site.server()
  await server.start()
  const engines = [await mustProvision(server), await mustProvision(server)]
  await server.end()
  forgetDatabase(server)

  await server.start()
  const adopted = (await books(server)).engines
  expect(
    adopted.map(({ container_id, container_name, port }) => [container_id, container_name, port]),
  ).toEqual(engines.map((engine) => [engine.container_id, engine.container_name, engine.host_http_port]))
  await agreement(
    server,
    site.docker,
    engines.map((engine) => engine.container_id),
  )
  // Names and ports of the adopted engines are taken. An empty database does not know that by itself.
  const next = await mustProvision(server)
  expect(engines.map((engine) => engine.container_name)).not.toContain(next.container_name)
})

test('adopts engines of the earlier orchestrator', async () => {
  const port = freePort()
  const labels = {
    'acestream.http_port': `${port}`,
    'acestream.https_port': '45001',
    'host.http_port': `${port}`,
  }
  const id = await runEngine(site.docker, { port, labels })
  const server = site.server()
  await server.start()
  const [engine, ...others] = await server.get<EngineRow[]>('/engines')
  expect(others).toEqual([])
  expect(engine).toMatchObject({ container_id: id, port })
  await agreement(server, site.docker, [id])
  expect((await site.docker.client.getContainer(id).inspect()).State.Running).toBe(true)
})

test('removes engine containers that were never started, a minute after they were made', async () => {
  const create = async () => {
    const container = await site.docker.client.createContainer({
      Image: site.image,
      Labels: { [site.docker.label.key]: site.docker.label.value, 'roundhouse.engine': crypto.randomUUID() },
    })
    return container.id
  }
  const strays = async () =>
    (await site.docker.client.listContainers({ all: true, filters: ourLabel() })).map(({ Id }) => Id)
  const early = await create()
  const server = site.server({ MONITOR_INTERVAL_S: '600' })
  await server.start()
  expect(await books(server)).toEqual({ engines: [], streams: [] })
  const madeMs = Date.now()
  const late = await create()
  await until('the first one is removed', async () => !(await strays()).includes(early), 75_000)
  await until('the second one is removed', async () => !(await strays()).includes(late), 15_000)
  expect(Date.now() - madeMs).toBeWithin(59_000, 75_000)
}, 120_000)

test('leaves the containers of others alone and tells nothing of them', async () => {
  const port = freePort()
  const labels = {
    'roundhouse.engine': crypto.randomUUID(),
    'acestream.http_port': `${port}`,
    'host.http_port': `${port}`,
  }
  const id = await runEngine(stranger, { port, labels })
  const server = site.server()
  await server.start()
  const { Name } = await stranger.client.getContainer(id).inspect()
  for (const reference of [id, id.slice(0, 12), Name.slice(1)]) {
    expect(await server.answers(`/containers/${reference}`)).toBe(404)
    expect((await server.delete(`/containers/${reference}`)).status).toBe(404)
  }
  expect(await books(server)).toEqual({ engines: [], streams: [] })
  const { key, value } = stranger.label
  expect(await server.get<unknown[]>(`/by-label?key=${key}&value=${value}`)).toEqual([])
  expect((await stranger.client.getContainer(id).inspect()).State.Running).toBe(true)
})

const ourLabel = () => ({ label: [`${site.docker.label.key}=${site.docker.label.value}`] })
