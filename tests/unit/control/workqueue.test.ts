import { describe, expect, test } from 'bun:test'
import { WorkQueue } from '../../../src/lib/workqueue.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

/** A queue whose work waits until the test releases it, with a log of what happened. */
function bench(concurrency = 4) {
  const clock = new VirtualClock()
  const begun: string[] = []
  const errors: string[] = []
  const waiting = new Map<string, PromiseWithResolvers<void>>()
  let busiest = 0
  const queue = new WorkQueue({
    clock,
    concurrency,
    work: (key) => {
      begun.push(key)
      const turn = Promise.withResolvers<void>()
      if (waiting.has(key)) throw new Error(`${key} is worked on twice at the same time`)
      waiting.set(key, turn)
      busiest = Math.max(busiest, waiting.size)
      return turn.promise
    },
    onError: (key, error, attempt) => errors.push(`${key} ${attempt} ${error}`),
    backoffMs: (attempt) => attempt * 100,
  })
  const finish = async (key: string, error?: string) => {
    await settled()
    const turn = waiting.get(key)
    waiting.delete(key)
    if (error === undefined) turn?.resolve()
    else turn?.reject(error)
    await settled()
  }
  return { clock, queue, begun, errors, finish, busiest: () => busiest }
}

describe('the work queue', () => {
  test('does a key that was added several times while it waits once', async () => {
    const { queue, begun, finish } = bench(1)
    queue.add('first')
    for (let i = 0; i < 3; i++) queue.add('again')
    await finish('first')
    await finish('again')
    expect(begun).toEqual(['first', 'again'])
  })

  test('does a key that was added while it is worked on once more, and never twice at the same time', async () => {
    const { queue, begun, errors, finish } = bench()
    queue.add('key')
    await settled()
    queue.add('key')
    queue.add('key')
    await settled()
    expect(begun).toEqual(['key'])
    await finish('key')
    expect(begun).toEqual(['key', 'key'])
    await finish('key')
    expect([begun.length, errors]).toEqual([2, []])
  })

  test('works on no more keys at a time than it may', async () => {
    const { queue, finish, busiest } = bench(2)
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
    for (const key of ['a', 'b', 'c', 'd']) await finish(key)
    expect(busiest()).toBe(2)
  })

  test('does a failed key again after a growing wait, until it succeeds', async () => {
    const { clock, queue, begun, errors, finish } = bench()
    queue.add('key')
    await finish('key', 'broken')
    await clock.advance(99)
    expect(begun).toHaveLength(1)
    await clock.advance(1)
    expect(begun).toHaveLength(2)
    await finish('key', 'broken')
    await clock.advance(199)
    expect(begun).toHaveLength(2)
    await clock.advance(1)
    await finish('key')
    await clock.advance(10_000)
    expect(begun).toHaveLength(3)
    expect(errors).toEqual(['key 1 broken', 'key 2 broken'])
  })

  test('forgets the failures of a key that succeeded', async () => {
    const { clock, queue, errors, finish } = bench()
    queue.add('key')
    await finish('key', 'broken')
    await clock.advance(100)
    await finish('key')
    queue.add('key')
    await finish('key', 'broken')
    expect(errors).toEqual(['key 1 broken', 'key 1 broken'])
  })

  test('does a failed key at once when it is added meanwhile', async () => {
    const { clock, queue, begun, finish } = bench()
    queue.add('key')
    await finish('key', 'broken')
    queue.add('key')
    await settled()
    expect(begun).toHaveLength(2)
    await finish('key')
    await clock.advance(10_000)
    expect(begun).toHaveLength(2)
  })

  test('delays a key, and an earlier add takes the delayed one’s place', async () => {
    const { clock, queue, begun, finish } = bench()
    queue.addAfter('key', 1_000)
    await clock.advance(999)
    expect(begun).toEqual([])
    queue.add('key')
    await finish('key')
    await clock.advance(10_000)
    expect(begun).toEqual(['key'])
  })

  test('begins nothing after it was stopped, and waits for what runs', async () => {
    const { clock, queue, begun, finish } = bench(1)
    queue.add('runs')
    queue.add('waits')
    queue.addAfter('later', 100)
    await settled()
    let isStopped = false
    const stop = queue.stop().then(() => {
      isStopped = true
    })
    await settled()
    expect(isStopped).toBe(false)
    await finish('runs')
    await stop
    queue.add('new')
    await clock.advance(10_000)
    expect(begun).toEqual(['runs'])
  })

  test('begins nothing that was added just before it was stopped', async () => {
    const { queue, begun } = bench()
    queue.add('key')
    await queue.stop()
    await settled()
    expect(begun).toEqual([])
  })

  test('does a key that was added several times before its turn came once', async () => {
    const { queue, begun, finish } = bench()
    for (let i = 0; i < 3; i++) queue.add('key')
    await finish('key')
    await settled()
    expect(begun).toEqual(['key'])
  })

  test('begins nothing on the stack of whoever adds it', async () => {
    const { queue, begun } = bench()
    queue.add('key')
    await Promise.resolve()
    expect(begun).toEqual([])
    await settled()
    expect(begun).toEqual(['key'])
  })
})

/** A queue whose work is synchronous and requests its own key again, up to `times` times. */
function selfAsking(ask: (queue: WorkQueue) => void, times: number) {
  const depths: number[] = []
  let depth = 0
  const queue: WorkQueue = new WorkQueue({
    clock: new VirtualClock(),
    concurrency: 4,
    work: () => {
      depth++
      depths.push(depth)
      if (depths.length <= times) ask(queue)
      depth--
      return Promise.resolve()
    },
    onError: (key, error) => {
      throw new Error(`${key}: ${error}`)
    },
    backoffMs: () => 0,
  })
  return { queue, depths }
}

describe('work that asks for its own key before it waits for anything', () => {
  test('is begun again when it has ended, and never within itself', async () => {
    const { queue, depths } = selfAsking((each) => each.add('plan'), 2)
    queue.add('plan')
    await settled()
    expect(depths).toEqual([1, 1, 1])
  })

  test('is known to be under way', async () => {
    const { queue, depths } = selfAsking((each) => each.addUnlessKnown('plan'), 2)
    queue.add('plan')
    await settled()
    expect(depths).toEqual([1])
  })
})
