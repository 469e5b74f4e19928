import { beforeEach, describe, expect, test } from 'bun:test'
import { systemClock } from '../src/control/clock.ts'
import { DEFAULT_DEADLINES_MS } from '../src/runtime/docker.ts'
import { type ContainerEvent, type ContainerSpec, RuntimeFailure } from '../src/runtime/runtime.ts'
import { until } from './support/docker.ts'
import { MemoryRuntime } from './support/memory-runtime.ts'
import { failureOf, follow, published } from './support/runtime-contract.ts'

const LABEL = { key: 'roundhouse.test', value: 'memory' }

const SPEC: ContainerSpec = {
  name: 'acestream-1',
  image: 'engine:1',
  env: {},
  labels: { [LABEL.key]: LABEL.value },
  ports: [],
  publishAddress: '',
  network: null,
  memoryBytes: null,
  cpus: null,
}

let runtime: MemoryRuntime
let id: string

/** The state of the one container, by a way that no fault touches. */
function state(): string | undefined {
  return runtime.containers()[0]?.state
}

beforeEach(async () => {
  runtime = new MemoryRuntime({
    clock: systemClock,
    label: LABEL,
    deadlinesMs: { ...DEFAULT_DEADLINES_MS, start: 100 },
    images: [SPEC.image],
    programOf: null,
  })
  id = await runtime.create(SPEC)
})

describe('a fault of the in-memory runtime', () => {
  const failure = new RuntimeFailure('refused', 'No.')

  test.each([
    ['fail_before', { kind: 'fail_before', failure } as const, 'refused', 'none', 'created'],
    ['fail_after', { kind: 'fail_after', failure } as const, 'refused', 'none', 'running'],
    ['lose_question', { kind: 'lose_question' } as const, 'unreachable', 'unknown', 'created'],
    ['lose_answer', { kind: 'lose_answer' } as const, 'unreachable', 'unknown', 'running'],
    ['delay', { kind: 'delay', ms: 10_000 } as const, 'unreachable', 'unknown', 'created'],
  ] as const)('%s', async (_, fault, code, effect, stateAfter) => {
    runtime.faults.next('start', fault)
    expect((await failureOf(code, runtime.start(id))).effect).toBe(effect)
    expect(state()).toBe(stateAfter)
    await runtime.start(id)
    expect(state()).toBe('running')
  })

  test('hang holds a call, and lets it be done after its caller gave up', async () => {
    const hang = runtime.faults.hang('start')
    const abort = new AbortController()
    const starting = failureOf('unreachable', runtime.start(id, abort.signal))
    await hang.reached
    abort.abort()
    expect((await starting).effect).toBe('unknown')
    expect(state()).toBe('created')
    hang.release()
    await until('the engine has done it all the same', () => state() === 'running')
  })

  test('always stays until it is cleared, and decide is asked for the rest', async () => {
    runtime.faults.always('start', { kind: 'fail_before', failure })
    await failureOf('refused', runtime.start(id))
    await failureOf('refused', runtime.start(id))
    runtime.faults.clear()
    const asked: (string | null)[] = []
    runtime.faults.decide = ({ verb, subject }) => {
      asked.push(subject)
      return verb === 'start' ? { kind: 'fail_before', failure } : null
    }
    await runtime.inspect(id)
    await runtime.list()
    await failureOf('refused', runtime.start(id))
    expect(asked).toEqual([id, null, id])
  })
})

describe('the engine behind the in-memory runtime', () => {
  test('that is down refuses connections, cuts what is under way, and keeps its containers', async () => {
    await runtime.start(id)
    const followed = await follow(runtime)
    const hang = runtime.faults.hang('stop')
    const stopping = failureOf('unreachable', runtime.stop(id, 0))
    await hang.reached
    runtime.goDown()
    hang.release()
    expect((await stopping).effect).toBe('unknown')
    await failureOf('unreachable', followed.ended)
    expect((await failureOf('unreachable', runtime.ping())).effect).toBe('none')
    runtime.comeUp()
    expect((await runtime.inspect(id)).state).toBe('running')
  })

  test('that is frozen answers nothing, and does what it was asked when it thaws', async () => {
    runtime.freeze()
    await failureOf('unreachable', runtime.start(id))
    expect(state()).toBe('created')
    runtime.thaw()
    await until('it has done what was asked', () => state() === 'running')
  })

  test('brings a crashed container back, and leaves a killed one', async () => {
    await runtime.start(id)
    runtime.crash(id, 3)
    expect(state()).toBe('restarting')
    await until('it runs again', () => state() === 'running')
    runtime.kill(id)
    expect(await runtime.inspect(id)).toMatchObject({ state: 'exited', exitCode: 137 })
  })

  test('drops, doubles and delays events as it is told', async () => {
    const afterMs: Partial<Record<ContainerEvent['action'], number[]>> = {
      start: [],
      pause: [0, 0],
      unpause: [50],
    }
    runtime.deliverAfterMs = ({ action }) => afterMs[action] ?? [0]
    const followed = await follow(runtime)
    await runtime.start(id)
    runtime.pause(id)
    runtime.unpause(id)
    runtime.kill(id)
    await until('the late one is here', () => followed.actions(id).includes('unpause'))
    expect(followed.actions(id)).toEqual(['pause', 'pause', 'die', 'unpause'])
    runtime.breakEvents()
    await failureOf('unreachable', followed.ended)
  })

  test('shows what others do to its containers', async () => {
    runtime.startOutside(id)
    expect(state()).toBe('running')
    await runtime.restartOutside(id)
    expect(state()).toBe('running')
    await runtime.stopOutside(id)
    expect(state()).toBe('exited')
    runtime.removeOutside(id)
    expect(runtime.containers()).toEqual([])
  })

  test('counts a port that a process took, for its protocol only', async () => {
    const second = await runtime.create({ ...SPEC, ...published(19_000), name: 'acestream-2' })
    runtime.takePort(19_000)
    await failureOf('port_taken', runtime.start(second))
    runtime.releasePort(19_000)
    runtime.takePort(19_000, 'udp')
    await runtime.start(second)
  })

  test('knows the images and networks that it was given', async () => {
    runtime.removeImage(SPEC.image)
    const spec = { ...SPEC, name: 'acestream-2', network: 'media' }
    await failureOf('image_missing', runtime.create(spec))
    runtime.addImage(SPEC.image)
    const joined = await runtime.create(spec)
    await failureOf('refused', runtime.start(joined))
    runtime.addNetwork('media')
    await runtime.start(joined)
    expect((await runtime.inspect(joined)).networks).toEqual(['media'])
  })
})
