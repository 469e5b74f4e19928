import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { rmSync } from 'node:fs'
import type Dockerode from 'dockerode'
import { staysFor, until } from '../support/docker.ts'
import { type EngineRow, listedIds, mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import type { TestServer } from '../support/server.ts'

/* Two orchestrators with the same label on one Docker Engine, and tools that recreate engines. */

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(60_000)

interface Told {
  readonly code: string
  readonly message: string
}

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
}, 120_000)
afterEach(() => site.cleanUp())
afterAll(() => site?.cleanUp())

/** Inspects a container in Docker; null if there is none. */
async function inspected(id: string): Promise<Dockerode.ContainerInspectInfo | null> {
  try {
    return await site.docker.client.getContainer(id).inspect()
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return null
    throw error
  }
}

const run = async (id: string): Promise<boolean> => (await inspected(id))?.State.Running === true
const allRun = async (ids: readonly string[]): Promise<boolean> =>
  (await Promise.all(ids.map(run))).every((runs) => runs)

const told = async (server: TestServer): Promise<readonly Told[]> =>
  (await server.get<{ warnings: Told[] }>('/orchestrator/status')).warnings

const QUICK = { MONITOR_INTERVAL_S: '1' }

async function startedServer(env: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const server = site.server({ ...QUICK, ...env })
  await server.start()
  return server
}

async function provisioned(server: TestServer, count: number): Promise<string[]> {
  const engines = await Promise.all(Array.from({ length: count }, () => mustProvision(server)))
  return engines.map((engine) => engine.container_id)
}

/** Creates a container again from Docker's inspection of it, as tools do. */
function copyOf(
  { Config, HostConfig }: Dockerode.ContainerInspectInfo,
  { name, publishes }: { readonly name: string; readonly publishes: boolean },
): Promise<Dockerode.Container> {
  return site.docker.client.createContainer({
    name,
    Image: Config.Image,
    Env: Config.Env,
    Labels: Config.Labels,
    ExposedPorts: Config.ExposedPorts,
    HostConfig: publishes ? HostConfig : { ...HostConfig, PortBindings: {} },
  })
}

describe('two installations with one label', () => {
  test('leave each other’s engines alone, and the idle one tells of the other', async () => {
    const busy = await startedServer({ PROVISION_DEADLINE_MS: '20000' })
    const idle = await startedServer()
    const engines = await provisioned(busy, 5)
    await staysFor(8_000, 'all five engines run', () => allRun(engines))
    expect((await listedIds(busy)).toSorted()).toEqual(engines.toSorted())
    expect(await idle.get<unknown[]>('/engines?status=all')).toEqual([])
    const warning = (await told(idle)).find(({ code }) => code === 'other_installation')
    expect(warning?.message).toStartWith('5 containers of another installation with our CONTAINER_LABEL')
    expect(await told(busy)).toEqual([])
    // The log line is of the first look, which may have come before the last engine was made.
    expect(idle.output).toMatch(/[1-5] containers? of another installation/)

    for (const id of [engines[0] ?? '', (await inspected(engines[1] ?? ''))?.Name.slice(1) ?? '']) {
      expect(await idle.answers(`/containers/${id}`)).toBe(404)
      expect((await idle.delete(`/containers/${id}`)).status).toBe(404)
    }
    const { key, value } = site.docker.label
    expect(await idle.get<unknown[]>(`/by-label?key=${key}&value=${value}`)).toEqual([])
    expect(await busy.get<unknown[]>(`/by-label?key=${key}&value=${value}`)).toHaveLength(5)
    expect(await allRun(engines)).toBe(true)
  })

  test('with one database: the second is refused, and the engines of the first live', async () => {
    const first = await startedServer({ PROVISION_DEADLINE_MS: '20000' })
    const second = site.server({ DB_URL: `sqlite:///${first.databasePath}` })
    const refused = second.start().then(
      () => 'it started',
      () => second.output,
    )
    const engines = await provisioned(first, 3)
    expect(await refused).toContain(`the database is in use by process ${first.pid} on host`)
    expect(await allRun(engines)).toBe(true)
    expect((await listedIds(first)).toSorted()).toEqual(engines.toSorted())
  })
})

describe('a new database', () => {
  const forget = (server: TestServer): void => {
    for (const suffix of ['', '-wal', '-shm', '.lock'])
      rmSync(`${server.databasePath}${suffix}`, { force: true })
  }
  const startsOf = (ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => (await inspected(id))?.State.StartedAt))

  test('takes over the engines that run, without a cut, and says so', async () => {
    const server = await startedServer()
    const engines = await provisioned(server, 2)
    const starts = await startsOf(engines)
    const { Config } = await site.docker.client.getContainer(engines[0] ?? '').inspect()
    await server.end()
    forget(server)
    await server.start()
    expect((await listedIds(server)).toSorted()).toEqual(engines.toSorted())
    expect(await startsOf(engines)).toEqual(starts)
    expect(server.output).toMatch(
      /this database is new and takes over 2 engines that run for another installation/,
    )
    expect(server.output).toContain(`(${Config.Labels['roundhouse.installation']})`)
    expect(await told(server)).toEqual([])
    // From now on the engines belong to the new installation, also after its restarts, and new containers carry its own id.
    await server.end()
    await server.start()
    expect((await listedIds(server)).toSorted()).toEqual(engines.toSorted())
    expect((await server.delete(`/containers/${engines[0]}`)).status).toBe(200)
    expect(await inspected(engines[0] ?? '')).toBeNull()
    const [next] = await provisioned(server, 1)
    const labels = (await inspected(next ?? ''))?.Config.Labels ?? {}
    expect(labels['roundhouse.installation']).toMatch(/^[0-9a-f-]{36}$/)
    expect(labels['roundhouse.installation']).not.toBe(Config.Labels['roundhouse.installation'])
  })

  test('leaves them alone with TAKE_OVER=never, and tells of them', async () => {
    const server = await startedServer()
    const engines = await provisioned(server, 2)
    await server.end()
    forget(server)
    await server.start({ TAKE_OVER: 'never' })
    await staysFor(3_000, 'they run and are not listed', async () => {
      return (await allRun(engines)) && (await server.get<unknown[]>('/engines?status=all')).length === 0
    })
    expect((await told(server)).map(({ code }) => code)).toEqual(['other_installation'])
  })
})

describe('a tool that makes an engine anew', () => {
  const rows = async (server: TestServer) =>
    new Map(
      (await server.get<EngineRow[]>('/engines?status=all')).map((row) => [
        row.container_id,
        row.container_name,
      ]),
    )

  test.each([0, 50, 300, 3_000])(
    'after it has removed the old one, and starts its own %i ms later, keeps it',
    async (ms) => {
      const server = await startedServer()
      const engine = await mustProvision(server)
      const old = site.docker.client.getContainer(engine.container_id)
      const before = await old.inspect()
      await old.stop({ t: 1 })
      await old.remove()
      const copy = await copyOf(before, { name: engine.container_name, publishes: true })
      await Bun.sleep(ms)
      await copy.start()
      await until('the copy is listed', async () => (await listedIds(server)).includes(copy.id))
      await staysFor(2_000, 'it runs', () => run(copy.id))
      expect(await rows(server)).toEqual(new Map([[copy.id, engine.container_name]]))
    },
  )

  test('while the old one runs on under another name, has both listed, each by its name', async () => {
    const server = await startedServer()
    const engine = await mustProvision(server)
    const old = site.docker.client.getContainer(engine.container_id)
    await old.rename({ name: `${engine.container_name}-old` })
    const copy = await copyOf(await old.inspect(), { name: engine.container_name, publishes: false })
    await Bun.sleep(300)
    await copy.start()
    await until('both are there by their names', async () => {
      const names = await rows(server)
      return (
        names.get(copy.id) === engine.container_name &&
        names.get(engine.container_id) === `${engine.container_name}-old`
      )
    })
    expect(await allRun([engine.container_id, copy.id])).toBe(true)
  })
})
