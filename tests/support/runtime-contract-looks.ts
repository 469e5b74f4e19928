import { describe, expect, test } from 'bun:test'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { until } from './docker.ts'
import { freePort } from './ports.ts'
import { type Bench, failureOf, follow, published } from './runtime-contract.ts'
import { EXIT_CODE, PROGRAMS } from './tiny-image.ts'

/** The contract of inspections, lists, events and the limits of a call, for every runtime. */
export function contractOfLooks(bench: Bench): void {
  describe('inspect', () => {
    test('takes the id, its beginning, or the name', async () => {
      const spec = bench.spec()
      const id = await bench.runtime.create(spec)
      for (const reference of [id, id.slice(0, 12), spec.name]) {
        expect((await bench.runtime.inspect(reference)).id).toBe(id)
      }
    })

    test('counts what the restart policy did, through a stop, and anew after a start by hand', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.exit }))
      const restarts = async () => (await bench.runtime.inspect(id)).restarts ?? 0
      // The waits double: the fourth restart is counted 0.7 s after a start, and the last start below lasts for less than
      // that.
      await until('four restarts are counted', async () => (await restarts()) >= 4)
      await bench.runtime.stop(id, 5)
      expect(await restarts()).toBeGreaterThanOrEqual(4)
      await bench.runtime.start(id)
      await bench.runtime.stop(id, 5)
      expect(await restarts()).toBeLessThan(4)
    })

    test('fails with not_found for what is no container, or cannot be one', async () => {
      for (const reference of ['roundhouse-test-none', '', '../images', 'a/b', 'json?all=1']) {
        await failureOf('not_found', bench.runtime.inspect(reference))
      }
    })
  })

  describe('list', () => {
    test('has our containers in every state, and no others', async () => {
      const created = await bench.runtime.create(bench.spec())
      const running = await bench.started(bench.spec(published(freePort())))
      const exited = await bench.started(bench.spec())
      await bench.runtime.stop(exited, 5)
      await bench.runtime.create(bench.spec({ labels: bench.subject.foreignLabel }))

      const listed = await bench.runtime.list()
      const states = new Map(listed.map((container) => [container.id, container.state]))
      expect(states).toEqual(
        new Map([
          [created, 'created' as const],
          [running, 'running'],
          [exited, 'exited'],
        ]),
      )
    })

    test('tells of a running container what inspect tells, but for the start, the exit and restarts', async () => {
      const id = await bench.started(
        bench.spec({ ...published(freePort()), labels: { ...bench.subject.label, colour: 'red' } }),
      )
      const inspected = await bench.runtime.inspect(id)
      const [listed] = await bench.runtime.list()
      // Docker's list has whole seconds.
      expect(Math.abs((listed?.createdAtMs ?? 0) - inspected.createdAtMs)).toBeLessThan(1000)
      expect({ ...listed, createdAtMs: 0 }).toEqual({
        ...inspected,
        createdAtMs: 0,
        startedAtMs: null,
        exitCode: null,
        restarts: null,
      })
    })

    test('leaves the ports out of what does not run', async () => {
      await bench.runtime.create(bench.spec(published(freePort())))
      expect((await bench.runtime.list()).map((container) => container.ports)).toEqual([[]])
    })
  })

  describe('events', () => {
    test('tell of every change after onOpen, in its order', async () => {
      const followed = await follow(bench.runtime)
      const spec = bench.spec({ labels: { ...bench.subject.label, colour: 'green' } })
      const before = Date.now()
      const id = await bench.started(spec)
      await bench.runtime.stop(id, 5)
      await bench.runtime.destroy(id)

      await until('the container is told to be gone', () => followed.actions(id).includes('destroy'))
      expect(followed.actions(id)).toEqual(['create', 'start', 'die', 'destroy'])
      for (const event of followed.events) {
        expect(event).toMatchObject({ id, name: spec.name, labels: spec.labels })
        expect(Math.abs(event.atMs - before)).toBeLessThan(10_000)
      }
      followed.stop()
      await followed.ended
    })

    test('tell of the death of a container that ends by itself, and of its restart', async () => {
      const followed = await follow(bench.runtime)
      const id = await bench.started(bench.spec({ command: PROGRAMS.exit }))
      await until('it was started again', () => followed.actions(id).lastIndexOf('start') > 2)
      expect(followed.actions(id).slice(0, 4)).toEqual(['create', 'start', 'die', 'start'])
      await bench.runtime.stop(id, 5)
      const seen = await bench.runtime.inspect(id)
      expect(seen).toMatchObject({ state: 'exited', exitCode: EXIT_CODE })
      followed.stop()
      await followed.ended
    })

    test('tell of the death of a running container that is destroyed', async () => {
      const followed = await follow(bench.runtime)
      const id = await bench.started(bench.spec())
      await bench.runtime.destroy(id)
      await until('the container is told to be gone', () => followed.actions(id).includes('destroy'))
      expect(followed.actions(id)).toEqual(['create', 'start', 'die', 'destroy'])
      followed.stop()
      await followed.ended
    })

    test('do not tell of foreign containers', async () => {
      const followed = await follow(bench.runtime)
      const foreign = await bench.started(bench.spec({ labels: bench.subject.foreignLabel }))
      await bench.runtime.destroy(foreign)
      const ours = await bench.runtime.create(bench.spec())
      // One stream has one order: before ours is reported, events of the foreign container would have arrived.
      await until('ours is told', () => followed.actions(ours).length > 0)
      expect(followed.events.map((event) => event.id)).toEqual([ours])
      followed.stop()
      await followed.ended
    })

    test('reach every subscriber', async () => {
      const both = [await follow(bench.runtime), await follow(bench.runtime)]
      const id = await bench.runtime.create(bench.spec())
      for (const followed of both) {
        await until('it is told', () => followed.actions(id).length > 0)
        followed.stop()
        await followed.ended
      }
    })

    test('end quietly with the signal, also one that was aborted before', async () => {
      const followed = await follow(bench.runtime)
      followed.stop()
      await followed.ended
      await bench.runtime.create(bench.spec())
      expect(followed.events).toEqual([])

      let opened = 0
      const handlers = { onOpen: () => (opened += 1), onEvent: () => {} }
      await bench.runtime.events(handlers, AbortSignal.abort())
      expect(opened).toBe(0)
    })
  })

  describe('the bounds of a call', () => {
    test('a ping is answered', async () => {
      expect(await bench.runtime.ping()).toBeUndefined()
    })

    test('a call whose signal was aborted before is not made', async () => {
      const failure = await failureOf('unreachable', bench.runtime.create(bench.spec(), AbortSignal.abort()))
      expect(failure.effect).toBe('none')
      expect(await bench.runtime.list()).toEqual([])
    })

    test('a call that is aborted ends as unreachable, at once, its effect not known', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.stubborn }))
      const abort = new AbortController()
      const stopping = bench.runtime.stop(id, 20, abort.signal)
      setTimeout(() => abort.abort(), 50)
      const before = performance.now()
      const failure = await failureOf('unreachable', stopping)
      expect(failure.effect).toBe('unknown')
      expect(performance.now() - before).toBeLessThan(5_000)
    })

    test('a call past its deadline ends as unreachable, its effect not known', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.stubborn }))
      // The grace is added to the deadline, and after the grace the container engine still has to kill.
      const hasty = bench.subject.withDeadlines({ ...DEFAULT_DEADLINES_MS, stop: 1 })
      const failure = await failureOf('unreachable', hasty.stop(id, 1))
      expect(failure.effect).toBe('unknown')
    })
  })
}
