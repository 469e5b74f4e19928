import { describe, expect, test } from 'bun:test'
import { seeded } from './random.ts'

const drawn = (random: { float(): number }): number[] => Array.from({ length: 20 }, () => random.float())

describe('the seeded numbers', () => {
  test('are the same for the same seed and others for another', () => {
    expect(drawn(seeded(7))).toEqual(drawn(seeded(7)))
    expect(drawn(seeded(7))).not.toEqual(drawn(seeded(8)))
  })

  test('of one stream do not depend on how much was drawn from another', () => {
    const one = seeded(7)
    drawn(one.stream('a'))
    drawn(one)
    expect(drawn(one.stream('b'))).toEqual(drawn(seeded(7).stream('b')))
  })

  test('keep their bounds', () => {
    const random = seeded(1)
    const ints = Array.from({ length: 1_000 }, () => random.int(3, 5))
    expect([...new Set(ints)].toSorted()).toEqual([3, 4, 5])
    const waits = Array.from({ length: 1_000 }, () => random.exponential(100))
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1)
    const mean = waits.reduce((sum, each) => sum + each, 0) / waits.length
    expect(mean).toBeGreaterThan(80)
    expect(mean).toBeLessThan(120)
  })

  test('pick nothing from nothing', () => expect(seeded(1).pick([])).toBeUndefined())
})
