import { describe, expect, test } from 'bun:test'
import { growthExponent } from '../../../scripts/bench/statistics.ts'

describe('the exponent of growth', () => {
  const curve = (of: (size: number) => number) =>
    [10, 100, 1_000, 10_000].map((size) => ({ size, value: of(size) }))

  test('is that of the power by which the values grow', () => {
    for (const exponent of [0, 0.5, 1, 2])
      expect(growthExponent(curve((size) => 3 * size ** exponent))).toBeCloseTo(exponent, 9)
  })

  test('counts each size the same, however large its value is', () => {
    // The logarithms of the values are 0, 0 and 3, so the straight line rises by 1.5 for each decade.
    const points = [
      { size: 10, value: 1 },
      { size: 100, value: 1 },
      { size: 1_000, value: 1_000 },
    ]
    expect(growthExponent(points)).toBeCloseTo(1.5, 9)
  })

  test.each([
    ['one size', [{ size: 10, value: 1 }]],
    ['no size', []],
    ['a value of nothing', curve((size) => size - 10)],
    ['a size of nothing', [...curve((size) => size), { size: 0, value: 1 }]],
  ])('is not made up for %s', (_, points) => {
    expect(() => growthExponent(points)).toThrow()
  })
})
