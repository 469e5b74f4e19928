import { describe, expect, test } from 'bun:test'
import { type ContainerSpec, RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { toMounts } from '../../../src/runtime/swarm-mounts.ts'
import { toServiceSpec, withReplicas } from '../../../src/runtime/swarm-spec.ts'

const SPEC: ContainerSpec = {
  name: 'acestream-1',
  image: 'engine:1',
  env: { HTTP_PORT: '6878' },
  command: ['start', '--port=1'],
  labels: { colour: 'blue' },
  ports: [
    { containerPort: 6878, hostPort: 19_000, protocol: 'tcp' },
    { containerPort: 8621, hostPort: 8700, protocol: 'udp', hostAddress: '' },
  ],
  publishAddress: '127.0.0.1',
  network: 'media',
  host: 'node-1',
  memoryBytes: 64 << 20,
  cpus: 0.5,
  pidsLimit: 100,
  capDrop: ['ALL'],
  capAdd: ['CHOWN'],
  init: true,
  healthCheck: 'image',
  dns: ['192.0.2.53'],
}

const OPTIONS = {
  publish: 'host',
  logs: { maxSize: '10m', maxFiles: 3 },
  image: 'engine:1@sha256:a',
} as const

const specOf = (changes: Partial<ContainerSpec> = {}) => toServiceSpec({ ...SPEC, ...changes }, OPTIONS)

/** The failure of what cannot be on a swarm. */
function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof RuntimeFailure && error.code === 'refused') return error.message
    throw error
  }
  throw new Error('It was not refused.')
}

describe('the service of a container', () => {
  test('has everything that was asked for, no replica, and no health check', () => {
    expect<unknown>(specOf()).toEqual({
      Name: 'acestream-1',
      Labels: { colour: 'blue', 'roundhouse.runtime.image': 'engine:1' },
      TaskTemplate: {
        ContainerSpec: {
          Image: 'engine:1@sha256:a',
          Labels: { colour: 'blue' },
          Env: ['HTTP_PORT=6878'],
          Args: ['start', '--port=1'],
          Healthcheck: { Test: ['NONE'] },
          Privileges: { NoNewPrivileges: true },
          CapabilityDrop: ['ALL'],
          CapabilityAdd: ['CHOWN'],
          StopGracePeriod: 2e9,
          Mounts: [],
          Init: true,
          DNSConfig: { Nameservers: ['192.0.2.53'] },
        },
        Resources: { Limits: { MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 100 } },
        RestartPolicy: { Condition: 'any', Delay: 5e8 },
        Placement: { Constraints: ['node.id==node-1'] },
        Networks: [{ Target: 'media' }],
        LogDriver: { Name: 'json-file', Options: { 'max-size': '10m', 'max-file': '3' } },
      },
      Mode: { Replicated: { Replicas: 0 } },
      EndpointSpec: {
        Mode: 'dnsrr',
        Ports: [
          { Protocol: 'tcp', TargetPort: 6878, PublishedPort: 19_000, PublishMode: 'host' },
          { Protocol: 'udp', TargetPort: 8621, PublishedPort: 8700, PublishMode: 'host' },
        ],
      },
    })
  })

  test('is published by the routing mesh if that is wanted, and bound to its host all the same', () => {
    const { EndpointSpec, TaskTemplate } = toServiceSpec(SPEC, { ...OPTIONS, publish: 'ingress' })
    expect(EndpointSpec).toMatchObject({
      Mode: 'vip',
      Ports: [{ PublishMode: 'ingress' }, { PublishMode: 'ingress' }],
    })
    expect(TaskTemplate.Placement?.Constraints).toEqual(['node.id==node-1'])
  })

  test('has no limits, network and ports that were not asked for', () => {
    const { command: _, dns: __, pidsLimit: ___, init: ____, ...few } = SPEC
    const spec = toServiceSpec({ ...few, memoryBytes: null, cpus: null, network: null, ports: [] }, OPTIONS)
    expect<unknown>(spec.TaskTemplate).not.toHaveProperty('Networks')
    expect(spec.TaskTemplate).toMatchObject({ Resources: { Limits: {} } })
    expect(spec.EndpointSpec?.Ports).toEqual([])
  })

  test.each([
    ['without a host', { host: undefined }],
    ['with a security option', { securityOpt: ['seccomp=unconfined'] }],
    ['in the network of another container', { network: 'container:gluetun' }],
  ])('%s is refused by its name', (_, changes) => {
    const { host, ...rest } = { ...SPEC, ...changes }
    const message = refusal(() =>
      toServiceSpec({ ...rest, ...(host === undefined ? {} : { host }) }, OPTIONS),
    )
    expect(message).toContain('acestream-1')
  })

  test('keeps what others wrote when its replica comes or goes', () => {
    const spec = { ...specOf(), Foreign: { kept: true } }
    const started = withReplicas(spec, 1, { mark: 'true' })
    expect<unknown>(started).toEqual({
      ...spec,
      Labels: { ...spec.Labels, mark: 'true' },
      Mode: { Replicated: { Replicas: 1 } },
    })
    expect(withReplicas(started, 0, { mark: null })).toEqual(spec)
  })
})

describe('the mounts of a service', () => {
  test.each([
    ['/srv/cache:/cache', { Type: 'bind', Source: '/srv/cache', Target: '/cache' }],
    ['cache:/cache:rw', { Type: 'volume', Source: 'cache', Target: '/cache' }],
    [
      'cache:/cache:ro,nocopy',
      { Type: 'volume', Source: 'cache', Target: '/cache', ReadOnly: true, VolumeOptions: { NoCopy: true } },
    ],
    [
      '/srv:/srv:rslave',
      { Type: 'bind', Source: '/srv', Target: '/srv', BindOptions: { Propagation: 'rslave' } },
    ],
  ])('%s', (volume, mount) => {
    expect<unknown>(toMounts({ ...SPEC, volumes: [volume] })).toEqual([mount])
  })

  test.each([
    ['', {}],
    ['size=2g', { TmpfsOptions: { SizeBytes: 2 * 1024 ** 3 } }],
    ['size=512k,mode=1777', { TmpfsOptions: { SizeBytes: 512 * 1024, Mode: 0o1777 } }],
  ])('a folder in memory with "%s"', (options, mount) => {
    expect<unknown>(toMounts({ ...SPEC, tmpfs: { '/work': options } })).toEqual([
      { Type: 'tmpfs', Target: '/work', ...mount },
    ])
  })

  test('have the size of the shared memory, unless a folder in memory says it', () => {
    const shared = { Type: 'tmpfs', Target: '/dev/shm', TmpfsOptions: { SizeBytes: 1024 } }
    expect<unknown>(toMounts({ ...SPEC, shmBytes: 1024 })).toEqual([shared])
    expect<unknown>(toMounts({ ...SPEC, shmBytes: 1, tmpfs: { '/dev/shm': 'size=1k' } })).toEqual([shared])
  })

  test.each([
    ['z', { volumes: ['cache:/cache:z'] }],
    ['nocopy', { volumes: ['/srv:/srv:nocopy'] }],
    ['rslave', { volumes: ['cache:/cache:rslave'] }],
    ['noexec', { tmpfs: { '/work': 'size=1m,noexec' } }],
  ])('refuse the option %s, which a swarm has no word for', (option, changes) => {
    expect(refusal(() => toMounts({ ...SPEC, ...changes }))).toContain(`"${option}"`)
  })
})
