import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { agreement, engineContainers, leasedPorts } from '../support/consistency.ts'
import { connectTestDocker, holdHostPort, type TestDocker, until } from '../support/docker.ts'
import { DockerProxy, unusedSocketPath } from '../support/docker-proxy.ts'
import {
  type EngineRow,
  listedIds,
  mustProvision,
  openTestSite,
  type ProvisionOutcome,
  provision,
  type TestSite,
} from '../support/fleet.ts'
import { freePortRange, rangeSetting } from '../support/ports.ts'
import type { TestServer } from '../support/server.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(30_000)

/** acexy gives up after 3 s, so every answer has to come earlier. */
const PATIENCE_MS = 3_000
/** A read that waited for Docker would take seconds. The benchmarks measure how fast reads are. */
const READ_MAX_MS = 500
const READS = ['/engines', '/engines?status=all', '/orchestrator/status', '/streams', '/healthz']

let site: TestSite
/** The containers of another installation on the same Docker. */
let neighbour: TestDocker
const closers: (() => void)[] = []

beforeAll(async () => {
  site = await openTestSite()
  neighbour = await connectTestDocker()
}, 120_000)

const cleanUp = async () => {
  for (const close of closers.splice(0)) close()
  await site?.cleanUp()
  await neighbour?.cleanUp()
}
afterEach(cleanUp)
afterAll(cleanUp)

async function openProxy(path = unusedSocketPath()): Promise<DockerProxy> {
  const proxy = await DockerProxy.open(site.docker.dockerHost, path)
  closers.push(() => proxy.stop())
  return proxy
}

/** Holds a port and releases it at the end of the test, even if the test fails. */
function takePort(port: number): void {
  const { release } = holdHostPort(port)
  closers.push(release)
}

/** Throws unless the provision was refused. */
function refused(outcome: ProvisionOutcome) {
  if (outcome.kind !== 'refused') throw new Error(`not refused: ${JSON.stringify(outcome)}`)
  return outcome
}

async function timed<T>(work: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const beganMs = performance.now()
  const value = await work
  return { value, tookMs: performance.now() - beganMs }
}

/** Checks the median of each path, because other users of the machine may cause the slower half. */
async function expectFastReads(server: TestServer): Promise<void> {
  for (const path of READS) {
    const took: number[] = []
    for (let turn = 1; turn <= 9; turn++) {
      const { value, tookMs } = await timed(server.answers(path))
      expect(value).toBe(200)
      took.push(tookMs)
    }
    expect(took.toSorted((a, b) => a - b)[4], path).toBeLessThan(READ_MAX_MS)
  }
}

const states = async (server: TestServer) =>
  (await server.get<EngineRow[]>('/engines?status=all')).map(({ container_id, status }) => ({
    container_id,
    status,
  }))

interface StatusRow {
  readonly status: string
  readonly provisioning: { readonly blocked_reason: string | null }
}

const isDegraded = async (server: TestServer): Promise<boolean> =>
  (await server.get<StatusRow>('/orchestrator/status')).status === 'degraded'

test('serves what it knows while the Docker socket is missing, and goes on when it appears', async () => {
  const server = site.server()
  await server.start()
  const known = await mustProvision(server)
  await server.end()

  const path = unusedSocketPath()
  await server.start({ DOCKER_HOST: `unix://${path}` }, '/healthz')
  expect(await server.answers('/readyz')).toBe(503)
  expect(await listedIds(server)).toEqual([known.container_id])
  await expectFastReads(server)
  const { value, tookMs } = await timed(provision(server))
  expect(tookMs).toBeLessThan(PATIENCE_MS)
  expect(refused(value)).toMatchObject({ status: 503, code: 'runtime_unavailable', retryAfter: '4' })
  expect(await listedIds(server)).toEqual([known.container_id])

  await openProxy(path)
  await until('it is ready', async () => (await server.answers('/readyz')) === 200)
  const next = await mustProvision(server)
  await agreement(server, site.docker, [known.container_id, next.container_id])
})

test('answers in time while Docker is frozen, and loses and doubles nothing at the thaw', async () => {
  const proxy = await openProxy()
  const server = site.server({ DOCKER_HOST: proxy.dockerHost })
  await server.start()
  const known = await mustProvision(server)
  const before = [{ container_id: known.container_id, status: 'ready' }]
  await until('its engine is ready', async () => (await states(server))[0]?.status === 'ready')

  proxy.freeze()
  const early = await timed(provision(server))
  expect(early.tookMs).toBeLessThan(PATIENCE_MS)
  expect(refused(early.value)).toMatchObject({
    status: 503,
    code: 'provisioning_in_progress',
    retryAfter: '2',
  })
  await until('it knows that Docker is not there', () => isDegraded(server))
  // An equal request would wait for the engine that is being started, so this request differs.
  const late = await timed(provision(server, { body: { labels: { other: 'yes' } } }))
  expect(late.tookMs).toBeLessThan(PATIENCE_MS)
  expect(refused(late.value)).toMatchObject({ status: 503, code: 'runtime_unavailable', retryAfter: '4' })
  await expectFastReads(server)
  expect((await states(server)).slice(0, 1)).toEqual(before)
  expect(await listedIds(server)).toContain(known.container_id)

  proxy.resume()
  const next = await mustProvision(server)
  await agreement(server, site.docker, [known.container_id, next.container_id])
  expect(await engineContainers(site.docker)).toHaveLength(2)
})

test('settles a provision whose answer was lost with its connection', async () => {
  const proxy = await openProxy()
  const server = site.server({ DOCKER_HOST: proxy.dockerHost })
  await server.start()
  const known = await mustProvision(server)

  proxy.loseNextCreation()
  const lost = refused(await provision(server))
  // The container was created and never started. No caller can have it, so it is removed.
  await agreement(server, site.docker, [known.container_id])
  const next = await mustProvision(server)
  await agreement(server, site.docker, [known.container_id, next.container_id])
  expect(await engineContainers(site.docker)).toHaveLength(2)
  // The refusal says that Docker was unavailable, and not that the failure is permanent.
  expect(lost).toMatchObject({ status: 503, code: 'runtime_unavailable' })
})

test('settles a provision that a freeze outlasted, though Docker does it late', async () => {
  const proxy = await openProxy()
  const server = site.server({ DOCKER_HOST: proxy.dockerHost })
  await server.start()
  const known = await mustProvision(server)

  proxy.freeze()
  expect(refused(await provision(server)).code).toBe('provisioning_in_progress')
  await until(
    'it gave up on the creation',
    () => server.output.includes('whether the engine was started is not known'),
    20_000,
  )
  expect(await listedIds(server)).toEqual([known.container_id])
  proxy.resume()
  // The creation reaches Docker only now, when no caller waits for it any more.
  await until('it is ready', async () => !(await isDegraded(server)))
  await until('it is undone', async () => (await server.get<unknown[]>('/engines?status=all')).length === 1)
  const next = await mustProvision(server)
  await agreement(server, site.docker, [known.container_id, next.container_id])
  expect(await engineContainers(site.docker)).toHaveLength(2)
})

describe('a port that a stranger holds', () => {
  test('is passed over within the same call', async () => {
    const range = freePortRange(3)
    const { first } = range
    takePort(first)
    const server = site.server({ PORT_RANGE_HOST: rangeSetting(range) })
    await server.start()
    const engine = await mustProvision(server)
    expect(engine.host_http_port).toBe(first + 1)
    expect(leasedPorts(server)).toEqual([first + 1])
    await agreement(server, site.docker, [engine.container_id])
  })

  test('is a refusal where it was the last one, and nothing is left behind', async () => {
    const range = freePortRange(2)
    const { first } = range
    for (const port of [first, first + 1]) takePort(port)
    const server = site.server({ PORT_RANGE_HOST: rangeSetting(range), PROVISION_DEADLINE_MS: '20000' })
    await server.start()
    expect(refused(await provision(server))).toMatchObject({
      status: 503,
      code: 'no_free_port',
      retryAfter: '6',
    })
    expect(leasedPorts(server)).toEqual([])
    await agreement(server, site.docker)
  })
})

test('finds a name however many another installation on this Docker has taken', async () => {
  const Labels = { [neighbour.label.key]: neighbour.label.value }
  const server = site.server()
  const names = Array.from({ length: 25 }, (_, at) => `acestream-${server.firstNumber + at}`)
  const taken = (error: unknown) => expect(error).toMatchObject({ statusCode: 409 })
  await Promise.all(
    names.map((name) => neighbour.client.createContainer({ name, Image: site.image, Labels }).catch(taken)),
  )
  await server.start()
  const { container_name, container_id } = await mustProvision(server)
  expect(names).not.toContain(container_name)
  await agreement(server, site.docker, [container_id])
})

describe('refuses', () => {
  test('when all ports are leased', async () => {
    const server = site.server({ PORT_RANGE_HOST: rangeSetting(freePortRange(1)) })
    await server.start()
    const { container_id } = await mustProvision(server)
    expect(refused(await provision(server))).toMatchObject({
      status: 503,
      code: 'no_free_port',
      retryAfter: '6',
      body: { detail: { code: 'no_free_port', recovery_eta_seconds: 6, should_wait: true } },
    })
    await agreement(server, site.docker, [container_id])
  })

  test('when MAX_REPLICAS is reached', async () => {
    const server = site.server({ MAX_REPLICAS: '1' })
    await server.start()
    const { container_id } = await mustProvision(server)
    const message = 'Cannot provision engine: maximum capacity reached (1 of 1 engines)'
    expect(refused(await provision(server))).toMatchObject({
      status: 503,
      code: 'max_capacity',
      retryAfter: '6',
      body: { message, code: 'max_capacity', recovery_eta_seconds: 6, should_wait: true },
    })
    const { provisioning } = await server.get<StatusRow>('/orchestrator/status')
    expect(provisioning.blocked_reason).toBe('Maximum capacity reached')
    await agreement(server, site.docker, [container_id])
  })

  test('an image that is not there, with the remedy, and no fault of an engine', async () => {
    const image = 'roundhouse-test/none:1'
    const server = site.server({ TARGET_IMAGE: image })
    await server.start()
    const refusal = refused(await provision(server))
    expect(refusal).toMatchObject({ status: 500, code: 'image_missing', retryAfter: null })
    expect(refusal.body).toMatchObject({
      message: expect.stringMatching(new RegExp(`^Failed to provision engine: .*docker pull ${image}`)),
      recovery_eta_seconds: null,
      should_wait: false,
    })
    expect(leasedPorts(server)).toEqual([])
    const health = await server.get<{ circuit_breakers: { general: { failure_count: number } } }>(
      '/health/status',
    )
    expect(health.circuit_breakers.general.failure_count).toBe(0)
    await agreement(server, site.docker)
  })
})
