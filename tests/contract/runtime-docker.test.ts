import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import type { Deadlines } from '../../src/runtime/docker.ts'
import { parseDockerHost } from '../../src/runtime/docker-connection.ts'
import type { ContainerEvent, ContainerSpec, SingleHostRuntime } from '../../src/runtime/runtime.ts'
import { connectTestDocker, dockerRuntimeAt, type TestDocker, until } from '../support/docker.ts'
import {
  chunkOf,
  type FakeDaemon,
  httpAnswer,
  piece,
  rawDaemon,
  STREAM_HEADERS,
  type Wire,
} from '../support/fake-daemon.ts'
import { freePort } from '../support/ports.ts'
import { failureOf, published } from '../support/runtime-contract.ts'
import { ensureTinyImage } from '../support/tiny-image.ts'

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

/** Every call of a runtime, with the name of its deadline. */
function everyCall(runtime: SingleHostRuntime): [keyof Deadlines, () => Promise<unknown>][] {
  const handlers = { onOpen: () => {}, onEvent: () => {}, onChange: () => {} }
  return [
    ['create', () => runtime.create(SPEC)],
    ['start', () => runtime.start('abc')],
    ['stop', () => runtime.stop('abc', 0)],
    ['destroy', () => runtime.destroy('abc')],
    ['destroy', () => runtime.discard('abc')],
    ['inspect', () => runtime.inspect('abc')],
    ['traffic', () => runtime.meters.traffic('abc')],
    ['usage', () => runtime.meters.usage('abc')],
    ['exec', () => runtime.commands.exec('abc', ['/bin/true'])],
    ['logs', () => runtime.logs('abc', { lines: 20, bytes: 1_000 })],
    ['inspect', () => runtime.image('engine:1')],
    ['inspect', () => runtime.host()],
    ['pull', () => runtime.registry.pull('engine:1', () => {})],
    ['list', () => runtime.list()],
    ['ping', () => runtime.ping()],
    ['subscribe', () => runtime.events(handlers, new AbortController().signal)],
    ['subscribe', () => runtime.neighbours.watch('gluetun', handlers, new AbortController().signal)],
  ]
}

describe('without a connection', () => {
  test.each([
    ['unix:///nope/docker.sock', '/nope/docker.sock'],
    [`tcp://127.0.0.1:${freePort()}`, 'tcp://127.0.0.1'],
    ['tcp://roundhouse-test.invalid:2375', 'tcp://roundhouse-test.invalid:2375'],
  ])('every call at %s fails without effect, and names the address', async (dockerHost, address) => {
    for (const [verb, call] of everyCall(dockerRuntimeAt(dockerHost))) {
      const failure = await failureOf('unreachable', call())
      expect([verb, failure.effect]).toEqual([verb, 'none'])
      expect(failure.message).toContain(address)
      expect(failure.message).toContain('DOCKER_HOST')
    }
  })
})

describe('a daemon that does not answer', () => {
  test('makes every call unreachable at its deadline, and leaves no connection behind', async () => {
    using daemon = rawDaemon(() => {})
    for (const [verb, call] of everyCall(dockerRuntimeAt(daemon.dockerHost, deadlinesOf(100)))) {
      const before = performance.now()
      const failure = await failureOf('unreachable', call())
      expect([verb, failure.effect]).toEqual([verb, 'unknown'])
      expect(performance.now() - before).toBeWithin(95, 2_000)
    }
    await until('all connections are closed', () => daemon.open() === 0)
  })

  test('leaves no connection behind when its callers give up', async () => {
    using daemon = rawDaemon(() => {})
    const abort = new AbortController()
    const runtime = dockerRuntimeAt(daemon.dockerHost)
    const calls = Array.from({ length: 20 }, () => failureOf('unreachable', runtime.list(abort.signal)))
    await until('all are connected', () => daemon.open() === 20)
    abort.abort()
    for (const failure of await Promise.all(calls)) expect(failure.effect).toBe('unknown')
    await until('all connections are closed', () => daemon.open() === 0)
  })

  test('but hangs up makes every call unreachable at once', async () => {
    using daemon = rawDaemon((wire) => wire.cut())
    for (const [verb, call] of everyCall(dockerRuntimeAt(daemon.dockerHost))) {
      expect([verb, (await failureOf('unreachable', call())).effect]).toEqual([verb, 'unknown'])
    }
  })

  test('but breaks off in the middle makes the call unreachable at its deadline', async () => {
    using daemon = rawDaemon((wire) => {
      wire.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{"Id":')
      wire.cut()
    })
    const failure = await failureOf('unreachable', dockerRuntimeAt(daemon.dockerHost, { list: 200 }).list())
    expect(failure.effect).toBe('unknown')
  })
})

describe('the traffic of a container', () => {
  const lookOf = (NetworkMode: string) => httpAnswer(200, { HostConfig: { NetworkMode } })
  const counters = { eth0: { rx_bytes: 5, tx_bytes: 7 }, eth1: { rx_bytes: 100, tx_bytes: 200 } }

  test.each([
    [
      'all its networks together',
      lookOf('media'),
      { read: '', networks: counters },
      { receivedBytes: 105, sentBytes: 207 },
    ],
    ['none where Docker names no networks', lookOf('host'), { read: '' }, null],
    // Docker answers with the counters of the network container.
    ['none in the network of another', lookOf('container:abc'), { read: '', networks: counters }, null],
  ])('is that of %s', async (_, look, stats, traffic) => {
    const answers = [look, httpAnswer(200, stats)]
    using daemon = rawDaemon((wire) => wire.send(answers.shift() ?? ''))
    expect(await dockerRuntimeAt(daemon.dockerHost).meters.traffic('abc')).toEqual(traffic)
  })

  test('is unreachable where Docker takes too long to count, and not found where the container went meanwhile', async () => {
    const answers = [lookOf('bridge')]
    using slow = rawDaemon((wire) => wire.send(answers.shift() ?? ''))
    const late = await failureOf(
      'unreachable',
      dockerRuntimeAt(slow.dockerHost, { traffic: 100 }).meters.traffic('abc'),
    )
    expect(late.message).toContain('count the traffic of container abc within 100 ms')
    const others = [lookOf('bridge'), httpAnswer(404, { message: 'No such container: abc' })]
    using quick = rawDaemon((wire) => wire.send(others.shift() ?? ''))
    await failureOf('not_found', dockerRuntimeAt(quick.dockerHost).meters.traffic('abc'))
  })
})

describe('a command in a container', () => {
  const made = httpAnswer(201, { Id: 'e1' })
  const streamOf = (raw: string) => `${STREAM_HEADERS}${chunkOf(raw)}${chunkOf('')}`
  const ended = (ExitCode: number) => httpAnswer(200, { Running: false, ExitCode })

  /** The result of a command, from a daemon that gives these answers one after the other. */
  async function resultOf(answers: string[], deadlineMs = 5_000) {
    using daemon = rawDaemon((wire) => wire.send(answers.shift() ?? ''))
    const runtime = dockerRuntimeAt(daemon.dockerHost, { exec: deadlineMs })
    return await runtime.commands.exec('abc', ['du', '-sk'])
  }

  test('gives both outputs in their order, and asks again while Docker has not heard of the exit', async () => {
    const output = streamOf(piece(1, '12\n') + piece(2, 'du: x\n') + piece(1, '13\n'))
    const running = httpAnswer(200, { Running: true, ExitCode: null })
    expect(await resultOf([made, output, running, running, ended(1)])).toEqual({
      exitCode: 1,
      output: '12\ndu: x\n13\n',
    })
  })

  test('gives the beginning of a long output, and no half character', async () => {
    // Each of these characters has two bytes in UTF-8, after one of a single byte, so the bound cuts one in two.
    const text = `x${Buffer.from('ü'.repeat(200_000)).toString('latin1')}`
    const { output } = await resultOf([made, streamOf(piece(1, text)), ended(0)])
    expect(output).toBe(`x${'ü'.repeat(32 * 1024 - 1)}`)
  })

  test('gives what came of an output that broke off in its middle', async () => {
    const { output } = await resultOf([made, streamOf(piece(1, 'whole').slice(0, -2)), ended(137)])
    expect(output).toBe('who')
  })

  test('is not found or refused where the container went or stopped before its start', async () => {
    const gone = httpAnswer(404, { message: 'No such exec instance: e1' })
    expect((await failureOf('not_found', resultOf([made, gone]))).message).toContain('abc')
    const stopped = httpAnswer(409, { message: 'Container abc is not running' })
    await failureOf('refused', resultOf([made, stopped]))
    const restarting = { message: 'Container abc is restarting, wait until the container is running' }
    await failureOf('refused', resultOf([httpAnswer(409, restarting)]))
  })

  test('that does not end leaves no connection behind', async () => {
    const answers = [made, STREAM_HEADERS + chunkOf(piece(1, 'x'))]
    using daemon = rawDaemon((wire) => wire.send(answers.shift() ?? ''))
    const failure = await failureOf(
      'unreachable',
      dockerRuntimeAt(daemon.dockerHost, { exec: 100 }).commands.exec('abc', ['sleep']),
    )
    expect(failure.message).toContain('run sleep in container abc within 100 ms')
    await until('only the connection of the first question may be kept', () => daemon.open() <= 1)
  })
})

describe('the event stream', () => {
  const die = {
    Type: 'container',
    Action: 'die',
    Actor: {
      ID: 'abc',
      Attributes: { name: 'acestream-1', image: 'engine:1', exitCode: '1', place: 'Zürich' },
    },
    time: 1_795_439_303,
    timeNano: 1_795_439_303_727_000_000,
  }
  const line = `${JSON.stringify(die)}\n`
  const told: ContainerEvent = {
    action: 'die',
    id: 'abc',
    name: 'acestream-1',
    labels: { place: 'Zürich' },
    atMs: 1_795_439_303_727,
  }

  /** Follows the stream to its end. Returns the events and how the stream ended. */
  async function followed(daemon: FakeDaemon, signal = new AbortController().signal) {
    const events: ContainerEvent[] = []
    let opened = 0
    const handlers = { onOpen: () => (opened += 1), onEvent: (event: ContainerEvent) => events.push(event) }
    const failure = await failureOf(
      'unreachable',
      dockerRuntimeAt(daemon.dockerHost).events(handlers, signal),
    )
    return { events, opened, failure }
  }

  test('is read whole wherever its chunks end, also within a letter', async () => {
    const bytes = Buffer.from(`${line.repeat(2)}\n`).toString('latin1')
    for (const size of [1, 7, 100, bytes.length]) {
      using daemon = rawDaemon((wire) => {
        wire.send(STREAM_HEADERS)
        for (let at = 0; at < bytes.length; at += size) wire.send(chunkOf(bytes.slice(at, at + size)))
        wire.send(chunkOf(''))
      })
      expect(await followed(daemon)).toMatchObject({ events: [told, told], opened: 1 })
    }
  })

  test('leaves out what is no change of a container', async () => {
    const others = [
      { ...die, Action: 'exec_create: sh' },
      { ...die, Action: 'health_status: healthy' },
      { ...die, Actor: { Attributes: null } },
      { Action: 'die', Actor: {} },
      { ...die, Actor: { ID: 'abc', Attributes: { name: 'acestream-1' } } },
    ]
    using daemon = rawDaemon((wire) => {
      wire.send(STREAM_HEADERS + others.map((other) => chunkOf(`${JSON.stringify(other)}\n`)).join(''))
      wire.send(chunkOf(''))
    })
    expect(await followed(daemon)).toMatchObject({ events: [{ ...told, labels: {} }], opened: 1 })
  })

  test.each([
    ['cuts it', (wire: Wire) => wire.cut()],
    ['ends it', (wire: Wire) => endStream(wire)],
    ['sends what cannot be read', (wire: Wire) => wire.send(chunkOf('{"Action":\n'))],
    ['sends null', (wire: Wire) => wire.send(chunkOf('null\n'))],
    ['sends what is no event', (wire: Wire) => wire.send(chunkOf('{"Action":"die","Actor":7}\n'))],
    ['never ends a line', (wire: Wire) => wire.send(chunkOf('x'.repeat(1024 * 1024 + 1)))],
  ])('breaks when the daemon %s', async (_, end) => {
    using daemon = rawDaemon((wire) => {
      wire.send(STREAM_HEADERS)
      end(wire)
    })
    const { opened, failure } = await followed(daemon)
    expect(failure.effect).toBe('unknown')
    expect(opened).toBe(1)
    await until('its connection is closed', () => daemon.open() === 0)
  })

  test('outlives every deadline while nothing is told, and ends with its connection on abort', async () => {
    using daemon = rawDaemon((wire) => wire.send(STREAM_HEADERS))
    const abort = new AbortController()
    const opened = Promise.withResolvers<void>()
    const runtime = dockerRuntimeAt(daemon.dockerHost, deadlinesOf(100))
    const ended = runtime.events({ onOpen: () => opened.resolve(), onEvent: () => {} }, abort.signal)
    await opened.promise
    // When this deadline has passed, every other one has passed too, including that of the subscription.
    await expect(runtime.inspect('abc')).rejects.toThrow('within 100 ms')
    await until('only the connection of the events is left', () => daemon.open() === 1)
    abort.abort()
    await ended
    await until('its connection is closed', () => daemon.open() === 0)
  })

  test('ends quietly when it is aborted before it stands', async () => {
    using daemon = rawDaemon(() => {})
    const abort = new AbortController()
    const ended = dockerRuntimeAt(daemon.dockerHost).events(
      { onOpen: () => {}, onEvent: () => {} },
      abort.signal,
    )
    await until('it is connected', () => daemon.open() === 1)
    abort.abort()
    await ended
    await until('its connection is closed', () => daemon.open() === 0)
  })
})

describe('the event stream of one container', () => {
  test('tells of messages with exactly its name, and breaks like that of all', async () => {
    const names = ['gluetun', 'gluetun-2', 'gluetun', undefined]
    const lines = names.map((name) => JSON.stringify({ Action: 'start', Actor: { Attributes: { name } } }))
    using daemon = rawDaemon((wire) => {
      wire.send(STREAM_HEADERS + lines.map((line) => chunkOf(`${line}\n`)).join(''))
      endStream(wire)
    })
    const told = { opened: 0, changes: 0 }
    const handlers = { onOpen: () => told.opened++, onChange: () => told.changes++ }
    const { signal } = new AbortController()
    const failure = await failureOf(
      'unreachable',
      dockerRuntimeAt(daemon.dockerHost).neighbours.watch('gluetun', handlers, signal),
    )
    expect(failure.effect).toBe('unknown')
    expect(told).toEqual({ opened: 1, changes: 2 })
    await until('its connection is closed', () => daemon.open() === 0)
  })
})

describe('what Docker says of the health of a container', () => {
  const startedAt = '2026-11-25T04:34:48.5Z'
  const said = (Start: string, Output: string) => ({ Start, End: Start, ExitCode: 1, Output })
  const after = (output: string) => said('2026-11-25T04:34:49.3207Z', output)
  // The output of Gluetun's own health check, recorded.
  const gluetun =
    '2026-11-23T22:06:45Z \u001b[31mERROR\u001b[0m HTTP response status is not OK: 500 500 Internal Server Error: ' +
    'startup check: all check tries failed\n\n2026-11-23T22:06:45Z INFO Shutdown successful\n'

  test.each([
    ['none', undefined, null, null],
    ['no check', { Status: 'none', Log: [] }, null, null],
    ['a check that was never made', { Status: 'starting', Log: null }, 'starting', null],
    ['a good one', { Status: 'healthy', Log: [after('fine')] }, 'healthy', null],
    ['its last words', { Status: 'unhealthy', Log: [after('a'), after('b')] }, 'unhealthy', 'b'],
    ['no words', { Status: 'unhealthy', Log: [after(' \n')] }, 'unhealthy', null],
    [
      'words of an earlier start',
      { Status: 'starting', Log: [said('2026-11-25T04:34:47.9Z', 'old')] },
      'starting',
      null,
    ],
    [
      'one line without colours',
      { Status: 'unhealthy', Log: [after(gluetun)] },
      'unhealthy',
      '2026-11-23T22:06:45Z ERROR HTTP response status is not OK: 500 500 Internal Server Error: ' +
        'startup check: all check tries failed 2026-11-23T22:06:45Z INFO Shutdown successful',
    ],
    [
      '300 characters at most',
      { Status: 'unhealthy', Log: [after('🙂'.repeat(400))] },
      'unhealthy',
      '🙂'.repeat(300),
    ],
  ])('is %s', async (_, Health, health, healthText) => {
    const state = { Status: 'running', StartedAt: startedAt, Health }
    const body = {
      Id: 'abc',
      Name: '/gluetun',
      Config: { Image: 'engine:1' },
      State: state,
      NetworkSettings: {},
      HostConfig: {},
    }
    const bytes = Buffer.from(JSON.stringify({ ...body, Created: startedAt })).toString('latin1')
    using daemon = rawDaemon((wire) =>
      wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n${bytes}`),
    )
    const seen = await dockerRuntimeAt(daemon.dockerHost).inspect('abc')
    expect(seen).toMatchObject({ health, healthText })
  })
})

describe('a real Docker Engine', () => {
  let docker: TestDocker
  let image: string

  beforeAll(async () => {
    docker = await connectTestDocker()
    image = await ensureTinyImage(docker.client)
  })
  afterAll(() => docker.cleanUp())

  test('gets the limits, the restart policy and the settings that were asked for', async () => {
    const hostPort = freePort()
    const id = await dockerRuntimeAt(docker.dockerHost).create({
      ...SPEC,
      ...published(hostPort),
      name: `roundhouse-test-${docker.label.value}`,
      image,
      labels: { [docker.label.key]: docker.label.value },
      env: { CONF: 'a=b c', EMPTY: '' },
      publishAddress: '127.0.0.1',
      memoryBytes: 64 * 1024 * 1024,
      cpus: 0.5,
      pidsLimit: 300,
      capDrop: ['ALL'],
      capAdd: ['NET_BIND_SERVICE', 'CHOWN'],
      init: true,
      healthCheck: 'none',
      volumes: ['/tmp:/host:ro'],
      tmpfs: { '/cache': 'size=16m', '/run': '' },
      shmBytes: 32 * 1024 * 1024,
      dns: ['192.0.2.1', '192.0.2.2'],
      securityOpt: ['seccomp=unconfined'],
    })
    const { HostConfig, Config } = await docker.client.getContainer(id).inspect()
    expect(HostConfig).toMatchObject({
      RestartPolicy: { Name: 'unless-stopped' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      Memory: 64 * 1024 * 1024,
      NanoCpus: 500_000_000,
      PidsLimit: 300,
      SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
      CapDrop: ['ALL'],
      Init: true,
      Binds: ['/tmp:/host:ro'],
      Tmpfs: { '/cache': 'size=16m', '/run': '' },
      ShmSize: 32 * 1024 * 1024,
      Dns: ['192.0.2.1', '192.0.2.2'],
      PortBindings: { '6878/tcp': [{ HostIp: '127.0.0.1', HostPort: String(hostPort) }] },
    })
    // Newer versions of Docker write the prefix.
    const added = (HostConfig.CapAdd as string[]).map((name) => name.replace(/^CAP_/, ''))
    expect(added.toSorted()).toEqual(['CHOWN', 'NET_BIND_SERVICE'])
    expect(Config.Env).toEqual(expect.arrayContaining(['CONF=a=b c', 'EMPTY=']))
    expect(Config.Healthcheck).toEqual({ Test: ['NONE'] })
  })

  test('takes an image at its word where a setting is missing', async () => {
    const id = await dockerRuntimeAt(docker.dockerHost).create({
      ...SPEC,
      name: `roundhouse-test-${docker.label.value}-plain`,
      image,
      labels: { [docker.label.key]: docker.label.value },
      healthCheck: 'image',
    })
    const { HostConfig, Config } = await docker.client.getContainer(id).inspect()
    expect(Config.Healthcheck).toBeUndefined()
    expect(HostConfig).toMatchObject({ SecurityOpt: ['no-new-privileges'], ShmSize: 64 * 1024 * 1024 })
    expect(HostConfig.Init ?? false).toBe(false)
    expect([HostConfig.Binds ?? [], HostConfig.Tmpfs ?? {}, HostConfig.Dns ?? []]).toEqual([[], {}, []])
  })

  test('refuses an address that its host does not have, with the setting', async () => {
    const runtime = dockerRuntimeAt(docker.dockerHost)
    const id = await runtime.create({
      ...SPEC,
      name: `roundhouse-test-${docker.label.value}-elsewhere`,
      image,
      labels: { [docker.label.key]: docker.label.value },
      ports: [{ containerPort: 6878, hostPort: freePort(), protocol: 'tcp' }],
      // An address for documents, which no host has.
      publishAddress: '192.0.2.77',
    })
    const { message } = await failureOf('refused', runtime.start(id))
    expect(message).toContain('192.0.2.77')
    expect(message).toContain('PUBLISH_ADDRESS')
  })

  test('runs an init before the program, with every such setting', async () => {
    const runtime = dockerRuntimeAt(docker.dockerHost)
    const id = await runtime.create({
      ...SPEC,
      name: `roundhouse-test-${docker.label.value}-runs`,
      image,
      labels: { [docker.label.key]: docker.label.value },
      init: true,
      tmpfs: { '/cache': 'size=16m' },
      shmBytes: 32 * 1024 * 1024,
      dns: ['192.0.2.1'],
      securityOpt: ['seccomp=unconfined'],
    })
    await runtime.start(id)
    await until('the init has started the program', async () => {
      const { Processes } = await docker.client.getContainer(id).top()
      return Processes.length === 2
    })
  })

  test('tells all addresses of a container in several networks, in the order of their names', async () => {
    const { client, label, dockerHost } = docker
    const name = `roundhouse-test-${label.value}-nets`
    const labels = { [label.key]: label.value }
    const runtime = dockerRuntimeAt(dockerHost)
    const id = await runtime.create({ ...SPEC, name, image, labels })
    const network = await client.createNetwork({ Name: `${name}-b`, Labels: labels })
    await network.connect({ Container: id })
    await runtime.start(id)
    const { NetworkSettings } = await client.getContainer(id).inspect()
    const expected = ['bridge', `${name}-b`].map((each) => NetworkSettings.Networks[each]?.IPAddress ?? '')
    const { address, addresses, networks } = await runtime.inspect(id)
    expect({ address, addresses, networks }).toEqual({
      address: expected[0] ?? null,
      addresses: expected,
      networks: ['bridge', `${name}-b`],
    })
    expect(expected.every((each) => /^\d+(\.\d+){3}$/.test(each))).toBe(true)
  })

  test('is reached by TCP, too', async () => {
    const path = parseDockerHost(docker.dockerHost)
    if (path.kind !== 'unix')
      throw new Error('This test bridges from TCP to a unix socket: unset DOCKER_HOST.')
    const bridge = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request) => fetch(`http://docker${new URL(request.url).pathname}`, { unix: path.path }),
    })
    try {
      const runtime = dockerRuntimeAt(`tcp://127.0.0.1:${bridge.port}`)
      await runtime.ping()
      await failureOf('not_found', runtime.inspect('roundhouse-test-none'))
    } finally {
      await bridge.stop(true)
    }
  })

  test('is asked 500 times at once and 500 times in a row with a bounded number of open files', async () => {
    const runtime = dockerRuntimeAt(docker.dockerHost)
    await runtime.ping()
    const before = openFiles()
    await Promise.all(Array.from({ length: 500 }, () => runtime.list()))
    for (let call = 0; call < 500; call += 1) await runtime.list()
    await until('the spare connections are closed', () => openFiles() <= before + 20)
  })
})

/** Ends the stream as a daemon does that shuts down: first a regular end, then no connection. */
function endStream(wire: Wire): void {
  wire.send(chunkOf(''))
  wire.cut()
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length
}

function deadlinesOf(ms: number): Deadlines {
  return {
    create: ms,
    start: ms,
    stop: ms,
    destroy: ms,
    inspect: ms,
    traffic: ms,
    usage: ms,
    exec: ms,
    logs: ms,
    pull: ms,
    list: ms,
    ping: ms,
    subscribe: ms,
  }
}
