import { describe, expect, test } from 'bun:test'
import { createDockerRuntime, DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '../../src/runtime/docker.ts'
import { createSwarmRuntime } from '../../src/runtime/swarm.ts'
import { until } from '../support/docker.ts'
import { freePort } from '../support/ports.ts'
import { TestRegistry } from '../support/registry.ts'
import { failureOf, published } from '../support/runtime-contract.ts'
import { swarmBench } from '../support/swarm-subject.ts'
import { EXIT_CODE, PROGRAMS } from '../support/tiny-image.ts'

const bench = swarmBench(1)

/** The only host of the swarm. */
const manager = () => bench.subject.swarm.manager

describe('a container on a swarm', () => {
  test('has the limits, mounts and labels that it was to have, and its host', async () => {
    const spec = bench.spec({
      ...{ env: { COLOUR: 'blue' }, memoryBytes: 64 << 20, cpus: 0.5, pidsLimit: 50, init: false },
      ...{ capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'], dns: ['192.0.2.53'], shmBytes: 8 << 20 },
      ...{ volumes: ['/tmp:/host:ro', 'cache:/cache'], tmpfs: { '/work': 'size=1m,mode=1777' } },
    })
    const id = await bench.started(spec)
    const { id: hostId, name, address } = manager()
    expect((await bench.runtime.inspect(id)).host).toEqual({ id: hostId, name, address })
    const filters = { label: Object.entries(spec.labels).map(([key, value]) => `${key}=${value}`) }
    const [row] = await manager().client.listContainers({ filters })
    const seen = await manager()
      .client.getContainer(row?.Id ?? '')
      .inspect()
    expect(seen.Config.Env).toContain('COLOUR=blue')
    expect(seen.HostConfig).toMatchObject({
      ...{ Memory: 64 << 20, NanoCpus: 5e8, PidsLimit: 50, Dns: ['192.0.2.53'] },
      ...{
        CapDrop: ['ALL'],
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      },
    })
    expect(seen.Mounts.map((each) => [each.Type, each.Destination, each.RW]).toSorted()).toEqual([
      ['bind', '/host', false],
      ['tmpfs', '/dev/shm', true],
      ['tmpfs', '/work', true],
      ['volume', '/cache', true],
    ])
  })

  test('shows the network that was made for it, and its address there', async () => {
    const name = `roundhouse-test-${freePort()}`
    await manager().client.createNetwork({ Name: name, Driver: 'overlay' })
    const seen = await bench.runtime.inspect(await bench.started(bench.spec({ network: name })))
    expect(seen.networks).toEqual([name])
    expect(seen.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
  })

  test('may be published by the routing mesh: as a service, whatever the kernel makes of it', async () => {
    const { runtime, port } = { runtime: ingress(), port: freePort() }
    const id = await runtime.create(bench.spec(published(port)))
    const { Spec } = await manager().client.getService(id).inspect()
    expect(Spec.EndpointSpec).toEqual({
      Mode: 'vip',
      Ports: [{ Protocol: 'tcp', TargetPort: 6878, PublishedPort: port, PublishMode: 'ingress' }],
    })
    expect(await runtime.inspect(id)).toMatchObject({ openPorts: [port], host: { id: manager().id } })
    // Such a port belongs to all hosts.
    const failure = await failureOf('port_taken', runtime.create(bench.spec(published(port))))
    expect(failure.message).toContain(String(port))
  })

  test('that is being removed is started by nobody', async () => {
    const id = await bench.runtime.create(bench.spec())
    const service = manager().client.getService(id)
    const { Version, Spec } = await service.inspect()
    // As if a removal had been cut off behind its first step.
    const Labels = { ...Spec.Labels, 'roundhouse.runtime.leaving': 'true' }
    await service.update({ version: Version.Index, ...Spec, Labels })
    await failureOf('not_found', bench.runtime.start(id))
    await bench.runtime.discard(id)
    await failureOf('not_found', bench.runtime.inspect(id))
  })

  test('keeps its count of restarts and its exit code where Swarm keeps only the last tasks', async () => {
    const id = await bench.started(bench.spec({ command: PROGRAMS.exit }))
    const restarts = async () => (await bench.runtime.inspect(id)).restarts ?? 0
    await until('it was started again six times', async () => (await restarts()) >= 6)
    const tasks = await manager().client.listTasks({ filters: { service: [id] } })
    expect(tasks.length).toBeLessThan(7)
    await bench.runtime.stop(id, 1)
    expect(await bench.runtime.inspect(id)).toMatchObject({ state: 'exited', exitCode: EXIT_CODE })
  })

  test('without a host, with a security option or in the network of another container is refused', async () => {
    const { host: _, ...unplaced } = bench.spec()
    await failureOf('refused', bench.runtime.create(unplaced))
    await failureOf('refused', bench.runtime.create(bench.spec({ securityOpt: ['seccomp=unconfined'] })))
    await failureOf('refused', bench.runtime.create(bench.spec({ network: 'container:gluetun' })))
    await failureOf('refused', bench.runtime.create(bench.spec({ volumes: ['cache:/cache:z'] })))
    expect(await bench.runtime.list()).toEqual([])
  })
})

describe('the images of a swarm', () => {
  test('are looked up at the registry, and pinned by their digest', async () => {
    using registry = await openRegistry()
    const image = registry.publish(registry.newName(), { tag: '1' })
    const { id, os, architecture } = await bench.runtime.image(image)
    expect({ os, architecture }).toEqual({ os: 'linux', architecture: 'amd64' })
    registry.replace(image)
    const container = await bench.started(bench.spec({ image }))
    // What was told is what runs, also when the name leads elsewhere by then.
    expect(await bench.runtime.inspect(container)).toMatchObject({ image, imageId: id })
    expect(await bench.runtime.list()).toMatchObject([{ image, imageId: id }])
  })

  test('are those of the manager where it has one of this name', async () => {
    const image = await bench.runtime.image(bench.subject.image)
    expect(image.sizeBytes).toBeGreaterThan(0)
    // It came from no registry, so the nodes have no other word for it than its name.
    const id = await bench.runtime.create(bench.spec())
    expect(await bench.runtime.inspect(id)).toMatchObject({ image: bench.subject.image, imageId: null })
  })

  test('are missing where the registry says so, and nobody can tell where it does not answer', async () => {
    using registry = await openRegistry()
    for (const none of [`${registry.newName()}:1`, '', '../info', 'a b'])
      await failureOf('image_missing', bench.runtime.image(none))
    const failure = await failureOf('unreachable', bench.runtime.image('127.0.0.1:1/tiny:1'))
    expect([failure.effect, failure.message.includes('127.0.0.1:1/tiny:1')]).toEqual(['none', true])
  })

  test('that need a login are given to those that have it, and to their nodes', async () => {
    using registry = await openRegistry('me:secret')
    const image = registry.publish(registry.newName(), { tag: '1' })
    const failure = await failureOf('image_missing', bench.runtime.image(image))
    expect(failure.message).toContain('docker login')
    const login = { username: 'me', password: 'secret', serveraddress: image.split('/')[0] }
    const runtime = createSwarmRuntime({
      ...options(),
      registryLogins: () => ({ base64: Buffer.from(JSON.stringify(login)).toString('base64') }),
    })
    await runtime.image(image)
    const id = await runtime.create(bench.spec({ image }))
    await runtime.start(id)
    expect((await runtime.inspect(id)).state).toBe('running')
  })
})

describe('the hosts of a swarm', () => {
  test('are its nodes, with their addresses', async () => {
    const { id, name, address } = manager()
    expect(await bench.runtime.hosts?.list()).toEqual([
      {
        ...{ id, name, address, isUp: true, availability: 'active', role: 'manager', isOurs: true },
        ...{ labels: {}, os: 'linux', architecture: 'amd64' },
      },
    ])
  })

  test('that are drained lose their containers, take none, and get them back', async () => {
    const { swarm } = bench.subject
    const stop = new AbortController()
    let changes = 0
    const opened = Promise.withResolvers<void>()
    const watching = bench.runtime.hosts?.watch(
      { onOpen: () => opened.resolve(), onChange: () => changes++ },
      stop.signal,
    )
    await opened.promise
    const id = await bench.started(bench.spec())
    const state = async () => (await bench.runtime.inspect(id)).state
    await swarm.setAvailability(manager(), 'drain')
    await until('its container has ended', async () => (await state()) === 'exited')
    await until('the change is told', () => changes === 1)
    expect(await bench.runtime.hosts?.list()).toMatchObject([{ availability: 'drain', isUp: true }])
    const other = await bench.runtime.create(bench.spec())
    const failure = await failureOf('no_host', bench.runtime.start(other))
    expect(failure.message).toContain(manager().name)
    expect(await bench.runtime.inspect(other)).toMatchObject({ state: 'created', restarts: 0 })
    await swarm.setAvailability(manager(), 'active')
    await until('its container runs again', async () => (await state()) === 'running')
    expect((await bench.runtime.inspect(id)).restarts).toBe(1)
    stop.abort()
    await watching
  })

  test('that are not known take no container', async () => {
    const id = await bench.runtime.create(bench.spec({ host: 'nobody' }))
    await failureOf('no_host', bench.runtime.start(id))
    expect((await bench.runtime.inspect(id)).host).toEqual({ id: 'nobody', name: 'nobody', address: null })
  })
})

test('a Docker Engine that is no manager is told of as such, and what to do', async () => {
  const { dockerHost } = process.env.DOCKER_HOST
    ? { dockerHost: process.env.DOCKER_HOST }
    : { dockerHost: null }
  const runtime = createSwarmRuntime({ ...options(), dockerHost })
  await createDockerRuntime({ ...options(), dockerHost }).ping()
  const failure = await failureOf('unreachable', runtime.ping())
  expect([failure.effect, failure.message.includes('docker swarm init')]).toEqual(['none', true])
})

const options = () => ({
  dockerHost: manager().dockerHost,
  label: { key: 'roundhouse.test.ours', value: 'swarm' },
  ...{ deadlinesMs: DEFAULT_DEADLINES_MS, logs: DEFAULT_LOG_LIMITS, publish: 'host' as const },
})

const ingress = () => createSwarmRuntime({ ...options(), publish: 'ingress' })

/** A registry that the hosts reach, until it is disposed of. */
async function openRegistry(login: string | null = null): Promise<TestRegistry & Disposable> {
  const registry = await TestRegistry.open(bench.subject.swarm.outside, login)
  return Object.assign(registry, { [Symbol.dispose]: () => registry.stop() })
}
