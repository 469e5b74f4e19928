import { describe, expect, test } from 'bun:test'
import { DOCKER_ANSWER_BYTES_MAX } from '../../../src/runtime/docker-agent.ts'
import { type ContainerSpec, RuntimeFailure, type SingleHostRuntime } from '../../../src/runtime/runtime.ts'
import { dockerRuntimeAt, until } from '../../support/docker.ts'
import { httpAnswer, rawDaemon } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'

const SPEC: ContainerSpec = {
  name: 'acestream-1',
  image: 'engine:1',
  env: {},
  labels: {},
  ports: [],
  publishAddress: '',
  network: null,
  memoryBytes: null,
  cpus: null,
}

/** Answers of these calls are read piece by piece, and of a refusal only the text is known. */
const STREAMS = new Set(['events', 'watch', 'pull'])

const HANDLERS = { onOpen: () => undefined, onEvent: () => undefined, onChange: () => undefined }

const CALLS: Readonly<Record<string, (runtime: SingleHostRuntime) => Promise<unknown>>> = {
  create: (runtime) => runtime.create(SPEC),
  start: (runtime) => runtime.start('abc'),
  stop: (runtime) => runtime.stop('abc', 0),
  destroy: (runtime) => runtime.destroy('abc'),
  discard: (runtime) => runtime.discard('abc'),
  inspect: (runtime) => runtime.inspect('abc'),
  traffic: (runtime) => runtime.meters.traffic('abc'),
  exec: (runtime) => runtime.commands.exec('abc', ['true']),
  logs: (runtime) => runtime.logs('abc', { lines: 20, bytes: 1_000 }),
  image: (runtime) => runtime.image('engine:1'),
  host: (runtime) => runtime.host(),
  pull: (runtime) => runtime.registry.pull('engine:1', () => undefined),
  list: (runtime) => runtime.list(),
  containerAt: (runtime) => runtime.neighbours.containerAt('172.18.0.2'),
  ping: (runtime) => runtime.ping(),
  events: (runtime) => runtime.events(HANDLERS, new AbortController().signal),
  watch: (runtime) => runtime.neighbours.watch('gluetun', HANDLERS, new AbortController().signal),
}

const page = (status: number): string => {
  const body = '<html><body><h1>Welcome to nginx!</h1></body></html>'
  return `HTTP/1.1 ${status} X\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** Answers of another service at DOCKER_HOST, to any request. */
const STRANGERS: Readonly<Record<string, string>> = {
  'a page with 200': page(200),
  'a page with 201': page(201),
  'a page that is not found': page(404),
  'a page that says conflict': page(409),
  'a page that fails': page(500),
  'a page from between': page(502),
  'an object of another kind': httpAnswer(200, { hello: 'world', Id: 7 }),
  'an empty object': httpAnswer(200, {}),
  'a list of another kind': httpAnswer(200, [{ id: 1 }, null]),
  'a list where an object is due, and the other way round': httpAnswer(200, [[]]),
  'a text': httpAnswer(200, 'fine'),
  'a number': httpAnswer(201, 7),
  null: httpAnswer(200, null),
}

describe('what is none of Docker’s is unreachable, and never a success or a mistake of ours', () => {
  test.each(Object.entries(STRANGERS))('%s', async (_, answer) => {
    using stranger = rawDaemon(({ send }) => send(answer))
    const runtime = dockerRuntimeAt(stranger.dockerHost)
    for (const [name, call] of Object.entries(CALLS)) {
      const failure = await failureOf('unreachable', call(runtime))
      expect([name, failure.effect]).toEqual([name, 'unknown'])
      const words = STREAMS.has(name) ? /in place of Docker|broke off/ : /in place of Docker/
      expect([name, failure.message]).toEqual([name, expect.stringMatching(words)])
    }
  })
})

/** What each call is told to be allowed, as the usual socket proxies call it. */
const ALLOW: Readonly<Record<string, string>> = {
  create: 'POST /containers/create there (CONTAINERS=1 POST=1)',
  start: 'POST /containers/{id}/start there (CONTAINERS=1 POST=1)',
  stop: 'POST /containers/{id}/stop there (CONTAINERS=1 POST=1)',
  destroy: 'DELETE /containers/{id} there (CONTAINERS=1 POST=1)',
  discard: 'DELETE /containers/{id} there (CONTAINERS=1 POST=1)',
  inspect: 'GET /containers there (CONTAINERS=1)',
  traffic: 'GET /containers there (CONTAINERS=1)',
  exec: 'POST /exec there (EXEC=1 POST=1)',
  logs: 'GET /containers there (CONTAINERS=1)',
  image: 'GET /images there (IMAGES=1)',
  host: 'GET /version there (VERSION=1)',
  pull: 'POST /images/create there (IMAGES=1 POST=1)',
  list: 'GET /containers there (CONTAINERS=1)',
  containerAt: 'GET /containers there (CONTAINERS=1)',
  ping: 'GET /_ping there (PING=1)',
  events: 'GET /events there (EVENTS=1)',
  watch: 'GET /events there (EVENTS=1)',
}

describe('a socket proxy that forbids a call is told what to allow, and not quoted', () => {
  const text = 'HTTP/1.1 403 X\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nForbidden'
  test.each([
    ['with a page', page(403)],
    ['with a text', text],
    ['as a method that is not allowed', page(405)],
    ['for want of a login', page(401)],
  ])('%s', async (_, answer) => {
    using proxy = rawDaemon(({ send }) => send(answer))
    const runtime = dockerRuntimeAt(proxy.dockerHost)
    for (const [name, call] of Object.entries(CALLS)) {
      const failure = await failureOf('unreachable', call(runtime))
      expect([name, failure.effect]).toEqual([name, 'none'])
      expect([name, failure.message]).toEqual([name, expect.stringContaining(`: allow ${ALLOW[name]}.`)])
      expect(failure.message).not.toContain('<')
    }
  })
})

test('words of a plug-in of Docker that forbids a call are passed on', async () => {
  const message = 'authorization denied by plugin opa: not you'
  using daemon = rawDaemon(({ send }) => send(httpAnswer(403, { message })))
  const failure = await failureOf('refused', dockerRuntimeAt(daemon.dockerHost).create(SPEC))
  expect(failure.message).toContain(message)
})

test.each([
  ['an object', httpAnswer(404, { error: 'no route' })],
  ['a text', httpAnswer(404, 'No such container: abc')],
  ['other words', httpAnswer(404, { message: 'page not found' })],
])(
  'JSON that says that something is not found, as %s, does not say that a container is gone',
  async (_, answer) => {
    using stranger = rawDaemon(({ send }) => send(answer))
    const runtime = dockerRuntimeAt(stranger.dockerHost)
    for (const verb of ['destroy', 'discard', 'inspect', 'traffic'] as const) {
      const call = verb === 'traffic' ? runtime.meters.traffic('abc') : runtime[verb]('abc')
      const error: unknown = await call.then(
        () => 'a success',
        (failure: unknown) => failure,
      )
      expect([verb, error]).toEqual([verb, expect.any(RuntimeFailure)])
      expect([verb, error]).not.toEqual([verb, expect.objectContaining({ code: 'not_found' })])
    }
  },
)

/** An inspected network of a container, as Docker 28 describes one of `docker network create --ipv6 --ipv4=false`. */
const ONLY_IPV6 = {
  ...{ IPAMConfig: null, Links: null, Aliases: null, MacAddress: '9e:0f:a9:4e:c5:1c', DriverOpts: null },
  ...{ GwPriority: 0, NetworkID: 'a'.repeat(64), EndpointID: 'b'.repeat(64), Gateway: '', IPPrefixLen: 0 },
  ...{ IPv6Gateway: 'fd00:1::1', GlobalIPv6Address: 'fd00:1::2', GlobalIPv6PrefixLen: 64, DNSNames: ['a'] },
}

describe('an answer of Docker', () => {
  const time = '2026-11-25T04:34:48.5Z'
  const whole = {
    Id: 'abc',
    Name: '/acestream-1',
    Created: time,
    RestartCount: 0,
    Image: `sha256:${'1'.repeat(64)}`,
    Config: { Image: 'engine:1', Labels: { a: 'b' } },
    State: { Status: 'running', StartedAt: time, ExitCode: 0 },
    HostConfig: { NetworkMode: 'bridge', PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
    NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2' } }, Ports: null },
  }
  const row = {
    Id: 'abc',
    Names: ['/acestream-1'],
    Image: 'engine:1',
    ImageID: whole.Image,
    State: 'running',
    Labels: { a: 'b' },
    Ports: [{ PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2' } } },
    Created: 1_795_439_303,
  }
  const seen = {
    id: 'abc',
    name: 'acestream-1',
    image: 'engine:1',
    imageId: whole.Image,
    address: '172.17.0.2',
    ports: [{ containerPort: 80, hostPort: 8080, protocol: 'tcp' }],
  }

  async function inspected(change: object) {
    using daemon = rawDaemon(({ send }) => send(httpAnswer(200, { ...whole, ...change })))
    return await dockerRuntimeAt(daemon.dockerHost).inspect('abc')
  }
  async function listed(change: object) {
    using daemon = rawDaemon(({ send }) => send(httpAnswer(200, [row, { ...row, ...change }])))
    return (await dockerRuntimeAt(daemon.dockerHost).list()).at(-1)
  }

  test('is read where it has all that we read', async () => {
    expect(await inspected({})).toMatchObject(seen)
    expect(await listed({})).toMatchObject(seen)
  })

  test.each<readonly [string, object]>([
    ['no Id', { Id: undefined }],
    ['an Id that may be in no path', { Id: '../../info' }],
    ['no Name', { Name: undefined }],
    ['no State', { State: undefined }],
    ['a State that is a text', { State: 'running' }],
    ['a State without a word', { State: { StartedAt: time } }],
    ['no Config', { Config: null }],
    ['no NetworkSettings', { NetworkSettings: null }],
    ['networks that are a list', { NetworkSettings: { Networks: ['bridge'] } }],
    ['a network that is a text', { NetworkSettings: { Networks: { bridge: 'up' } } }],
    ['no HostConfig', { HostConfig: null }],
    ['bindings that are a text', { HostConfig: { PortBindings: { '80/tcp': '8080' } } }],
    ['labels that are a list', { Config: { Image: 'engine:1', Labels: ['a=b'] } }],
    ['a label that is a number', { Config: { Image: 'engine:1', Labels: { a: 7 } } }],
    ['a time that is none', { Created: 'yesterday' }],
    ['a health check that is a text', { State: { ...whole.State, Health: 'good' } }],
    ['restarts below nothing', { RestartCount: -1 }],
  ])('is none in an inspection with %s', async (_, change) => {
    await failureOf('unreachable', inspected(change))
  })

  test.each<readonly [string, object]>([
    ['no Id', { Id: undefined }],
    ['names that are a text', { Names: '/a' }],
    ['a State that is an object', { State: {} }],
    ['ports that are an object', { Ports: {} }],
    ['a port that is a text', { Ports: ['80'] }],
    ['a time that is a text', { Created: time }],
    ['labels that are a text', { Labels: 'a=b' }],
  ])('is none in a list with %s', async (_, change) => {
    await failureOf('unreachable', listed(change))
  })

  test.each<readonly [string, object, object]>([
    ['no labels', { Config: { Image: 'engine:1', Labels: null } }, { labels: {} }],
    ['no networks', { NetworkSettings: { Networks: null } }, { address: null, networks: [] }],
    ['a network that is not joined yet', { NetworkSettings: { Networks: { a: null } } }, { address: null }],
    [
      'an address that is none',
      { NetworkSettings: { Networks: { a: { IPAddress: 'invalid IP' } } } },
      { address: null, addresses: [] },
    ],
    [
      'a network without IPv4, as Docker 28 makes it',
      { NetworkSettings: { Networks: { six: { ...ONLY_IPV6, IPAddress: '' } } } },
      { address: 'fd00:1::2', addresses: ['fd00:1::2'], networks: ['six'] },
    ],
    [
      'IPv4 as well, which is used',
      { NetworkSettings: { Networks: { six: ONLY_IPV6, both: { ...ONLY_IPV6, IPAddress: '172.18.0.2' } } } },
      { address: '172.18.0.2', addresses: ['172.18.0.2', 'fd00:1::2'] },
    ],
    ['no id of its image', { Image: undefined }, { imageId: null }],
    ['no count of restarts', { RestartCount: undefined }, { restarts: null }],
    ['a state of a later version', { State: { Status: 'hibernating', StartedAt: time } }, { state: 'dead' }],
    [
      'ports that are none',
      {
        HostConfig: {
          PortBindings: {
            'x/tcp': [{ HostPort: '8080' }],
            '0/tcp': [{ HostPort: '1' }],
            '80/tcp': [{ HostPort: '70000' }, { HostPort: '8080' }],
            '81/tcp': null,
          },
        },
      },
      { ports: seen.ports },
    ],
    ['members that we do not know', { Platform: 'linux', GraphDriver: null }, seen],
  ])('may have in an inspection %s', async (_, change, expected) => {
    expect(await inspected(change)).toMatchObject(expected)
  })

  test.each<readonly [string, object, object]>([
    ['no names', { Names: null }, { name: '' }],
    ['no id of its image', { ImageID: '' }, { imageId: null }],
    ['a name by which another links it', { Names: ['/proxy/engine', '/acestream-1'] }, seen],
    ['no ports, as Podman says it', { Ports: null }, { ports: [] }],
    [
      'no networks, as Podman says it',
      { NetworkSettings: null, HostConfig: null },
      { address: null, joins: null },
    ],
    ['a port that is none', { Ports: [{ PrivatePort: 80, PublicPort: 70_000, Type: 'tcp' }] }, { ports: [] }],
  ])('may have in a list %s', async (_, change, expected) => {
    expect(await listed(change)).toMatchObject(expected)
  })

  test('is searched for the container at an address of either kind, and two at one are none', async () => {
    const both = { ...ONLY_IPV6, IPAddress: '172.18.0.2' }
    const at = (Id: string, Networks: object) => ({ ...row, Id, NetworkSettings: { Networks } })
    const rows = [at('a', { media: both }), at('b', { tv: null, media: { IPAddress: '172.18.0.3' } })]
    using daemon = rawDaemon(({ send }) => send(httpAnswer(200, rows)))
    const runtime = dockerRuntimeAt(daemon.dockerHost)
    for (const address of ['172.18.0.2', 'fd00:1::2'])
      expect(await runtime.neighbours.containerAt(address)).toMatchObject({ id: 'a', networks: ['media'] })
    expect((await runtime.neighbours.containerAt('172.18.0.3'))?.id).toBe('b')
    expect(await runtime.neighbours.containerAt('')).toBeNull()
    rows.push(at('c', { lan: { IPAddress: '172.18.0.2' } }))
    expect(await runtime.neighbours.containerAt('172.18.0.2')).toBeNull()
  })

  test('without an end is none, is read no further than its bound, and its connection is closed', async () => {
    const piece = ' '.repeat(1024 * 1024)
    for (const [name, call] of Object.entries(CALLS)) {
      // A stream's content decides when it ends, so a refusal tests its bound.
      const status = STREAMS.has(name) ? 500 : 200
      using stranger = rawDaemon(({ send }) => {
        send(`HTTP/1.1 ${status} X\r\nContent-Length: 1000000000\r\n\r\n`)
        for (let sent = 0; sent <= DOCKER_ANSWER_BYTES_MAX; sent += piece.length) send(piece)
      })
      const failure = await failureOf('unreachable', call(dockerRuntimeAt(stranger.dockerHost)))
      if (!STREAMS.has(name))
        expect([name, failure.message]).toEqual([name, expect.stringContaining('without an end')])
      await until('its connection is closed', () => stranger.open() === 0)
    }
  }, 30_000)
})
