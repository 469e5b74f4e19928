import { Database } from 'bun:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Row } from '../../src/cli/doctor/row.ts'
import { loadConfig } from '../../src/config/config.ts'
import { diagnose } from '../../src/wire/doctor/doctor.ts'
import { realSurroundings, type Surroundings } from '../../src/wire/doctor/surroundings.ts'
import { until } from '../support/docker.ts'
import { type Filtering, filterDocker } from '../support/docker-filter.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import { EMPTY_DATABASE } from '../support/empty-database.ts'
import { mustProvision, type TestSite } from '../support/fleet.ts'
import type { RunningGluetun } from '../support/gluetun.ts'
import { freePort, freePortRange, type PortRange, rangeSetting } from '../support/ports.ts'
import { call } from '../support/program.ts'
import { readOnlyOver } from '../support/small-disk.ts'
import { openVpnSite, type VpnSite } from '../support/vpn-site.ts'

/*
 * The doctor, on a real Docker Engine: it says nothing of a sound installation, finds each fault that is planted, and changes
 * nothing.
 */

setDefaultTimeout(60_000)

let vpn: VpnSite
let site: TestSite
let gluetun: RunningGluetun
/** A Gluetun with faults, which end with the test. */
let faulty: RunningGluetun
const closers: (() => unknown)[] = []

beforeAll(async () => {
  vpn = await openVpnSite()
  site = vpn.site
  ;[gluetun, faulty] = await Promise.all([vpn.gluetun(), vpn.gluetun()])
  await until('Gluetun is healthy', async () => (await gluetun.health()) === 'healthy')
}, 120_000)
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})
afterAll(() => vpn?.cleanUp())

type Env = Readonly<Record<string, string>>

interface Installation {
  readonly env: Env
  readonly folder: string
  readonly path: string
  readonly ports: PortRange
}

/** The settings of a sound installation, with a database that was used before. */
function installation(): Installation {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-doctor-'))
  closers.push(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'a.db')
  writeFileSync(path, EMPTY_DATABASE, { mode: 0o600 })
  const ports = freePortRange(8)
  const { docker, image } = site
  const env = {
    ...{ APP_PORT: String(freePort()), BIND: '127.0.0.1', DB_URL: `sqlite:///${path}` },
    ...{ TARGET_IMAGE: image, ENGINE_RECIPE: 'variables', MAX_REPLICAS: '8' },
    ...{ PORT_RANGE_HOST: rangeSetting(ports), CONTAINER_LABEL: `${docker.label.key}=${docker.label.value}` },
    ...(docker.dockerHost === null ? {} : { DOCKER_HOST: docker.dockerHost }),
  }
  return { env, folder, path, ports }
}

/** The settings with which engines are behind the Gluetun of these tests. */
const behind = (node: RunningGluetun): Env => ({
  GLUETUN_CONTAINER_NAME: node.options.name,
  GLUETUN_PORT_RANGE: rangeSetting(node.options.publish ?? freePortRange(20)),
})

interface Report {
  readonly code: number | null
  readonly status: string
  readonly rows: readonly Row[]
  readonly ms: number
}

async function doctor(env: Env, cwd?: string): Promise<Report> {
  const { code, stdout, stderr, ms } = await call(['doctor', '--json'], env, cwd === undefined ? {} : { cwd })
  if (stderr !== '') throw new Error(stderr)
  return { code, ms, ...(JSON.parse(stdout) as Pick<Report, 'status' | 'rows'>) }
}

/** What is no good news. */
const told = (rows: readonly Row[]) =>
  rows
    .filter(({ status }) => status !== 'ok')
    .map(({ status, check, message, remedy }) => `${status} ${check}: ${message} → ${remedy}`)

/** A look at real Docker, in surroundings that this machine does not have. */
const lookAround = (env: Env, around: Partial<Surroundings>): Promise<readonly Row[]> =>
  diagnose(loadConfig(env, []), 'http://127.0.0.1:1/healthz', { ...realSurroundings(), ...around })

/** Plants a fault in a sound installation, and returns what has to be set for that. */
type Plant = (sound: Installation) => Env | Promise<Env>

const withFilter =
  (filtering: Filtering): Plant =>
  () => {
    const filter = filterDocker(site.docker.dockerHost, filtering)
    closers.push(() => filter[Symbol.dispose]())
    return { DOCKER_HOST: filter.dockerHost }
  }

function hold(ports: PortRange): void {
  for (let port = ports.first; port <= ports.last; port++) {
    const listener = Bun.listen({ hostname: '127.0.0.1', port, socket: { data: () => undefined } })
    closers.push(() => listener.stop(true))
  }
}

function run(path: string, sql: string): void {
  const client = new Database(path)
  client.run(sql)
  client.close(true)
}

async function network(options: { readonly Internal?: boolean }): Promise<string> {
  const { client, label } = site.docker
  const name = `doctor-${label.value}-${Math.random().toString(36).slice(2)}`
  await client.createNetwork({ Name: name, Labels: { [label.key]: label.value }, ...options })
  closers.push(() => client.getNetwork(name).remove())
  return name
}

/** Gives the faulty Gluetun a fault, and returns the settings with which engines are behind it. */
async function behindFaulty(fault: Parameters<RunningGluetun['faults']>[0]): Promise<Env> {
  closers.push(() => faulty.clearFaults())
  await faulty.faults(fault)
  return behind(faulty)
}

/** Each fault with the row that has to tell it, and words of that row or of its remedy. */
const FAULTS: readonly (readonly [fault: string, plant: Plant, row: string, words: string])[] = [
  [
    'a misspelt setting',
    () => ({ MAX_REPLICA: '3' }),
    'warning settings',
    'MAX_REPLICA is not a setting and is ignored → MAX_REPLICAS',
  ],
  [
    'a bad value',
    () => ({ STARTUP_TIMEOUT_S: 'soon' }),
    'fault settings',
    'STARTUP_TIMEOUT_S="soon" → Set STARTUP_TIMEOUT_S to',
  ],
  [
    'no key at a public address',
    () => ({ BIND: '0.0.0.0' }),
    'fault settings',
    'BIND="0.0.0.0" → Set API_KEY',
  ],
  ['a short key', () => ({ API_KEY: 'short' }), 'warning key', 'can be guessed'],
  [
    'no Docker socket',
    () => ({ DOCKER_HOST: 'unix:///nowhere/docker.sock' }),
    'fault docker',
    'There is no Docker socket at /nowhere/docker.sock → start Docker',
  ],
  [
    'no Docker at the address',
    () => ({ DOCKER_HOST: `tcp://127.0.0.1:${freePort()}` }),
    'fault docker',
    'Docker does not listen at tcp://127.0.0.1',
  ],
  [
    'an old Docker',
    withFilter({
      rewrite: (path, answer) => (path === '/version' ? { ...answer, ApiVersion: '1.38' } : answer),
    }),
    'fault docker',
    'has API 1.38',
  ],
  [
    'a socket proxy without POST',
    withFilter({ forbids: (method) => method !== 'GET' }),
    'fault docker_permissions',
    'POST=1',
  ],
  [
    'a socket proxy without containers',
    withFilter({ forbids: (_, path) => path.startsWith('/containers') }),
    'fault docker_permissions',
    'CONTAINERS=1',
  ],
  [
    'a socket proxy without commands',
    withFilter({ forbids: (_, path) => path.startsWith('/exec') }),
    'warning docker_permissions',
    'caches are not emptied',
  ],
  [
    'a socket proxy without events',
    withFilter({ forbids: (_, path) => path === '/events' }),
    'warning docker_permissions',
    'EVENTS=1',
  ],
  [
    'a missing image',
    () => ({ TARGET_IMAGE: 'not/here:1' }),
    'fault image',
    'not/here:1 is not on this Docker host → run: docker pull not/here:1',
  ],
  [
    'an image of another architecture',
    withFilter({
      rewrite: (path, answer) =>
        path.startsWith('/images/') ? { ...answer, Architecture: 's390x' } : answer,
    }),
    'fault image_platform',
    'is made for linux/s390x',
  ],
  ['an unknown image', () => ({ ENGINE_RECIPE: 'auto' }), 'warning image_recipe', 'set ENGINE_RECIPE'],
  [
    'engine ports that are taken',
    ({ ports }) => {
      hold(ports)
      return {}
    },
    'fault ports',
    '0 of 8 ports are free',
  ],
  [
    'the port of the server taken',
    ({ env }) => {
      hold({ first: Number(env.APP_PORT), last: Number(env.APP_PORT) })
      return {}
    },
    'fault app_port',
    'another program listens',
  ],
  [
    'an address of another machine',
    () => ({ BIND: '192.0.2.1', API_KEY: 'k'.repeat(32) }),
    'fault app_port',
    '192.0.2.1 is no address of this machine',
  ],
  [
    'a missing network',
    () => ({ DOCKER_NETWORK: 'not-there' }),
    'fault network',
    'DOCKER_NETWORK not-there is not known to Docker → run: docker network create not-there',
  ],
  [
    'an internal network',
    async () => ({ DOCKER_NETWORK: await network({ Internal: true }) }),
    'fault network',
    'is internal',
  ],
  [
    'a network of Docker itself',
    () => ({ DOCKER_NETWORK: 'bridge' }),
    'warning network',
    'is no network of your own',
  ],
  [
    'a missing Gluetun',
    () => ({ ...behind(gluetun), GLUETUN_CONTAINER_NAME: 'not-there' }),
    'fault gluetun',
    'there is no container not-there',
  ],
  [
    'a stopped Gluetun',
    async () => {
      await faulty.kill()
      closers.push(() => faulty.start())
      return behind(faulty)
    },
    'fault gluetun',
    'does not run: it is exited',
  ],
  [
    'an unhealthy Gluetun',
    async () => {
      const env = await behindFaulty({ health: 'unhealthy' })
      await until('it is unhealthy', async () => (await faulty.health()) === 'unhealthy')
      return env
    },
    'fault gluetun',
    'is unhealthy',
  ],
  [
    'a control server that asks for a key',
    () => behindFaulty({ control_status: 401 }),
    'fault gluetun_control',
    'wants to know who asks for GET /v1/vpn/status',
  ],
  [
    'a control server that hangs',
    () => behindFaulty({ control_hang: true }),
    'fault gluetun_control',
    'accepts connections',
  ],
  [
    'a VPN that is stopped',
    () => behindFaulty({ status: 'stopped' }),
    'fault gluetun_control',
    'its VPN is stopped',
  ],
  [
    'ports that Gluetun does not publish',
    () => ({
      ...behind(gluetun),
      GLUETUN_PORT_RANGE: rangeSetting(freePortRange(20)),
      ENGINE_ADVERTISE: 'host',
    }),
    'fault gluetun_published',
    'publishes none of the 20 ports',
  ],
  [
    'a missing folder of the database',
    ({ folder }) => ({ DB_URL: `sqlite:///${folder}/none/a.db` }),
    'fault database',
    'is not there → make it',
  ],
  [
    'a folder of the database that can not be written',
    ({ folder }) => {
      const place = join(folder, 'read-only')
      mkdirSync(place)
      closers.push(readOnlyOver(place))
      return { DB_URL: `sqlite:///${place}/a.db` }
    },
    'fault database',
    'may not write to the folder',
  ],
  [
    'a database that another server uses',
    async () => {
      const server = site.server()
      await server.start()
      closers.push(() => server.end())
      return { DB_URL: `sqlite:///${server.databasePath}` }
    },
    'fault database_lock',
    'and no server answers at the address of these settings',
  ],
  [
    'a database of a newer version',
    ({ path }) => {
      run(path, "INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 9999999999999)")
      return {}
    },
    'fault database_schema',
    'a newer version of Roundhouse wrote it',
  ],
  [
    'a database of an earlier version',
    ({ path }) => {
      run(
        path,
        'DELETE FROM __drizzle_migrations WHERE created_at = (SELECT max(created_at) FROM __drizzle_migrations)',
      )
      return {}
    },
    'warning database_schema',
    'roundhouse backup FILE',
  ],
  [
    'a damaged database',
    ({ path, folder }) => {
      const damaged = join(folder, 'damaged.db')
      const bytes = Buffer.from(readFileSync(path))
      bytes.fill(0xa5, 100)
      writeFileSync(damaged, bytes)
      return { DB_URL: `sqlite:///${damaged}` }
    },
    'fault database_content',
    'damaged',
  ],
  [
    'a clock that is ahead',
    withFilter({
      rewrite: (path, answer) =>
        path === '/info' ? { ...answer, SystemTime: new Date(Date.now() - 3_600_000).toISOString() } : answer,
    }),
    'fault clock',
    'the clock here is 3600 s ahead of that of Docker',
  ],
]

describe('a planted fault is found:', () => {
  test.each(FAULTS)('%s', async (_, plant, row, words) => {
    const sound = installation()
    const report = await doctor({ ...sound.env, ...(await plant(sound)) }, sound.folder)
    const matching = told(report.rows).filter((each) => each.startsWith(`${row}: `) && each.includes(words))
    expect([told(report.rows), matching.length]).toEqual([told(report.rows), 1])
    const isFault = row.startsWith('fault')
    expect([report.code, report.status]).toEqual(isFault ? [1, 'fault'] : [0, 'warning'])
    expect(report.ms).toBeLessThan(10_000)
  })

  test('a Docker that hangs, in time', async () => {
    const proxy = await DockerProxy.open(site.docker.dockerHost)
    closers.push(() => proxy.stop())
    proxy.freeze()
    const { rows, code, ms } = await doctor({
      ...installation().env,
      ...behind(gluetun),
      DOCKER_HOST: proxy.dockerHost,
    })
    expect(told(rows)).toContainEqual(
      expect.stringMatching(/^fault docker: .* did not tell its version within \d+ ms/),
    )
    expect(rows.filter(({ status }) => status === 'fault')).toHaveLength(1)
    expect(code).toBe(1)
    expect(ms).toBeLessThan(10_000)
  })

  test('a database on NFS, by the table of mounts', async () => {
    const { env, folder } = installation()
    const mounts = `1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / ${folder} rw - nfs4 10.0.0.2:/data rw\n`
    const rows = await lookAround(env, { read: (path) => (path === '/proc/self/mountinfo' ? mounts : '') })
    expect(told(rows)).toContainEqual(expect.stringContaining('fault file_system: '))
    expect(told(rows).join()).toContain('lies on nfs4')
  })

  test('a container that shares no network with engines, by the container that it runs in', async () => {
    const { env } = installation()
    const { id } = gluetun
    const mounts = `1 0 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n`
    const read = (path: string) => (path === '/proc/self/mountinfo' ? mounts : '')
    const own = await network({})
    const rows = await lookAround({ ...env, DOCKER_NETWORK: own }, { read })
    expect(told(rows)).toContainEqual(
      expect.stringMatching(/^warning reach: .* → run: docker network connect /),
    )
    // The Gluetun of the tests is in the default bridge.
    expect(told(await lookAround(env, { read })).join()).not.toContain('fault reach')
  })
})

describe('a sound installation', () => {
  test.each<[string, (sound: Installation) => Env]>([
    ['that was never started', ({ folder }) => ({ DB_URL: `sqlite:///${folder}/new.db` })],
    ['that does not run', () => ({})],
    ['with a key', () => ({ API_KEY: 'k'.repeat(32), BIND: '0.0.0.0' })],
    ['behind Gluetun', () => ({ ...behind(gluetun), ENGINE_ADVERTISE: 'host' })],
  ])('%s is found sound, and is as it was', async (_, change) => {
    const sound = installation()
    const before = contentOf(sound.folder)
    const { code, rows } = await doctor({ ...sound.env, ...change(sound) }, sound.folder)
    expect([told(rows), code]).toEqual([[], 0])
    expect(contentOf(sound.folder)).toEqual(before)
  })

  test('that runs, its engines on the very ports, is found sound through a socket proxy, and is as it was', async () => {
    const { env, ports } = installation()
    const server = site.server({ PORT_RANGE_HOST: rangeSetting({ ...ports, last: ports.first }) })
    await server.start()
    await mustProvision(server)
    const { key, value } = site.docker.label
    const containers = () =>
      site.docker.client.listContainers({ all: true, filters: { label: [`${key}=${value}`] } })
    const before = (await containers()).map(({ Id }) => Id)
    using filter = filterDocker(site.docker.dockerHost, {})
    const { code, rows } = await doctor({
      ...env,
      ...{ APP_PORT: String(server.port), DB_URL: `sqlite:///${server.databasePath}`, MAX_REPLICAS: '1' },
      ...{ PORT_RANGE_HOST: rangeSetting({ ...ports, last: ports.first }), DOCKER_HOST: filter.dockerHost },
    })
    expect([told(rows), code]).toEqual([[], 0])
    const messages = rows.map(({ message }) => message).join('\n')
    expect(messages).toContain(`the server that answers here uses it (process ${server.pid} on host`)
    expect(messages).toContain('none has asked since the start of the server')
    expect(messages).toContain('1 of 1 ports are free')
    const all = (await containers()).map(({ Id }) => Id)
    expect(before.filter((id) => !all.includes(id))).toEqual([])
    expect(filter.passed.filter((question) => !question.startsWith('GET '))).toHaveLength(4)
    await server.end()
  })
})

test('the table for people has a line for each row and ends with how many there are', async () => {
  const { env } = installation()
  const { code, stdout } = await call(['doctor'], { ...env, TARGET_IMAGE: 'not/here:1' })
  expect(code).toBe(1)
  expect(stdout).toMatch(
    /^fault +image +not\/here:1 is not on this Docker host\n +→ run: docker pull not\/here:1/m,
  )
  expect(stdout).toMatch(/\n\n\d+ ok, 0 warning, 1 fault, 1 skipped\n$/)
})

test('a flag that there is not is a wrong call', async () => {
  const { code, stdout, stderr } = await call(['doctor', '--jsno'])
  expect({ code, stdout, stderr }).toEqual({
    ...{ code: 2, stdout: '', stderr: 'There is no flag "--jsno": --json may be meant.\n' },
  })
})

/** The files of a folder with their content. The index of a log has the marks of its readers. */
const contentOf = (folder: string) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((each) => each.isFile())
    .map(({ name }) =>
      name.endsWith('-shm') ? [name] : [name, String(Bun.hash(readFileSync(join(folder, name))))],
    )
    .toSorted()
