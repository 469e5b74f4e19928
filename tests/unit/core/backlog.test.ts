import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Backlog, type Frame } from '../../../src/core/feed/backlog.ts'

const frame = (bytes: number, journalId: number | null = null): Frame => ({
  bytes: new Uint8Array(bytes),
  journalId,
})

describe('a backlog', () => {
  test('takes no more when it has as many frames or bytes as it may, and then stays as it is', () => {
    const few = new Backlog({ frames: 2, bytes: 100 })
    expect(few.add([frame(1)])).toBe(true)
    expect(few.add([frame(1), frame(1)])).toBe(true)
    expect(few.add([frame(1)])).toBe(false)
    expect(few.take(100, 100)).toHaveLength(3)
    const small = new Backlog({ frames: 10, bytes: 100 })
    expect([small.add([frame(99)]), small.add([frame(500)]), small.add([frame(1)])]).toEqual([
      true,
      true,
      false,
    ])
    expect(small.take(100, 100).map(({ bytes }) => bytes.length)).toEqual([99])
    expect(small.add([frame(1)])).toBe(false)
    expect(small.take(100, 100).map(({ bytes }) => bytes.length)).toEqual([500])
    expect(small.add([frame(1)])).toBe(true)
  })

  test('gives the oldest first, one at least', () => {
    const backlog = new Backlog({ frames: 10, bytes: 1_000 })
    backlog.add([1, 2, 3, 4].map((id) => frame(10, id)))
    const ids = (bytes: number, count: number) => backlog.take(bytes, count).map(({ journalId }) => journalId)
    expect(ids(5, 10)).toEqual([1])
    expect(ids(25, 10)).toEqual([2, 3])
    expect(ids(25, 0)).toEqual([])
    expect(ids(1_000, Number.POSITIVE_INFINITY)).toEqual([4])
    expect(ids(1_000, 1)).toEqual([])
  })

  test('tells the first entry that it drops, and has room again', () => {
    const backlog = new Backlog({ frames: 3, bytes: 1_000 })
    backlog.add([frame(1), frame(1, 7), frame(1, 8)])
    expect(backlog.drop()).toBe(7)
    expect(backlog.drop()).toBeNull()
    expect(backlog.add([frame(1_000)])).toBe(true)
    expect(backlog.drop()).toBeNull()
  })

  test('never holds more than its limits and what came last, whatever is done, and loses nothing', () => {
    const flock = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 4 })
    const step = fc.oneof(
      fc.record({ add: flock }),
      fc.record({ take: fc.integer({ min: 0, max: 80 }), count: fc.integer({ min: 0, max: 4 }) }),
    )
    const sumOf = (frames: readonly Frame[]) => frames.reduce((sum, { bytes }) => sum + bytes.length, 0)
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const backlog = new Backlog({ frames: 5, bytes: 100 })
        let kept: Frame[] = []
        for (const each of steps) {
          if ('add' in each) {
            const isFull = kept.length >= 5 || sumOf(kept) >= 100
            const added = each.add.map((bytes) => frame(bytes))
            expect(backlog.add(added)).toBe(!isFull)
            if (!isFull) kept.push(...added)
          } else {
            const taken = backlog.take(each.take, each.count)
            expect(taken).toEqual(kept.slice(0, taken.length))
            kept = kept.slice(taken.length)
          }
        }
        expect(backlog.take(10_000, 1_000)).toEqual(kept)
      }),
    )
  })
})
