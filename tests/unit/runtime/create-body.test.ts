import { expect, test } from 'bun:test'
import { toCreateBody } from '../../../src/runtime/docker-observation.ts'
import type { ContainerSpec } from '../../../src/runtime/runtime.ts'

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

const bodyOf = (changes: Partial<ContainerSpec>) =>
  toCreateBody({ ...SPEC, ...changes }, { maxSize: '10m', maxFiles: 3 })

test.each<readonly [string, Partial<ContainerSpec>, object]>([
  ['an init', { init: true }, { Init: true }],
  ['no init', { init: false }, { Init: false }],
  ['volumes', { volumes: ['cache:/cache', '/a:/b:ro'] }, { Binds: ['cache:/cache', '/a:/b:ro'] }],
  [
    'folders in memory',
    { tmpfs: { '/cache': 'size=1g', '/run': '' } },
    { Tmpfs: { '/cache': 'size=1g', '/run': '' } },
  ],
  ['shared memory', { shmBytes: 1024 }, { ShmSize: 1024 }],
  ['name servers', { dns: ['192.0.2.1'] }, { Dns: ['192.0.2.1'] }],
  [
    'security options beside our own',
    { securityOpt: ['seccomp=unconfined'] },
    { SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'] },
  ],
])('the body of a creation has %s', (_, changes, expected) => {
  const plain = bodyOf({}).HostConfig
  expect(bodyOf(changes).HostConfig).toEqual({ ...plain, ...expected })
})

test('the body of a creation has a health check only to turn the one of the image off', () => {
  expect(bodyOf({ healthCheck: 'none' })).toMatchObject({ Healthcheck: { Test: ['NONE'] } })
  expect(bodyOf({ healthCheck: 'image' })).toEqual(bodyOf({}))
  expect(bodyOf({})).not.toHaveProperty('Healthcheck')
})

test('the body of a creation leaves to Docker what the specification leaves out', () => {
  for (const name of [
    'Init',
    'Binds',
    'Tmpfs',
    'ShmSize',
    'Dns',
    'PidsLimit',
    'Memory',
    'NanoCpus',
    'NetworkMode',
  ])
    expect(bodyOf({}).HostConfig).not.toHaveProperty(name)
})
