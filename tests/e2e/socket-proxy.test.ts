import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { staysFor, until } from '../support/docker.ts'
import { filterDocker } from '../support/docker-filter.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import { listedIds, mustProvision, openTestSite, provision, type TestSite } from '../support/fleet.ts'
import { untilReady } from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(60_000)

interface StatusRow {
  readonly provisioning: { readonly can_provision: boolean }
  readonly warnings: readonly { readonly code: string; readonly remedy: string }[]
}

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
}, 120_000)
afterEach(() => site.cleanUp())
afterAll(() => site?.cleanUp())

/** How long a server runs with a permission that is missing, to see what it writes again and again. */
const WATCHED_MS = 8_000

const status = (server: TestServer) => server.get<StatusRow>('/orchestrator/status')
const lines = (server: TestServer, levels: RegExp) =>
  server.output.split('\n').filter((line) => levels.test(line))
/** Matches lines of the log from warn on. */
const SEVERE = /"level":"?(?:warn|error|fatal|40|50|60)"?[,}]/

/** Every place where a page of a proxy could show. */
async function shown(server: TestServer): Promise<string> {
  const paths = [
    '/orchestrator/status',
    '/events?limit=100',
    '/readyz',
    '/health/status',
    '/orchestrator/plan',
  ]
  const answers = paths.map(async (path) => (await fetch(`${server.url}${path}`)).text())
  return [server.output, ...(await Promise.all(answers))].join('\n')
}

/** Matches the page of a proxy, also as the numbers of its bytes. */
const PAGE = /<html|403 Forbidden|administrative rules|"data":\[/

const staysWithoutPage = (server: TestServer) =>
  staysFor(WATCHED_MS, 'no page is shown', async () => !PAGE.test(await shown(server)))

describe('a socket proxy that forbids', () => {
  test.each([
    ['every change', (method: string) => method !== 'GET', 'POST=1'],
    ['containers', (_: string, path: string) => path.includes('/containers'), 'CONTAINERS=1'],
  ] as const)('%s: all that is told names the permission, and no page', async (_, forbids, setting) => {
    using filter = filterDocker(site.docker.dockerHost, { forbids })
    const server = site.server({ DOCKER_HOST: filter.dockerHost, MIN_REPLICAS: '1' })
    await server.start({}, '/healthz')
    const told = await until('it is told', async () => (await status(server)).warnings[0])
    expect(told).toMatchObject({ code: 'docker_forbids', remedy: expect.stringContaining(setting) })
    await staysWithoutPage(server)
    expect((await status(server)).provisioning.can_provision).toBe(false)
    const refused = await provision(server)
    expect(refused).toMatchObject({ kind: 'refused', status: 503, code: 'runtime_unavailable' })
    expect(JSON.stringify(refused)).toContain(setting)
    expect(await (await fetch(`${server.url}/readyz`)).text()).toContain(setting)
    expect(await shown(server)).not.toMatch(PAGE)
    expect(lines(server, SEVERE).length).toBeLessThanOrEqual(2)
  })

  test.each([
    ['events', '/events', 'EVENTS=1'],
    ['commands', '/exec', 'EXEC=1'],
  ] as const)('%s: engines run, what is lost is told once, and no page', async (_, part, setting) => {
    using filter = filterDocker(site.docker.dockerHost, { forbids: (_, path) => path.includes(part) })
    const server = site.server({ DOCKER_HOST: filter.dockerHost })
    await server.start()
    const { container_id } = await mustProvision(server)
    expect(await listedIds(server)).toEqual([container_id])
    const told = await until('it is told', async () => (await status(server)).warnings[0])
    expect(told).toMatchObject({ code: 'docker_forbids', remedy: expect.stringContaining(setting) })
    await staysWithoutPage(server)
    expect(lines(server, SEVERE).filter((line) => !line.includes('docker_forbids'))).toEqual([])
    expect(lines(server, /reindex: full pass/).length).toBeLessThanOrEqual(2)
  })
})

test('a proxy that ends event streams from time to time causes no line from warn on, and nothing is missed', async () => {
  const proxy = await DockerProxy.open(site.docker.dockerHost)
  try {
    // The engine is one that nobody waits for: a caller whom a busy machine keeps waiting has a line of his own.
    const server = site.server({
      DOCKER_HOST: proxy.dockerHost,
      MONITOR_INTERVAL_S: '600',
      MIN_REPLICAS: '1',
    })
    await server.start()
    const [engine] = await untilReady(server, 1)
    if (engine === undefined) throw new Error('there is no engine')
    const { container_id } = engine
    for (let time = 1; time <= 3; time++) {
      await until('the events are followed', () => proxy.cutEvents() > 0)
      await until('they are followed again', () => proxy.followsEvents())
    }
    await site.docker.client.getContainer(container_id).remove({ force: true })
    await until(
      'it is gone from the list',
      async () => !(await listedIds(server)).includes(container_id),
      5_000,
    )
    expect(lines(server, SEVERE).filter((line) => !line.includes(container_id))).toEqual([])
  } finally {
    proxy.stop()
  }
})
