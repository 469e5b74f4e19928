import { beforeEach, describe, expect, test } from 'bun:test'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { type ContainerSpec, RuntimeFailure } from '../../src/runtime/runtime.ts'
import { MemorySwarm } from '../support/memory-swarm.ts'
import { failureOf, published } from '../support/runtime-contract.ts'
import { settled, VirtualClock } from '../support/virtual-clock.ts'

const LABEL = { key: 'roundhouse.test', value: 'swarm' }

const SPEC = {
  name: 'acestream-1',
  image: 'engine:1',
  env: {},
  labels: { [LABEL.key]: LABEL.value },
  ...published(19_000),
  publishAddress: '',
  network: null,
  host: 'worker',
  memoryBytes: null,
  cpus: null,
} satisfies ContainerSpec

let clock: VirtualClock
let swarm: MemorySwarm

beforeEach(() => {
  clock = new VirtualClock()
  swarm = new MemorySwarm({
    ...{ clock, label: LABEL, deadlinesMs: DEFAULT_DEADLINES_MS, images: [SPEC.image], programOf: null },
    hosts: ['manager', 'worker'].map((id, at) => ({
      ...{ id, name: `${id}.example`, address: `10.0.0.${at + 1}`, labels: {} },
      ...{ role: at === 0 ? 'manager' : 'worker', isOurs: at === 0 },
    })),
  })
})

async function started(changes: Partial<ContainerSpec> = {}): Promise<string> {
  const id = await swarm.create({ ...SPEC, ...changes })
  await swarm.start(id)
  return id
}

/** Lets time pass until a call has ended, and returns its outcome. */
async function outcomeOf<T>(call: Promise<T>): Promise<T> {
  let isOver = false
  const over = call.finally(() => {
    isOver = true
  })
  over.catch(() => undefined)
  await settled()
  while (!isOver) await clock.advance(1_000)
  return await over
}

const stateOf = (id: string): string | undefined => swarm.containers().find((each) => each.id === id)?.state

/** Follows the changes of our services. */
function followed(): string[] {
  const actions: string[] = []
  const { signal } = new AbortController()
  void swarm.events({ onOpen: () => undefined, onEvent: ({ action }) => actions.push(action) }, signal)
  return actions
}

describe('a service of the in-memory swarm', () => {
  test('is bound to its host, and its id is one of Swarm', async () => {
    const id = await started()
    expect(id).toMatch(/^[a-z0-9]{25}$/)
    expect(await swarm.inspect(id.slice(0, 12))).toMatchObject({
      ...{ id, name: SPEC.name, state: 'running', ports: SPEC.ports, openPorts: [19_000], restarts: 0 },
      ...{ address: null, host: { id: 'worker', name: 'worker.example', address: '10.0.0.2' } },
    })
    expect(await swarm.list()).toMatchObject([
      { id, startedAtMs: null, restarts: null, host: { id: 'worker' } },
    ])
  })

  test('has its name alone in the swarm, and its port on its host', async () => {
    await started()
    await failureOf('conflict', swarm.create({ ...SPEC, host: 'manager' }))
    const second = await swarm.create({ ...SPEC, name: 'acestream-2' })
    await failureOf('port_taken', swarm.start(second))
    expect(stateOf(second)).toBe('created')
    await started({ name: 'acestream-3', host: 'manager' })
  })

  test('starts when its port is free, if its start was given up before the verdict', async () => {
    swarm.pace.verdictMs = () => 5_000
    swarm.takePort('worker', 19_000)
    const id = await swarm.create(SPEC)
    const abort = new AbortController()
    const starting = failureOf('unreachable', swarm.start(id, abort.signal))
    await settled()
    abort.abort()
    expect((await starting).effect).toBe('unknown')
    await clock.advance(60_000)
    expect(stateOf(id)).toBe('restarting')
    swarm.releasePort('worker', 19_000)
    await clock.advance(1_000)
    expect(stateOf(id)).toBe('running')
  })

  test('is scaled back when an obstacle has lasted', async () => {
    swarm.pace.verdictMs = () => 5_000
    swarm.takePort('worker', 19_000)
    const id = await swarm.create(SPEC)
    const beganMs = clock.now()
    await outcomeOf(failureOf('port_taken', swarm.start(id)))
    expect(clock.now() - beganMs).toBeGreaterThanOrEqual(5_000)
    expect(stateOf(id)).toBe('created')
    swarm.releasePort('worker', 19_000)
    await clock.advance(60_000)
    expect(stateOf(id)).toBe('created')
  })

  test('is put nowhere while another service has its port, and runs when that ends', async () => {
    const holder = await started()
    const id = await swarm.create({ ...SPEC, name: 'acestream-2' })
    swarm.startOutside(id)
    await clock.advance(60_000)
    expect(stateOf(id)).toBe('exited')
    await swarm.destroy(holder)
    await clock.advance(1_000)
    expect(await swarm.inspect(id)).toMatchObject({ state: 'running', restarts: 0 })
  })

  test('starts no sooner than its task runs, and later if the answer was lost', async () => {
    swarm.pace.taskMs = () => 7_000
    const id = await swarm.create(SPEC)
    swarm.faults.next('start', { kind: 'lose_answer' })
    await outcomeOf(failureOf('unreachable', swarm.start(id)))
    expect(await swarm.inspect(id)).toMatchObject({ state: 'running' })
    const other = await swarm.create({ ...SPEC, name: 'acestream-2', ...published(19_001) })
    const starting = swarm.start(other)
    await clock.advance(6_000)
    expect(stateOf(other)).toBe('restarting')
    await failureOf('refused', swarm.discard(other))
    await outcomeOf(starting)
    expect(stateOf(other)).toBe('running')
  })

  test.each([
    ['crashes', (id: string) => swarm.crash(id)],
    ['is killed on its host', (id: string) => swarm.kill(id)],
  ])('gets another task when its task %s', async (_, end) => {
    const id = await started()
    const { startedAtMs } = await swarm.inspect(id)
    const actions = followed()
    await settled()
    end(id)
    expect(stateOf(id)).toBe('restarting')
    await clock.advance(1_000)
    const after = await swarm.inspect(id)
    expect(after).toMatchObject({ id, state: 'running', restarts: 1 })
    expect(after.startedAtMs).toBeGreaterThan(startedAtMs ?? Number.MAX_SAFE_INTEGER)
    expect(actions).toEqual(['die', 'start'])
  })

  test('stays stopped, and is removed whether it runs or not', async () => {
    const id = await started()
    await swarm.stop(id, 5)
    await clock.advance(60_000)
    expect(await swarm.inspect(id)).toMatchObject({ state: 'exited', exitCode: null, startedAtMs: null })
    await swarm.start(id)
    await failureOf('refused', swarm.discard(id))
    await swarm.destroy(id)
    await failureOf('not_found', swarm.inspect(id))
    await started()
  })

  test('waits for a manager that is frozen before its next task', async () => {
    const id = await started()
    swarm.freeze()
    swarm.crash(id)
    await clock.advance(60_000)
    expect(stateOf(id)).toBe('restarting')
    swarm.thaw()
    await clock.advance(1_000)
    expect(stateOf(id)).toBe('running')
  })

  test('cannot start on a host that the swarm does not have, nor join a container', async () => {
    const id = await swarm.create({ ...SPEC, host: 'nowhere' })
    await failureOf('no_host', swarm.start(id))
    expect(await swarm.inspect(id)).toMatchObject({
      state: 'created',
      host: { id: 'nowhere', address: null },
    })
    await failureOf('refused', swarm.create({ ...SPEC, name: 'joined', network: `container:${id}` }))
  })
})

describe('a host of the in-memory swarm', () => {
  const isUp = async () => (await swarm.hosts.list()).find(({ id }) => id === 'worker')?.isUp

  test.each(['run on', 'end'] as const)(
    'that is lost keeps what was last seen of its services, whose tasks %s',
    async (containers) => {
      const id = await started()
      const before = await swarm.inspect(id)
      const actions = followed()
      swarm.loseHost('worker', { containers })
      expect(await isUp()).toBeTrue()
      swarm.noticeLoss('worker')
      expect(await isUp()).toBeFalse()
      await clock.advance(60_000)
      expect(await swarm.inspect(id)).toEqual({ ...before, startedAtMs: null })
      expect(swarm.taskOf(id)?.state).toBe(containers === 'end' ? 'exited' : 'running')
      expect(actions).toEqual([])
      const other = await swarm.create({ ...SPEC, name: 'acestream-2', ...published(19_001) })
      await failureOf('no_host', swarm.start(other))

      swarm.returnHost('worker')
      expect(stateOf(id)).toBe('restarting')
      await clock.advance(1_000)
      const after = await swarm.inspect(id)
      expect(after).toMatchObject({ state: 'running', restarts: 1 })
      expect(after.startedAtMs).toBeGreaterThan(before.startedAtMs ?? Number.MAX_SAFE_INTEGER)
    },
  )

  test('that is back before anybody noticed goes on with what still runs', async () => {
    const id = await started()
    const before = await swarm.inspect(id)
    swarm.loseHost('worker', { containers: 'run on' })
    await clock.advance(5_000)
    swarm.returnHost('worker')
    await clock.advance(5_000)
    expect(await swarm.inspect(id)).toEqual(before)
  })

  test('that is back ends what was removed meanwhile', async () => {
    const id = await started()
    swarm.loseHost('worker', { containers: 'run on' })
    swarm.noticeLoss('worker')
    await swarm.destroy(id)
    expect(swarm.containers()).toEqual([])
    swarm.returnHost('worker')
    expect(swarm.taskOf(id)).toBeNull()
    await started()
  })

  test('that its operator drains loses its tasks, and gets them back when it is active again', async () => {
    const id = await started()
    let changes = 0
    const { signal } = new AbortController()
    void swarm.hosts.watch({ onOpen: () => undefined, onChange: () => changes++ }, signal)
    await settled()
    swarm.setAvailability('worker', 'drain')
    await clock.advance(60_000)
    // The scheduler says that no node may have it.
    expect(stateOf(id)).toBe('exited')
    expect(changes).toBe(1)
    expect(await swarm.hosts.list()).toMatchObject([
      { id: 'manager' },
      { id: 'worker', availability: 'drain' },
    ])
    swarm.setAvailability('worker', 'active')
    await clock.advance(1_000)
    expect(await swarm.inspect(id)).toMatchObject({ state: 'running', restarts: 1 })
  })

  test('that is paused takes nothing new, and keeps what it has', async () => {
    const id = await started()
    swarm.setAvailability('worker', 'pause')
    const other = await swarm.create({ ...SPEC, name: 'acestream-2', ...published(19_001) })
    await failureOf('no_host', swarm.start(other))
    expect(stateOf(id)).toBe('running')
  })
})

test('the manager of the in-memory swarm loses questions as one engine does', async () => {
  const id = await started()
  swarm.faults.next('hosts', { kind: 'fail_before', failure: new RuntimeFailure('unreachable', 'No.') })
  await failureOf('unreachable', swarm.hosts.list())
  swarm.goDown()
  expect((await failureOf('unreachable', swarm.inspect(id))).effect).toBe('none')
  swarm.comeUp()
  expect((await swarm.inspect(id)).state).toBe('running')
})

test('the manager of the in-memory swarm ends with the tasks on its own host, and replaces them when it is back', async () => {
  const near = await started({ host: 'manager' })
  const far = await started({ name: 'acestream-2' })
  const before = await swarm.inspect(far)
  swarm.stopDaemon()
  await clock.advance(30_000)
  swarm.comeUp()
  expect(await swarm.inspect(far)).toEqual(before)
  expect(stateOf(near)).toBe('restarting')
  await clock.advance(1_000)
  expect(stateOf(near)).toBe('running')
})
