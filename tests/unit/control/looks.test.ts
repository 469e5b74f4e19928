import { expect, test } from 'bun:test'
import { Throttle } from '../../../src/lib/throttle.ts'

test('twenty looks may be at once, the next when a quarter of a second is over, and then twenty again', () => {
  const throttle = new Throttle()
  const many = (n: number, nowMs: number) => Array.from({ length: n }, () => throttle.waitMs(nowMs))
  expect(many(20, 1_000)).toEqual(new Array(20).fill(0))
  expect(many(2, 1_100)).toEqual([150, 150])
  expect(many(20, 1_250)).toEqual(new Array(20).fill(0))
  expect(throttle.waitMs(1_250)).toBe(250)
})
