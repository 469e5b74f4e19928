import { beforeEach, describe, expect, test } from 'bun:test'
import { systemClock } from '../../src/lib/clock.ts'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { type ContainerSpec, RuntimeFailure } from '../../src/runtime/runtime.ts'
import { until } from '../support/docker.ts'
import { WAITING } from '../support/memory-container.ts'
import { MemoryRuntime, type MemoryRuntimeOptions } from '../support/memory-runtime.ts'
import { failureOf, follow, published, watch } from '../support/runtime-contract.ts'
import { settled, VirtualClock } from '../support/virtual-clock.ts'

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

/** The state of the only container, read without a call that a fault could affect. */
function state(): string | undefined {
  return runtime.containers()[0]?.state
}

/** A runtime without containers. */
function emptyRuntime(changes: Partial<MemoryRuntimeOptions> = {}): MemoryRuntime {
  return new MemoryRuntime({
    clock: systemClock,
    label: LABEL,
    deadlinesMs: { ...DEFAULT_DEADLINES_MS, start: 100 },
    images: [SPEC.image],
    programOf: null,
    ...changes,
  })
}

beforeEach(async () => {
  runtime = emptyRuntime()
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
    const afterMs: Partial<Record<string, number[]>> = {
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

  test('keeps what joins another running through all that happens to that one, and joined to the old one', async () => {
    const owner = runtime.createOutside({ ...SPEC, name: 'gluetun', labels: {} })
    expect((await runtime.list()).map((container) => container.name)).toEqual([SPEC.name])
    runtime.startOutside(owner)
    const joined = await runtime.create({ ...SPEC, name: 'acestream-2', network: 'container:gluetun' })
    await runtime.start(joined)
    const before = await runtime.inspect(joined)
    expect(before).toMatchObject({ state: 'running', joins: owner, address: null })
    await runtime.restartOutside(owner)
    expect(await runtime.inspect(joined)).toEqual(before)
    runtime.removeOutside(owner)
    runtime.startOutside(runtime.createOutside({ ...SPEC, name: 'gluetun', labels: {} }))
    expect(await runtime.inspect(joined)).toEqual(before)
    await runtime.stop(joined, 0)
    await failureOf('no_network_container', runtime.start(joined))
  })

  test('lets one join a paused container, and none that restarts; a restart without its donor comes to rest', async () => {
    await runtime.start(id)
    const joined = await runtime.create({ ...SPEC, name: 'acestream-2', network: `container:${id}` })
    runtime.pause(id)
    await runtime.start(joined)
    runtime.unpause(id)
    runtime.crash(id)
    expect(state()).toBe('restarting')
    await runtime.stop(joined, 0)
    await failureOf('no_network_container', runtime.start(joined))
    await until('the donor runs again', () => state() === 'running')
    await runtime.start(joined)
    runtime.kill(id)
    runtime.crash(joined)
    expect((await runtime.inspect(joined)).state).toBe('restarting')
    await until('it rests', async () => (await runtime.inspect(joined)).state === 'exited')
  })

  test('tells watchers of a verdict that changed, and of nothing else about health', async () => {
    await runtime.start(id)
    const watched = await watch(runtime, SPEC.name)
    runtime.setHealth(id, 'healthy')
    runtime.setHealth(id, 'healthy', 'still')
    runtime.setHealth(id, 'unhealthy', 'no answer')
    runtime.setHealth(id, 'unhealthy', 'no route')
    await until('both are told', () => watched.changes() === 2)
    expect(await runtime.inspect(id)).toMatchObject({ health: 'unhealthy', healthText: 'no route' })
    const followed = await follow(runtime)
    runtime.setHealth(id, null)
    await until('it is told', () => watched.changes() === 3)
    runtime.pause(id)
    await until('the pause is told', () => followed.events.length > 0)
    expect(followed.actions(id)).toEqual(['pause'])
    expect(watched.changes()).toBe(4)
    runtime.breakEvents()
    await failureOf('unreachable', watched.ended)
    await failureOf('unreachable', followed.ended)
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

describe('an in-memory engine that ends with all its containers', () => {
  /** Creates and starts another container. */
  async function started(name: string, changes: Partial<ContainerSpec> = {}): Promise<string> {
    const other = await runtime.create({ ...SPEC, name, ...changes })
    await runtime.start(other)
    return other
  }

  const states = (): unknown =>
    Object.fromEntries(runtime.containers().map(({ name, state, exitCode }) => [name, [state, exitCode]]))

  test('tells their deaths before its event stream breaks, or does not', async () => {
    await runtime.start(id)
    const paused = await started('acestream-2')
    runtime.pause(paused)
    const told = await follow(runtime)
    runtime.stopDaemon({ tellsDeaths: true })
    await failureOf('unreachable', told.ended)
    expect(told.events.map((event) => [event.action, event.id])).toEqual([
      ['die', id],
      ['die', paused],
    ])
    expect((await failureOf('unreachable', runtime.ping())).effect).toBe('none')

    runtime.comeUp()
    const untold = await follow(runtime)
    runtime.stopDaemon({ tellsDeaths: false })
    await failureOf('unreachable', untold.ended)
    expect(untold.events).toEqual([])
  })

  test('tells no death that would have been delivered late, or never', async () => {
    await runtime.start(id)
    const followed = await follow(runtime)
    runtime.deliverAfterMs = () => [5]
    runtime.stopDaemon({ tellsDeaths: true })
    await failureOf('unreachable', followed.ended)
    expect(followed.events).toEqual([])
  })

  test('ends each as its program takes it, and starts what nobody had stopped', async () => {
    const programs = new Map([['acestream-2', { ...WAITING, onTerm: 'ignores' as const }]])
    runtime = emptyRuntime({ programOf: ({ name }) => programs.get(name) ?? WAITING })
    const running = await started('acestream-1')
    await started('acestream-2')
    runtime.crash(await started('acestream-3'), 3)
    await runtime.stop(await started('acestream-4'), 0)
    runtime.kill(await started('acestream-5'))
    await runtime.create({ ...SPEC, name: 'acestream-6' })
    await started('acestream-7', { network: `container:${running}` })

    runtime.stopDaemon({ tellsDeaths: false })
    const atRest = {
      'acestream-1': ['exited', 0],
      'acestream-2': ['exited', 137],
      'acestream-3': ['exited', 3],
      'acestream-4': ['exited', 0],
      'acestream-5': ['exited', 137],
      'acestream-6': ['created', null],
      'acestream-7': ['exited', 0],
    }
    expect(states()).toEqual(atRest)
    runtime.comeUp()
    expect(states()).toEqual({
      ...atRest,
      'acestream-1': ['running', null],
      'acestream-2': ['running', null],
      'acestream-3': ['running', null],
      'acestream-7': ['running', null],
    })
    expect(runtime.containers().map(({ restarts }) => restarts)).toEqual([0, 0, 0, 0, 0, 0, 0])
  })

  test('starts none or only some of them where it is told so, and the others after its next end', async () => {
    await runtime.start(id)
    const other = await started('acestream-2')
    runtime.stopDaemon({ tellsDeaths: false })
    runtime.comeUp({ restarts: 'none' })
    expect(states()).toEqual({ 'acestream-1': ['exited', 0], 'acestream-2': ['exited', 0] })
    runtime.stopDaemon({ tellsDeaths: false })
    runtime.comeUp({ restarts: (each) => each === other })
    expect(states()).toEqual({ 'acestream-1': ['exited', 0], 'acestream-2': ['running', null] })
    // An engine that goes down without its containers (live-restore) restarts none of them.
    runtime.goDown()
    runtime.comeUp()
    expect(state()).toBe('exited')
    runtime.stopDaemon({ tellsDeaths: false })
    runtime.comeUp({ restarts: 'all' })
    expect(state()).toBe('running')
  })

  test('leaves one exited whose port was taken meanwhile', async () => {
    const other = await started('acestream-2', published(19_000))
    runtime.stopDaemon({ tellsDeaths: false })
    runtime.takePort(19_000)
    runtime.comeUp()
    expect((await runtime.inspect(other)).state).toBe('exited')
    runtime.releasePort(19_000)
    await runtime.start(other)
    expect((await runtime.inspect(other)).state).toBe('running')
  })

  test('cuts the calls under way', async () => {
    await runtime.start(id)
    const hang = runtime.faults.hang('stop')
    const stopping = failureOf('unreachable', runtime.stop(id, 0))
    await hang.reached
    runtime.stopDaemon({ tellsDeaths: true })
    hang.release()
    expect((await stopping).effect).toBe('unknown')
    runtime.comeUp()
    expect(state()).toBe('running')
  })
})

describe('the in-memory runtime', () => {
  test('counts restarts, in inspect only, and waits longer from one to the next that comes soon', async () => {
    const clock = new VirtualClock()
    runtime = emptyRuntime({ clock })
    id = await runtime.create(SPEC)
    await runtime.start(id)
    /** Crashes the container and returns how long it was away. */
    const away = async () => {
      runtime.crash(id)
      const before = clock.now()
      while (state() !== 'running') await clock.advance(100)
      return clock.now() - before
    }
    expect([await away(), await away(), await away()]).toEqual([100, 200, 400])
    await clock.advance(10_000)
    expect(await away()).toBe(100)
    expect((await runtime.inspect(id)).restarts).toBe(4)
    expect((await runtime.list())[0]?.restarts).toBeNull()
    await runtime.start(id)
    expect((await runtime.inspect(id)).restarts).toBe(4)
    await runtime.stop(id, 0)
    await runtime.start(id)
    expect((await runtime.inspect(id)).restarts).toBe(0)
    expect(await away()).toBe(100)
  })

  test('keeps the traffic of each container since its start, and has none for what does not run', async () => {
    await runtime.start(id)
    expect(await runtime.traffic(id)).toEqual({ receivedBytes: 0, sentBytes: 0 })
    runtime.addTraffic(id, 10)
    runtime.addTraffic(id, 5, 3)
    runtime.pause(id)
    expect(await runtime.traffic(id)).toEqual({ receivedBytes: 15, sentBytes: 3 })
    await runtime.restartOutside(id)
    expect(await runtime.traffic(id)).toEqual({ receivedBytes: 0, sentBytes: 0 })
    runtime.kill(id)
    expect(await runtime.traffic(id)).toBeNull()
    expect(() => runtime.addTraffic(id, 1)).toThrow('does not run')
  })

  test('runs commands as it is told, and none in what is paused', async () => {
    await runtime.start(id)
    expect(await runtime.exec(id, ['true'])).toEqual({ exitCode: 0, output: '' })
    runtime.commandOf = ([name], container) =>
      name === 'wait' ? null : { exitCode: 3, output: container.name }
    expect(await runtime.exec(id, ['name'])).toEqual({ exitCode: 3, output: SPEC.name })
    const waiting = runtime.exec(id, ['wait'])
    await settled()
    runtime.pause(id)
    await failureOf('refused', runtime.exec(id, ['name']))
    runtime.removeOutside(id)
    expect(await waiting).toEqual({ exitCode: 137, output: '' })
    await failureOf('not_found', runtime.exec(id, ['name']))
  })

  test('sets a timer only for a call that something may hold up', async () => {
    let sleeps = 0
    const clock = {
      now: () => 0,
      sleep: (ms: number, signal?: AbortSignal) => {
        sleeps += 1
        return systemClock.sleep(ms, signal)
      },
    }
    runtime = emptyRuntime({ clock })
    id = await runtime.create(SPEC)
    await runtime.start(id)
    await runtime.stop(id, 0)
    await runtime.list()
    expect(sleeps).toBe(0)
    runtime.latencyMs = () => 1
    await runtime.list()
    expect(sleeps).toBe(3)
  })

  test('minds what happens right after a call: a freeze, its end, or that the caller gives up', async () => {
    const starting = runtime.start(id)
    runtime.freeze()
    await failureOf('unreachable', starting)
    expect(state()).toBe('created')
    runtime.thaw()
    await settled()
    expect(state()).toBe('running')

    const stopping = failureOf('unreachable', runtime.stop(id, 0))
    runtime.goDown()
    expect((await stopping).effect).toBe('unknown')
    expect(state()).toBe('running')
    runtime.comeUp()

    const abort = new AbortController()
    const again = failureOf('unreachable', runtime.stop(id, 0, abort.signal))
    abort.abort()
    expect((await again).effect).toBe('unknown')
    expect(state()).toBe('exited')
  })

  test('lets an image come in the time that is drawn, in four parts, unless its caller or the engine goes', async () => {
    const clock = new VirtualClock()
    runtime = emptyRuntime({ clock })
    runtime.pullMs = () => 4_000
    runtime.offerImage('engine', { facts: { architecture: 'arm64', sizeBytes: 400 } })
    const told: number[] = []
    const pulling = runtime.pull('engine', ({ currentBytes }) => told.push(currentBytes))
    await clock.advance(2_000)
    expect(told).toEqual([100, 200])
    await clock.advance(2_000)
    await pulling
    expect(told).toEqual([100, 200, 300, 400])
    expect((await runtime.image('engine:latest')).architecture).toBe('arm64')
    runtime.removeImage('engine')

    const abort = new AbortController()
    const givenUp = failureOf(
      'unreachable',
      runtime.pull('engine', () => abort.abort(), abort.signal),
    )
    await clock.advance(4_000)
    await givenUp
    const cut = failureOf(
      'unreachable',
      runtime.pull('engine', () => runtime.goDown()),
    )
    await clock.advance(4_000)
    await cut
    runtime.comeUp()
    await failureOf('image_missing', runtime.image('engine'))
  })

  test('fails a pull that stalls when the deadline has passed since', async () => {
    const clock = new VirtualClock()
    runtime = emptyRuntime({ clock })
    runtime.offerImage('engine', { ends: 'stalls' })
    const stalled = failureOf(
      'unreachable',
      runtime.pull('engine', () => undefined),
    )
    await clock.advance(DEFAULT_DEADLINES_MS.pull)
    expect((await stalled).effect).toBe('unknown')
  })

  test('knows of each container which image it was made from, whatever its name stands for now', async () => {
    const { id: old } = await runtime.image(SPEC.image)
    runtime.addImage(SPEC.image, { id: `sha256:${'f'.repeat(64)}` })
    const renewed = await runtime.create({ ...SPEC, name: 'acestream-2' })
    expect((await runtime.inspect(id)).imageId).toBe(old)
    expect((await runtime.inspect(renewed)).imageId).toBe(`sha256:${'f'.repeat(64)}`)
  })

  test('keeps what a container wrote, through its starts, up to a bound', async () => {
    await runtime.start(id)
    runtime.write(id, 'a\nb')
    await runtime.restartOutside(id)
    runtime.write(id, 'c\n\u001b[31md\u001b[0m\n')
    expect(await runtime.logs(id, { lines: 2, bytes: 100 })).toBe('bc\nd\n')
    expect(await runtime.logs(id, { lines: 0, bytes: 100 })).toBe('')
    for (let line = 0; line < 100; line++) runtime.write(id, `${'x'.repeat(10_000)}\n`)
    expect((await runtime.logs(id, { lines: 100, bytes: 10_000_000 })).length).toBeLessThan(300_000)
  })
})
