import { describe, expect, test } from 'bun:test'
import { clockRow } from '../../../src/cli/doctor/clock.ts'
import { type DatabaseFacts, databaseRows } from '../../../src/cli/doctor/database.ts'
import { type DockerFacts, dockerRows } from '../../../src/cli/doctor/docker.ts'
import { examine, type Facts } from '../../../src/cli/doctor/doctor.ts'
import { gluetunRows, type NodeFacts } from '../../../src/cli/doctor/gluetun.ts'
import { type ImageFacts, imageRows } from '../../../src/cli/doctor/image.ts'
import { type KeyFacts, keyRows } from '../../../src/cli/doctor/key.ts'
import { type NetworkFacts, networkRows } from '../../../src/cli/doctor/network.ts'
import { type PortsFacts, portsRows } from '../../../src/cli/doctor/ports.ts'
import { proxiesRows, type ServerWord } from '../../../src/cli/doctor/proxies.ts'
import { jsonText, tableText, verdictOf } from '../../../src/cli/doctor/report.ts'
import type { Row } from '../../../src/cli/doctor/row.ts'
import { settingsRows } from '../../../src/cli/doctor/settings.ts'
import { type SwarmFacts, swarmRows } from '../../../src/cli/doctor/swarm.ts'
import { loadConfig } from '../../../src/config/config.ts'

/* What is found out becomes rows: a table for each subject. `STATUS check: words` is expected of one row among all. */

const answer = <T>(value: T) => ({ kind: 'answer', value }) as const
const MISSING = { kind: 'missing' } as const
const FORBIDDEN = { kind: 'forbidden' } as const
const FAILED = { kind: 'failed', why: 'Docker at /s did not look within 4000 ms.' } as const

const docker: DockerFacts = {
  address: '/s',
  version: answer({ version: '28.0.1', api: '1.48', isPodman: false }),
  allowed: {
    ...{ ping: true, containers: true, create: true, start: true },
    ...{ remove: true, exec: true, events: true, images: true },
  },
}

const image: ImageFacts = {
  ...{ image: 'own/engine:1', pull: 'never', choice: 'variables', hasCommand: false },
  found: answer({ os: 'linux', architecture: 'amd64', sizeBytes: 130_400_000 }),
  host: answer({ os: 'linux', architecture: 'amd64' }),
  warnings: { image_unknown: null, image_unservable: null, cache_unbounded: null },
}

const ports: PortsFacts = {
  ranges: [{ setting: 'PORT_RANGE_HOST', first: 100, last: 109 }],
  maxReplicas: 5,
  listening: new Set([22]),
  published: answer([]),
  app: { address: '127.0.0.1', port: 8000, state: 'free', answers: false },
}

const onHost = answer({ kind: 'host' } as const)
const inside = (...networks: string[]) =>
  answer({ kind: 'container', name: 'house', networks, wayOut: null, gateways: ['172.18.0.1'] } as const)
const network: NetworkFacts = {
  ...{ network: null, isAuto: false, found: null, self: onHost, nodes: [], isVpn: false },
  publishAddress: '127.0.0.1',
  ...{ advertise: 'auto', advertiseHost: '127.0.0.1', remoteHost: null },
}
const own = (change = {}) => answer({ driver: 'bridge', isInternal: false, hasNames: true, ...change })

const range = (first: number, last: number) =>
  new Set(Array.from({ length: last - first + 1 }, (_, at) => first + at))
const container: Extract<NodeFacts['container'], { readonly kind: 'answer' }>['value'] = {
  ...{ state: 'running', health: 'healthy', healthText: null },
  reachablePorts: [...range(200, 209)],
  ...{ asksForPort: false, inputPorts: [] },
}
const node: NodeFacts = {
  name: 'gluetun',
  isGluetun: true,
  range: { first: 200, last: 209 },
  fixedPorts: [],
  container: answer(container),
  control: { status: 'running', forwardedPorts: [41_001], problem: null },
}

const database: DatabaseFacts = {
  ...{ path: '/data/a.db', folder: 'writable', file: 'writable', fileSystem: 'ext4', freeBytes: 1e12 },
  ...{ lock: 'free', answers: false },
  content: { kind: 'read', schema: 'current', damage: null },
}

const host = (name: string, change = {}) => ({
  ...{ id: `id-${name}`, name, address: '10.0.0.1', isUp: true, availability: 'active' as const },
  ...{ role: 'worker', labels: {}, os: 'linux', architecture: 'x86_64' },
  ...change,
})
const swarm = (...hosts: ReturnType<typeof host>[]): SwarmFacts => ({
  ...{ hosts: answer(hosts), constraints: [], callersHost: null },
})

const key: KeyFacts = { keys: 1, bind: '0.0.0.0', allowsNoKey: false, warnings: [], self: onHost }

const sound: Facts = {
  loaded: loadConfig({}, []),
  ...{ docker, image, ports, network, nodes: [node], database, key },
  clock: answer({ aheadMs: 0 }),
  scale: { minReplicas: 2, order: null },
  swarm: null,
  server: null,
}

const told = (rows: readonly Row[]): readonly string[] =>
  rows.map(({ status, check, message, remedy }) => `${status} ${check}: ${message} → ${remedy}`)

/** Exactly one row has these words, and what is wrong has a remedy. */
function expectRow(rows: readonly Row[], head: string, words: string): void {
  const matching = told(rows).filter((row) => row.startsWith(`${head}:`) && row.includes(words))
  expect([told(rows), matching.length]).toEqual([told(rows), 1])
  for (const { status, remedy } of rows) expect(remedy === null).toBe(status === 'ok' || status === 'skipped')
}

test('a sound installation has nothing but rows that are ok', () => {
  const rows = examine(sound)
  expect(told(rows.filter(({ status }) => status !== 'ok'))).toEqual([])
  expect(verdictOf(rows)).toBe('ok')
})

describe('settings', () => {
  const rowsOf = (env: Record<string, string>) => settingsRows(loadConfig(env, []))

  test('all that are wrong are told, each with its remedy', () => {
    const rows = rowsOf({ MAX_REPLICAS: 'x', APP_PORT: '0', MIN_REPLICA: '2' })
    expect(rows.map(({ status }) => status).toSorted()).toEqual(['fault', 'fault', 'warning'])
    expectRow(rows, 'fault settings', 'MAX_REPLICAS="x" → Set MAX_REPLICAS to a whole number of at least 1')
    expectRow(
      rows,
      'warning settings',
      'MIN_REPLICA is not a setting and is ignored → MIN_REPLICAS may be meant',
    )
  })

  test('no value of a secret is shown', () => {
    expect(told(rowsOf({ GLUETUN_API_KEY: 'hush hush' })).join()).not.toContain('hush')
  })

  test('those that decide what is looked at let their subjects be skipped', () => {
    const rows = examine({ ...sound, loaded: loadConfig({ DOCKER_HOST: 'ssh://x' }, []) })
    for (const check of ['docker', 'image', 'network', 'gluetun', 'clock'])
      expectRow(rows, `skipped ${check}`, 'DOCKER_HOST is not right, see above')
    expectRow(rows, 'ok database', 'can be written')
  })
})

describe('Docker', () => {
  test.each<[Partial<DockerFacts>, string, string]>([
    [{ version: answer({ version: '19.03', api: '1.40', isPodman: false }) }, 'fault docker', 'has API 1.40'],
    [{ version: answer({ version: '5', api: '1.41', isPodman: true }) }, 'warning docker', 'Podman 5'],
    [{ version: answer({ version: '30', api: '2.0', isPodman: false }) }, 'ok docker', 'Docker 30 (API 2.0)'],
    [{ version: FORBIDDEN }, 'skipped docker', 'does not tell its version'],
    [
      { allowed: { ...docker.allowed, create: false, start: false } },
      'fault docker_permissions',
      '(CONTAINERS=1 POST=1)',
    ],
    [
      { allowed: { ...docker.allowed, ping: false } },
      'fault docker_permissions',
      'GET /_ping, and no engine',
    ],
    [{ allowed: { ...docker.allowed, exec: false } }, 'warning docker_permissions', 'EXEC=1 POST=1'],
    [{ allowed: { ...docker.allowed, events: false } }, 'warning docker_permissions', 'EVENTS=1'],
    [{ allowed: { ...docker.allowed, start: null } }, 'skipped docker_permissions', 'no answer to POST'],
  ])('%j', (change, head, words) => expectRow(dockerRows({ ...docker, ...change }), head, words))

  const none = { ping: null, containers: null, create: null, start: null }
  const silent: DockerFacts = {
    address: '/s',
    version: { kind: 'failed', why: 'There is no Docker socket at /s: start Docker, mount its socket here.' },
    allowed: { ...none, remove: null, exec: null, events: null, images: null },
  }

  test('that does not answer is one fault, and what depends on it is skipped', () => {
    const rows = examine({
      ...sound,
      docker: silent,
      image: { ...image, found: FAILED, host: FAILED },
      network: { ...network, network: 'media', found: FAILED, self: FAILED },
      nodes: [{ ...node, container: FAILED, control: null }],
      clock: FAILED,
    })
    expectRow(rows, 'fault docker', 'There is no Docker socket at /s → start Docker, mount its socket here')
    expect(rows.filter(({ status }) => status === 'fault')).toHaveLength(1)
    for (const check of ['docker_permissions', 'image', 'network', 'gluetun', 'clock'])
      expectRow(rows, `skipped ${check}`, 'Docker did not answer')
  })

  test('that hangs has a remedy, too', () => {
    expectRow(dockerRows({ ...silent, version: FAILED }), 'fault docker', 'within 4000 ms → see whether')
  })
})

describe('the image', () => {
  const warned = { message: 'it is wrong', remedy: 'do that' }
  test.each<[Partial<ImageFacts>, string, string]>([
    [{ found: MISSING }, 'fault image', 'run: docker pull own/engine:1; or set PULL=missing'],
    [{ found: MISSING, pull: 'missing' }, 'warning image', 'pulls it at its start (PULL=missing)'],
    [{ found: MISSING }, 'skipped image_platform', 'not here'],
    [{ found: FORBIDDEN }, 'skipped image', 'forbids'],
    [
      { found: answer({ os: 'linux', architecture: 'arm64', sizeBytes: 1 }) },
      'fault image_platform',
      'is made for linux/arm64, and this Docker host is linux/amd64',
    ],
    [{ host: FORBIDDEN }, 'skipped image_platform', 'forbids'],
    [
      {
        found: answer({ os: 'linux', architecture: 'arm', sizeBytes: 1 }),
        host: answer({ os: 'linux', architecture: 'arm64' }),
      },
      'ok image_platform',
      'made for linux/arm',
    ],
    [{ choice: 'auto', image: 'jopsis/acestream:x64' }, 'ok image_recipe', 'found by the name of the image'],
    [
      { choice: 'none', hasCommand: true },
      'ok image_recipe',
      'no recipe (ENGINE_RECIPE=none), with the command',
    ],
    [{}, 'ok image_recipe', 'recipe variables, chosen by ENGINE_RECIPE'],
    [
      { warnings: { ...image.warnings, image_unservable: warned } },
      'fault image_recipe',
      'it is wrong → do that',
    ],
    [{ warnings: { ...image.warnings, image_unknown: warned } }, 'warning image_recipe', 'it is wrong'],
    [{ warnings: { ...image.warnings, cache_unbounded: warned } }, 'warning image_cache', 'it is wrong'],
  ])('%#: %j', (change, head, words) => expectRow(imageRows({ ...image, ...change }), head, words))
})

describe('the number of engines', () => {
  const order = { replicas: 0, minReplicas: 2, atMs: Date.parse('2026-11-29T04:36:59.999Z') }
  const rowsOf = (minReplicas: number, change = {}) =>
    examine({ ...sound, scale: { minReplicas, order: { ...order, ...change } } }).filter(
      ({ check }) => check === 'min_replicas',
    )

  test('that an operator ordered is told where it overrides MIN_REPLICAS', () => {
    const words = 'MIN_REPLICAS=2, overridden by /scale/0 on 2026-11-29 04:36 UTC'
    expectRow(rowsOf(2), 'warning min_replicas', words)
    expect(rowsOf(2)[0]?.remedy).toContain('DELETE /scale')
  })

  test('that was ordered is not told where it is that of the settings, or was for another MIN_REPLICAS', () => {
    expect([...rowsOf(3), ...rowsOf(2, { replicas: 2 })]).toEqual([])
  })
})

describe('ports', () => {
  const published = (isOurs: boolean) => answer([...range(100, 109)].map((port) => ({ port, isOurs })))
  const app = (change: Partial<PortsFacts['app']>) => ({ app: { ...ports.app, ...change } })
  test.each<[string, Partial<PortsFacts>, string, string]>([
    [
      'all taken',
      { listening: range(90, 120) },
      'fault ports',
      '0 of 10 ports are free, taken are 100, 101, 102, 103, 104 and 5 more',
    ],
    ['too few left', { listening: range(100, 105) }, 'warning ports', 'fewer than MAX_REPLICAS (5)'],
    ['enough left', { listening: range(100, 104) }, 'ok ports', '5 of 10 ports are free, taken are 100'],
    [
      'held by our engines',
      { listening: range(100, 109), published: published(true) },
      'ok ports',
      '10 of 10',
    ],
    ['held by others', { listening: null, published: published(false) }, 'fault ports', '0 of 10'],
    ['as Docker knows', { listening: null }, 'ok ports', 'as far as Docker knows'],
    ['unseen', { listening: null, published: FORBIDDEN }, 'skipped ports', 'neither the host nor Docker'],
    [
      'of the server, taken',
      app({ state: 'taken' }),
      'fault app_port',
      'another program listens at 127.0.0.1:8000',
    ],
    ['of the server that runs', app({ state: 'taken', answers: true }), 'ok app_port', 'the server answers'],
    ['of no address', app({ state: 'no_address' }), 'fault app_port', 'is no address of this machine'],
    ['below 1024', app({ state: 'forbidden' }), 'fault app_port', 'may not listen'],
  ])('%s', (_, change, head, words) => expectRow(portsRows({ ...ports, ...change }), head, words))
})

describe('the network', () => {
  const named = { network: 'media', found: own() }
  test.each<[string, Partial<NetworkFacts>, string, string]>([
    ['missing', { network: 'media', found: MISSING }, 'fault network', 'docker network create media'],
    ['internal', { network: 'media', found: own({ isInternal: true }) }, 'fault network', 'is internal'],
    [
      "Docker's own",
      { network: 'bridge', found: own({ hasNames: false }) },
      'warning network',
      'no network of your own',
    ],
    ['not to be asked for', { network: 'media', found: FORBIDDEN }, 'skipped network', 'forbids'],
    ['there', named, 'ok network', 'media is there (bridge)'],
    [
      'of us and the engines',
      { ...named, self: inside('media') },
      'ok reach',
      'in the network media of the engines',
    ],
    [
      'that we are not in',
      { ...named, self: inside('other') },
      'fault reach',
      'docker network connect media house',
    ],
    ['none, from a container', { self: inside('other') }, 'fault reach', 'set DOCKER_NETWORK=other'],
    ['none, from no network', { self: inside('none') }, 'fault reach', 'docker network create'],
    [
      'none, with a way by the host',
      { self: inside('other'), advertiseHost: '192.168.1.10', publishAddress: '' },
      'ok reach',
      'only by their ports at ADVERTISE_HOST (192.168.1.10)',
    ],
    [
      'none, with a way by our gateway',
      { self: inside('other'), publishAddress: '' },
      'warning reach',
      'only by their ports at its gateway (172.18.0.1)',
    ],
    [
      'none, with a way by the host that is shut',
      { self: inside('other'), advertiseHost: '192.168.1.10' },
      'fault reach',
      'set DOCKER_NETWORK=other',
    ],
    ['that auto found', { ...named, isAuto: true, self: inside('media') }, 'ok network', 'auto found it'],
    ['that auto did not find', { isAuto: true, self: inside('bridge') }, 'ok network', 'default bridge'],
    ['auto, on the host', { isAuto: true }, 'warning network', 'leave DOCKER_NETWORK out'],
    ['auto, unasked', { isAuto: true, self: FORBIDDEN }, 'skipped network', 'forbids'],
    ['none, from the bridge', { self: inside('bridge') }, 'ok reach', 'in the network bridge'],
    ['of names', named, 'ok proxies', 'they have to be in media'],
    [
      'of names, told by the host',
      { ...named, advertise: 'host' },
      'ok proxies',
      'told 127.0.0.1 and published ports',
    ],
    ['of another host', { remoteHost: '10.0.0.9' }, 'warning proxies', 'set ADVERTISE_HOST=10.0.0.9'],
    [
      'of another host, with its address',
      { remoteHost: '10.0.0.9', advertiseHost: '10.0.0.9' },
      'ok proxies',
      'told 10.0.0.9',
    ],
    [
      'of Gluetun, apart',
      { isVpn: true, self: inside('a'), nodes: [{ name: 'g', networks: ['b'] }] },
      'fault reach',
      'shares no network with g',
    ],
    [
      'of Gluetun, shared',
      { isVpn: true, self: inside('a'), nodes: [{ name: 'g', networks: ['a'] }] },
      'ok reach',
      'of every Gluetun',
    ],
    ['of Gluetun, missing', { isVpn: true, self: inside('a') }, 'skipped reach', 'no Gluetun container'],
  ])('%s', (_, change, head, words) => {
    const facts = { ...network, ...change }
    expectRow([...networkRows(facts), ...proxiesRows(facts, null)], head, words)
  })
})

describe('the proxies of a running server', () => {
  const word: ServerWord = {
    lastHeard: '2026-11-23T12:04:58.000Z',
    heard: [
      { address: '172.18.0.3', container: 'acexy' },
      { address: '172.18.0.1', container: null },
    ],
    warnings: [],
  }
  const warned = (...codes: string[]) => ({
    warnings: codes.map((code) => ({ code, message: `about ${code}`, remedy: `mend ${code}` })),
  })
  test.each<[Partial<ServerWord>, string, string]>([
    [{}, 'ok proxies', 'published ports, which is right'],
    [{}, 'ok proxies', 'the last one asked at 2026-11-23T12:04:58.000Z, from the container acexy'],
    [{ heard: word.heard.slice(1) }, 'ok proxies', '.000Z, from 172.18.0.1'],
    [{ heard: [] }, 'ok proxies', 'the last one asked at 2026-11-23T12:04:58.000Z →'],
    [{ lastHeard: null, heard: [] }, 'ok proxies', 'none has asked since the start of the server'],
    [warned('no_proxy_heard'), 'warning proxies', 'about no_proxy_heard → mend no_proxy_heard'],
    [warned('events_refused'), 'warning proxies', 'about events_refused'],
    [warned('engines_unreached', 'free_engine_needed'), 'warning proxies', 'about engines_unreached'],
    [warned('engines_unreachable', 'image_pulling'), 'warning proxies', 'about engines_unreachable'],
    [warned('image_pulling'), 'ok proxies', 'the last one asked'],
  ])('%j', (change, head, words) => {
    const rows = examine({ ...sound, server: { ...word, ...change } })
    expectRow(
      rows.filter(({ check }) => check === 'proxies'),
      head,
      words,
    )
  })

  test('are told of beside what the settings say, and where Docker is silent', () => {
    const server = { ...word, ...warned('engines_unreached') }
    const elsewhere = { ...network, remoteHost: '10.0.0.9' }
    expectRow(proxiesRows(elsewhere, server), 'warning proxies', 'set ADVERTISE_HOST=10.0.0.9')
    expectRow(proxiesRows(elsewhere, server), 'warning proxies', 'about engines_unreached')
    const rows = examine({ ...sound, docker: { ...docker, version: FAILED }, server })
    expectRow(rows, 'warning proxies', 'about engines_unreached')
  })
})

describe('Gluetun', () => {
  const seen = (change: Partial<typeof container>): Partial<NodeFacts> => ({
    container: answer({ ...container, ...change }),
  })
  const control = (change: object): Partial<NodeFacts> => ({
    control: { status: 'running', forwardedPorts: [41_001], problem: null, ...change },
  })
  const nothing = { status: null, forwardedPorts: null }
  test.each<[string, Partial<NodeFacts>, string, string]>([
    ['missing', { container: MISSING, control: null }, 'fault gluetun', 'there is no container gluetun'],
    ['stopped', { ...seen({ state: 'exited' }), control: null }, 'fault gluetun', 'docker start gluetun'],
    [
      'stopped, not asked',
      { ...seen({ state: 'exited' }), control: null },
      'skipped gluetun_control',
      'does not run',
    ],
    [
      'unhealthy',
      seen({ health: 'unhealthy', healthText: 'dialing: timeout' }),
      'fault gluetun',
      '(dialing: timeout)',
    ],
    ['starting', seen({ health: 'starting' }), 'warning gluetun', 'not known yet'],
    [
      'unhealthy though its VPN runs',
      seen({ health: 'unhealthy' }),
      'fault gluetun',
      'if engines play, give its check other targets: HEALTH_TARGET_ADDRESSES',
    ],
    [
      'unhealthy with a VPN that stopped',
      { ...seen({ health: 'unhealthy' }), ...control({ status: 'stopped' }) },
      'fault gluetun',
      'see docker logs gluetun: its VPN is not up',
    ],
    [
      'no Gluetun, without a check',
      { ...seen({ health: null }), isGluetun: false, control: null },
      'warning gluetun',
      'without a health check and without a control server (VPN_CONTROL=none)',
    ],
    ['no Gluetun, with a check', { isGluetun: false, control: null }, 'ok gluetun', 'gluetun is healthy'],
    [
      'no Gluetun, not asked',
      { isGluetun: false, control: null },
      'skipped gluetun_control',
      'gluetun has no control server (VPN_CONTROL=none)',
    ],
    ['without a check', seen({ health: null }), 'ok gluetun', 'without a health check'],
    [
      'with a 401',
      control({ ...nothing, problem: 'it wants GET /v1/x at 1.2.3.4:8000: set GLUETUN_API_KEY' }),
      'fault gluetun_control',
      'gluetun: it wants GET /v1/x at 1.2.3.4:8000 → set GLUETUN_API_KEY',
    ],
    [
      'with a role for half of it',
      control({ forwardedPorts: null, problem: 'it refuses one: set it' }),
      'warning gluetun_control',
      'refuses one → set it',
    ],
    ['with its VPN stopped', control({ status: 'stopped' }), 'fault gluetun_control', 'its VPN is stopped'],
    ['without a port', control({ forwardedPorts: [] }), 'ok gluetun_port', 'no port is forwarded'],
    [
      'without the port that it asks for',
      { ...control({ forwardedPorts: [] }), ...seen({ asksForPort: true }) },
      'warning gluetun_port',
      'VPN_PORT_FORWARDING is on → see docker logs gluetun',
    ],
    [
      'with ports that only its firewall knows',
      { ...control({ forwardedPorts: [] }), ...seen({ inputPorts: [50_000, 50_001] }) },
      'ok gluetun_port',
      'set GLUETUN_FIXED_PORTS=gluetun:50000,50001',
    ],
    [
      'with several ports',
      control({ forwardedPorts: [41_001, 41_002] }),
      'ok gluetun_port',
      'the ports 41001, 41002 are forwarded to gluetun',
    ],
    [
      'with fixed ports, whatever its control server tells',
      { ...control({ forwardedPorts: [41_001] }), fixedPorts: [50_000] },
      'ok gluetun_port',
      'the port 50000 is forwarded to gluetun (GLUETUN_FIXED_PORTS)',
    ],
    [
      'with no port published',
      seen({ reachablePorts: [] }),
      'warning gluetun_published',
      'publishes none of the 10 ports',
    ],
    [
      'with half of them published',
      seen({ reachablePorts: [...range(200, 204)] }),
      'warning gluetun_published',
      'publishes only 5 of the 10',
    ],
    ['on the network of the host', seen({ reachablePorts: 'all' }), 'ok gluetun_published', 'all of'],
  ])('%s', (_, change, head, words) => expectRow(gluetunRows({ ...node, ...change }, 'auto'), head, words))

  test('publishes nothing where proxies are told that engines are', () => {
    expectRow(
      gluetunRows({ ...node, ...seen({ reachablePorts: [] }) }, 'host'),
      'fault gluetun_published',
      'ENGINE_ADVERTISE=host',
    )
  })
})

describe('the database', () => {
  const read = (schema: 'none' | 'older' | 'newer', damage: string | null = null) =>
    ({ content: { kind: 'read', schema, damage } }) as const
  const held = { lock: { owner: 'process 7 on host h' } }
  test.each<[string, Partial<DatabaseFacts>, string, string]>([
    [
      'without a folder',
      { folder: 'missing', file: 'none', content: null },
      'fault database',
      'the folder of /data/a.db is not there',
    ],
    ['in a file', { folder: 'no_folder', file: 'none', content: null }, 'fault database', 'is no folder'],
    ['in a folder of others', { folder: 'read_only' }, 'fault database', 'may not write to the folder'],
    ['of others', { file: 'read_only' }, 'fault database', 'may not write to /data/a.db'],
    ['that is a folder', { file: 'no_file', content: null }, 'fault database', 'no ordinary file'],
    ['to come', { file: 'none', content: null }, 'ok database', 'is created at the first start'],
    [
      'in use by a server elsewhere',
      held,
      'fault database_lock',
      'process 7 on host h, and no server answers',
    ],
    ['in use by this server', { ...held, answers: true }, 'ok database_lock', 'process 7 on host h'],
    ['with a hidden lock', { lock: 'unknown' }, 'skipped database_lock', 'may not look'],
    ['of a newer version', read('newer'), 'fault database_schema', 'a newer version'],
    ['of an earlier version', read('older'), 'warning database_schema', 'roundhouse backup FILE'],
    ['without tables', read('none'), 'ok database_schema', 'it is empty'],
    ['damaged', read('older', 'row 7 missing'), 'fault database_content', '(row 7 missing)'],
    [
      'unreadable',
      { content: { kind: 'unreadable', why: 'it is damaged', remedy: 'put it aside' } },
      'fault database_content',
      'it is damaged → put it aside',
    ],
    ['on NFS', { fileSystem: 'nfs4' }, 'fault file_system', 'lies on nfs4'],
    ['on SMB', { fileSystem: 'cifs' }, 'fault file_system', 'lies on cifs'],
    ['shared with another system', { fileSystem: '9p' }, 'warning file_system', 'a volume of Docker'],
    ['on a local disk', { fileSystem: 'btrfs' }, 'ok file_system', 'it lies on btrfs'],
    ['in the container itself', { fileSystem: 'container' }, 'warning file_system', 'mount a volume'],
    ['on a full disk', { freeBytes: 1e6 }, 'fault space', '1 MB are free'],
    ['on a disk that is nearly full', { freeBytes: 1e8 }, 'warning space', '100 MB are free'],
  ])('%s', (_, change, head, words) => expectRow(databaseRows({ ...database, ...change }), head, words))
})

test.each([
  [0, 'ok clock', 'agree'],
  [-1_500, 'ok clock', 'agree'],
  [30_000, 'warning clock', '30 s ahead of'],
  [-3_600_000, 'fault clock', '3600 s behind'],
])('a clock that is %i ms ahead', (aheadMs, head, words) =>
  expectRow([clockRow(answer({ aheadMs }))], head, words),
)

describe('the key', () => {
  const none = { keys: 0, bind: '127.0.0.1' }
  test.each<[string, Partial<KeyFacts>, string, string]>([
    ['is there', {}, 'ok key', '1 key, long enough'],
    [
      'is short',
      { warnings: ['a key of fewer than 16 characters can be guessed. Take a longer one'] },
      'warning key',
      'guessed → Take a longer one',
    ],
    ['is not needed', none, 'ok key', 'only this machine reaches 127.0.0.1'],
    ['is missing', { ...none, bind: '0.0.0.0' }, 'fault key', 'openssl rand -hex 32'],
    ['is missing in a container', { ...none, self: inside('a') }, 'warning key', 'of the container house'],
    ['is not wanted', { ...none, bind: '0.0.0.0', allowsNoKey: true }, 'ok key', 'ALLOW_NO_KEY'],
  ])('%s', (_, change, head, words) => expectRow(keyRows({ ...key, ...change }), head, words))
})

describe('a report', () => {
  const rows = examine({
    ...sound,
    clock: answer({ aheadMs: 90_000 }),
    loaded: loadConfig({ MIN_REPLICA: '1' }, []),
  })

  test('has a line for each row, the remedies, the numbers, and at most 100 columns', () => {
    const text = tableText(rows)
    expect(text.split('\n').filter((line) => line.length > 100)).toEqual([])
    expect(text).toMatch(/^fault {4}clock +the clock here is 90 s ahead of that of Docker\n +→ set both/m)
    expect(text).toEndWith(`\n\n${rows.length - 2} ok, 1 warning, 1 fault, 0 skipped\n`)
  })

  test('for programs has the same rows, and the worst status', () => {
    expect(JSON.parse(jsonText(rows))).toEqual({ status: 'fault', rows: [...rows] })
    expect(verdictOf(rows.filter(({ status }) => status !== 'fault'))).toBe('warning')
  })
})

describe('swarm', () => {
  const only = { attribute: 'node.role', isEqual: true, value: 'manager' }

  test.each([
    [
      'ok swarm',
      '2 nodes, of which 1 may have engines',
      swarm(host('a'), host('b', { availability: 'pause' })),
    ],
    ['fault swarm', 'a does not meet SWARM_CONSTRAINTS', { ...swarm(host('a')), constraints: [only] }],
    ['fault swarm', 'a takes no containers', swarm(host('a', { availability: 'drain' }))],
    ['warning swarm', 'hears nothing of b', swarm(host('a'), host('b', { isUp: false }))],
    ['fault swarm', 'SWARM_POST_NODE is z, and the nodes are a', { ...swarm(host('a')), callersHost: 'z' }],
    [
      'fault swarm',
      'This node is not a swarm manager',
      { ...swarm(), hosts: { kind: 'failed', why: 'This node is not a swarm manager: join it' } },
    ],
    ['skipped swarm', 'forbids the question', { ...swarm(), hosts: FORBIDDEN }],
  ] as const)('%s: %s', (head, words, facts) => expectRow(swarmRows(facts), head, words))

  test('is asked about only where engines run on one', () => {
    expect(examine({ ...sound, swarm: null }).filter(({ check }) => check === 'swarm')).toEqual([])
    expect(examine({ ...sound, swarm: swarm(host('a')) }).map(({ check }) => check)).toContain('swarm')
  })
})
