import { Database } from 'bun:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { AcexyClient } from '../support/acexy-client.ts'
import { firstStream, inView, startedClient, thirdStream } from '../support/acexy-scenarios.ts'
import { decodeProvisioned } from '../support/acexy-wire.ts'
import { connectTestDocker, type TestDocker, until } from '../support/docker.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import { buildEngineImage } from '../support/engine-image.ts'
import { freePortRange, rangeSetting } from '../support/ports.ts'
import { TestServer } from '../support/server.ts'

/*
 * The scenarios of the seed (the specification that this project began with): the orchestrator as a process, real Docker,
 * the engine emulator in containers, and acexy's behaviour with its real waits.
 */

const API_KEY = 'a key'
/** How long an engine that already answers may still be reported as `starting`. */
const READY_WITHIN_MS = 1_500
const SCENARIO_TIMEOUT_MS = 60_000

const wanted = new Set<string>()
const passed = new Set<string>()
const cleanUps: (() => Promise<void> | void)[] = []
let image: string

beforeAll(async () => {
  image = await buildEngineImage()
}, 150_000)

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
}, 30_000)

afterAll(() => {
  if (passed.size === wanted.size) console.log('✅ ALL INTEGRATION TESTS PASSED!')
})

/** Defines a test whose success counts for the last line of the output. */
function scenario(name: string, work: () => Promise<void>): void {
  wanted.add(name)
  test(
    name,
    async () => {
      await work()
      passed.add(name)
    },
    SCENARIO_TIMEOUT_MS,
  )
}

describe('the seed', () => {
  scenario('scenario 1: a stream is asked for where there is no engine', async () => {
    await firstStream(await stage())
  })

  scenario('scenario 3: a third stream is asked for where two engines have one each', async () => {
    await thirdStream(await stage())
  })
})

describe('an engine that boots', () => {
  scenario('is listed as starting, and as ready soon after its first good answer', async () => {
    const { server } = await orchestrator({
      ENGINE_ENV: '{"BOOT_API_MS":"2500","BOOT_MS":"2500"}',
      PROVISION_DEADLINE_MS: '20000',
    })
    const { host_http_port: port } = await provisioned(server)
    expect(await stateOf(server)).toEqual({ status: 'starting', health_status: 'unknown', listed: true })
    const [answeredMs, readyMs] = await Promise.all([
      firstTimeOf('the engine answers', () => answersWell(port)),
      firstTimeOf('it is ready', async () => (await stateOf(server))?.status === 'ready'),
    ])
    expect(await stateOf(server)).toEqual({ status: 'ready', health_status: 'healthy', listed: true })
    expect(readyMs - answeredMs).toBeLessThan(READY_WITHIN_MS)
  })
})

describe('an engine that takes longer than acexy waits', () => {
  scenario('is the one that the next try gets, when acexy closes at 3 s', async () => {
    const { server, docker } = await heldOrchestrator({ PROVISION_DEADLINE_MS: '20000' })
    const acexy = await startedAcexy(server)
    docker.holdStarts()
    const answer = acexy.provision()
    await until('acexy has given up once', () => acexy.troubles.length === 1)
    docker.resume()
    const engine = await answer
    expect(await inView(server)).toEqual([engine?.container_id ?? ''])
    expect(await everyEngine(server)).toHaveLength(1)
    expect(acexy.troubles).toEqual(['a provision failed: no answer within 3000 ms'])
  })

  scenario('is the one that the next try gets, when the deadline comes first', async () => {
    const { server, docker } = await heldOrchestrator({ PROVISION_DEADLINE_MS: '500' })
    const acexy = await startedAcexy(server)
    docker.holdStarts()
    const answer = acexy.provision()
    await until('the deadline has passed', () => unclaimed(server) === 1)
    docker.resume()
    const engine = await answer
    expect(await inView(server)).toEqual([engine?.container_id ?? ''])
    expect(await everyEngine(server)).toHaveLength(1)
    expect(acexy.troubles).toEqual([])
  })

  scenario('never goes to two viewers who both wait', async () => {
    const { server, docker } = await heldOrchestrator({ PROVISION_DEADLINE_MS: '20000' })
    docker.holdStarts()
    const gone = new AbortController()
    const left = provisioned(server, gone.signal).catch(() => 'gone')
    await until('the first start waits', () => docker.held() === 1)
    gone.abort()
    expect(await left).toBe('gone')
    await until('it was seen that nobody waits', () => unclaimed(server) === 1)
    const both = Promise.all([provisioned(server), provisioned(server)])
    await until('the second start waits', () => docker.held() === 2)
    docker.resume()
    const ids = (await both).map(({ container_id }) => container_id)
    expect(new Set(ids).size).toBe(2)
    expect((await inView(server)).toSorted()).toEqual(ids.toSorted())
    expect(await everyEngine(server)).toHaveLength(2)
  })
})

interface Settings {
  readonly [name: string]: string
}

/** Starts an orchestrator with a label and ports of its own. It and its containers are removed after the test. */
async function orchestrator(env: Settings = {}): Promise<{ server: TestServer; docker: TestDocker }> {
  const docker = await connectTestDocker()
  cleanUps.push(docker.cleanUp)
  const server = new TestServer({
    docker,
    image,
    env: {
      API_KEY,
      MIN_REPLICAS: '0',
      PORT_RANGE_HOST: rangeSetting(freePortRange(100)),
      ENGINE_ENV: '{"BOOT_MS":"6000"}',
      ...env,
    },
  })
  cleanUps.push(() => server.dispose())
  await server.start()
  return { server, docker }
}

/** Starts an orchestrator on a Docker whose starts can be held back. */
async function heldOrchestrator(env: Settings): Promise<{ server: TestServer; docker: DockerProxy }> {
  const docker = await DockerProxy.open(process.env.DOCKER_HOST ?? null)
  cleanUps.push(() => docker.stop())
  const { server } = await orchestrator({ DOCKER_HOST: docker.dockerHost, ...env })
  return { server, docker }
}

/** An orchestrator for a scenario. */
const stage = async () => ({ server: (await orchestrator()).server, apiKey: API_KEY })

async function startedAcexy(server: TestServer): Promise<AcexyClient> {
  const { acexy } = await startedClient({ server, apiKey: API_KEY })
  cleanUps.push(() => acexy.stop())
  return acexy
}

interface EngineRow {
  readonly status: string
  readonly health_status: string
  readonly listed: boolean
}

const everyEngine = (server: TestServer) => server.get<EngineRow[]>('/engines?status=all')

/** Counts unclaimed engines in the database, because the API does not show them while they are being started. */
function unclaimed(server: TestServer): number {
  using database = new Database(server.databasePath, { readonly: true })
  return database.query('select id from engines where unclaimed_since is not null').all().length
}

/** The state of the only engine. */
async function stateOf(server: TestServer) {
  const [row] = await everyEngine(server)
  return row && { status: row.status, health_status: row.health_status, listed: row.listed }
}

/** Sends one POST as acexy does, for tests that need nothing else of acexy. */
async function provisioned(server: TestServer, signal?: AbortSignal) {
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' }
  const init = signal === undefined ? { headers } : { headers, signal }
  const response = await server.post('/provision/acestream', { labels: {}, env: {} }, init)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  return decodeProvisioned(text)
}

async function answersWell(port: number): Promise<boolean> {
  try {
    const url = `http://127.0.0.1:${port}/server/api?api_version=3&method=get_status`
    // Each request uses a new connection, because the published port accepts connections before the engine does.
    return (await fetch(url, { keepalive: false, signal: AbortSignal.timeout(1_000) })).ok
  } catch {
    return false
  }
}

async function firstTimeOf(what: string, condition: () => Promise<boolean>): Promise<number> {
  await until(what, condition)
  return performance.now()
}
