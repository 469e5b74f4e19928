import { describe, expect, test } from 'bun:test'
import { NotDockers } from '../../../src/runtime/docker-failures.ts'
import type { SwarmNode, SwarmTask } from '../../../src/runtime/swarm-answers.ts'
import { fromNode, hostAmong } from '../../../src/runtime/swarm-hosts.ts'
import { fromListedService, fromService } from '../../../src/runtime/swarm-observation.ts'
import {
  aNode,
  aService,
  aTask,
  at,
  CLOSED,
  DRAINED,
  ended,
  LOST,
  NOT_STARTED,
  PORT_USED,
  ready,
  refused,
  STOPPED,
  unplaced,
} from '../../support/swarm-builders.ts'

const UP = [aNode()]

const seen = (service = aService(), tasks: readonly SwarmTask[] = [], nodes: readonly SwarmNode[] = UP) =>
  fromService({ service, tasks, nodes }, 3)

describe('the state of a container on a swarm', () => {
  const pending = aTask(9, { NodeID: '', Status: { Timestamp: at(9), State: 'pending' } })
  const starting = aTask(5, { Status: { Timestamp: at(5), State: 'preparing', Message: 'preparing' } })
  const leaving = aTask(1, { DesiredState: 'remove' })
  const drained = aTask(1, { DesiredState: 'shutdown', Status: { Timestamp: at(3), State: 'shutdown' } })
  const once = aService({
    TaskTemplate: { ...aService().Spec.TaskTemplate, RestartPolicy: { Condition: 'none' } },
  })
  test.each([
    ['never started', aService(NOT_STARTED), [], UP, 'created'],
    ['never started, and its start failed', aService(NOT_STARTED), [refused(1, 'no')], UP, 'created'],
    ['started by hand, without our label', aService({ Labels: {} }), [aTask(1)], UP, 'running'],
    ['about to get its first task', aService(), [], UP, 'restarting'],
    ['with a task that waits for its node', aService(), [pending], UP, 'restarting'],
    ['that runs', aService(), [aTask(1)], UP, 'running'],
    ['that runs again', aService(), [aTask(5), ended(1)], UP, 'running'],
    ['that has ended, and is about to be started again', aService(), [ended(1)], UP, 'restarting'],
    ['that has ended and waits', aService(), [pending, ended(1)], UP, 'restarting'],
    ['that has ended for good', once, [ended(1)], UP, 'exited'],
    ['that is being stopped', aService(STOPPED), [leaving], UP, 'running'],
    [
      'that is being stopped while Swarm makes another task',
      aService(STOPPED),
      [ready(5), leaving],
      UP,
      'running',
    ],
    ['that was stopped while Swarm made another task', aService(STOPPED), [ready(5), ended(1)], UP, 'exited'],
    [
      'whose next start a stop took away',
      aService(STOPPED),
      [ready(5, { DesiredState: 'remove' }), ended(1)],
      UP,
      'exited',
    ],
    ['whose start came between the answers', aService(STOPPED), [starting], UP, 'restarting'],
    ['stopped on a lost host before it began', aService(STOPPED), [ready(5), ended(1)], [LOST], 'restarting'],
    ['that waits for its next start', aService(), [ready(5), ended(1)], UP, 'restarting'],
    ['that was stopped', aService(STOPPED), [], UP, 'exited'],
    ['stopped while a task waited for its node', aService(STOPPED), [pending, ended(1)], UP, 'exited'],
    ['whose port another one has', aService(), [unplaced(5, PORT_USED), ended(1)], UP, 'exited'],
    ['on a drained host', aService(), [unplaced(5, CLOSED), drained], [DRAINED], 'exited'],
    ['on a host that takes containers again', aService(), [unplaced(5, CLOSED), drained], UP, 'restarting'],
    ['on a lost host', aService(), [unplaced(5, CLOSED), leaving], [LOST], 'running'],
    ['on a host that has left the swarm', aService(), [unplaced(5, CLOSED), leaving], [], 'running'],
    [
      'in a state of a newer Swarm',
      aService(),
      [aTask(1, { Status: { Timestamp: at(1), State: 'x' } })],
      UP,
      'restarting',
    ],
  ] as const)('%s', (_, service, tasks, nodes, state) => {
    expect(seen(service, tasks, nodes).state).toBe(state)
    expect(fromListedService({ service, tasks, nodes }).state).toBe(state)
  })
})

describe('what is shown of a container on a swarm', () => {
  test('has the service as its id and name, and the host that it is bound to', () => {
    expect(seen(aService(), [aTask(1)])).toEqual({
      ...{ id: 'service-1', name: 'acestream-1', image: 'engine:1', imageId: null, state: 'running' },
      ...{ labels: { colour: 'blue' }, variables: {}, ports: [], openPorts: [], loopbackPorts: [] },
      ...{ address: null, addresses: [], networks: [], gateways: {}, joins: null },
      ...{ health: null, healthText: null, exitCode: null, restarts: 3 },
      host: { id: 'node-1', name: 'shed', address: '192.0.2.1' },
      ...{ createdAtMs: Date.parse(at(0)), startedAtMs: Date.parse(at(2)) },
    })
  })

  test('has no start while it is being stopped, because Swarm moves the time on then', () => {
    expect(seen(aService(STOPPED), [aTask(1, { DesiredState: 'remove' })]).startedAtMs).toBeNull()
    expect(seen(aService(), [aTask(1, { DesiredState: 'shutdown' })]).startedAtMs).toBeNull()
  })

  test('has the exit code of the last end that no call caused', () => {
    const removed = aTask(9, {
      DesiredState: 'remove',
      Status: { Timestamp: at(9), State: 'shutdown', ContainerStatus: { ExitCode: 0 } },
    })
    expect(seen(aService(STOPPED), [removed, ended(1, 3), ended(5, 7)]).exitCode).toBe(7)
    expect(seen(aService(STOPPED), [removed]).exitCode).toBeNull()
    expect(seen(aService(STOPPED), [ended(1, -1)]).exitCode).toBeNull()
    expect(seen(aService(), [ended(1, 7)])).toMatchObject({ state: 'restarting', exitCode: null })
  })

  test('has no restarts before a start has succeeded', () => {
    expect(seen(aService(NOT_STARTED), [refused(1, 'no')]).restarts).toBe(0)
  })

  test('has the ports of the service, and in a list only while it runs', () => {
    const ports = [
      { Protocol: 'udp', TargetPort: 8621, PublishedPort: 8700, PublishMode: 'host' },
      { Protocol: 'tcp', TargetPort: 6878, PublishedPort: 19_000, PublishMode: 'host' },
      { Protocol: 'sctp', TargetPort: 1, PublishedPort: 2 },
      { Protocol: 'tcp', TargetPort: 62_062 },
    ]
    const service = aService({ EndpointSpec: { Ports: ports } })
    const found = {
      ports: [
        { containerPort: 6878, hostPort: 19_000, protocol: 'tcp' },
        { containerPort: 8621, hostPort: 8700, protocol: 'udp' },
      ],
      openPorts: [19_000],
      loopbackPorts: [],
    }
    expect(seen(service, [])).toMatchObject(found)
    expect(fromListedService({ service, tasks: [aTask(1)], nodes: UP })).toMatchObject(found)
    const stopped = aService({ ...STOPPED, EndpointSpec: { Ports: ports } })
    expect(fromListedService({ service: stopped, tasks: [], nodes: UP })).toMatchObject({
      ports: [],
      openPorts: [],
    })
  })

  test('has its addresses in the networks that were made for it, while it runs', () => {
    const NetworksAttachments = [
      { Network: { Spec: { Name: 'ingress', Ingress: true } }, Addresses: ['10.0.0.5/24'] },
      { Network: { Spec: { Name: 'media' } }, Addresses: ['10.0.1.2/24'] },
    ]
    expect(seen(aService(), [aTask(1, { NetworksAttachments })])).toMatchObject({
      ...{ address: '10.0.1.2', addresses: ['10.0.1.2'], networks: ['media'] },
    })
    expect(seen(aService(STOPPED), [{ ...ended(1), NetworksAttachments }]).address).toBeNull()
  })

  test('has the image as it was asked for, and the digest that the nodes were told', () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const spec = aService().Spec
    const pinned = (Labels: Record<string, string>) =>
      aService({
        Labels: { ...spec.Labels, ...Labels },
        TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { Image: `engine:1@${digest}` } },
      })
    expect(seen(pinned({}))).toMatchObject({ image: 'engine:1', imageId: digest })
    const asked = pinned({ 'roundhouse.runtime.image': `engine@${digest}` })
    expect(seen(asked)).toMatchObject({
      image: `engine@${digest}`,
      imageId: digest,
      labels: { colour: 'blue' },
    })
  })

  test('is no container of a swarm if its times are none', () => {
    expect(() => seen({ ...aService(), CreatedAt: 'soon' })).toThrow(NotDockers)
  })
})

describe('a node as a host', () => {
  test.each([
    ['192.0.2.1', undefined, '192.0.2.1'],
    ['0.0.0.0', '192.0.2.9:2377', '192.0.2.9'],
    ['127.0.0.1', '[2001:db8::1]:2377', '2001:db8::1'],
    ['127.0.0.1', '127.0.0.1:2377', '127.0.0.1'],
    ['0.0.0.0', undefined, '0.0.0.0'],
    ['', undefined, null],
  ])('seen at %p, told as %p, has the address %p', (Addr, told, address) => {
    const node = aNode({ Status: { State: 'ready', Addr }, ...(told && { ManagerStatus: { Addr: told } }) })
    expect(fromNode(node, null).address).toBe(address)
  })

  test("has Go's names, and is closed in a state that is not known", () => {
    const node = aNode({ Spec: { Role: 'x', Availability: 'x' }, Status: { State: 'unknown' } })
    expect(fromNode(node, 'node-1')).toMatchObject({
      ...{ architecture: 'amd64', os: 'linux', availability: 'pause', role: 'worker' },
      ...{ isUp: false, isOurs: true, address: null },
    })
  })

  test('that has left is known by its id', () => {
    expect(hostAmong(UP, 'node-2')).toEqual({ id: 'node-2', name: 'node-2', address: null })
  })
})
