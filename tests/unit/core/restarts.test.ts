import { describe, expect, test } from 'bun:test'
import { isCrashLoop, withRestarts } from '../../../src/core/engines/restarts.ts'

const MINUTE = 60_000
const NOW = 100 * MINUTE

describe('restarts', () => {
  test('that happened between two looks are dated by the later start', () => {
    const before = { count: 1, startedAtMs: NOW - 10_000 }
    expect(withRestarts([5], before, { count: 3, startedAtMs: NOW - 1_000 }, NOW)).toEqual([
      5,
      NOW - 1_000,
      NOW - 1_000,
    ])
  })

  test('one that is announced and not done yet is dated now', () => {
    const before = { count: 0, startedAtMs: NOW - 90 * MINUTE }
    expect(withRestarts([], before, { ...before, count: 1 }, NOW)).toEqual([NOW])
  })

  test('a start by hand is none, and what the count says after it begins anew', () => {
    const before = { count: 4, startedAtMs: NOW - 10_000 }
    expect(withRestarts([], before, { count: 0, startedAtMs: NOW }, NOW)).toEqual([])
    expect(withRestarts([], before, { count: 1, startedAtMs: NOW }, NOW)).toEqual([NOW])
  })

  test('that nobody watched over a long time count as the last one only', () => {
    const before = { count: 0, startedAtMs: NOW - 6 * MINUTE }
    expect(withRestarts([], before, { count: 9, startedAtMs: NOW }, NOW)).toEqual([NOW])
  })

  test('are kept no longer than they matter', () => {
    const before = { count: 0, startedAtMs: NOW - 1_000 }
    expect(withRestarts([1, 2, 3], before, { count: 9, startedAtMs: NOW }, NOW)).toEqual([NOW, NOW, NOW, NOW])
  })

  test('more than three in five minutes are a crash loop', () => {
    const four = [NOW - 4 * MINUTE, NOW - 3 * MINUTE, NOW - MINUTE, NOW]
    expect(isCrashLoop(four, NOW)).toBe(true)
    expect(isCrashLoop(four.slice(1), NOW)).toBe(false)
    expect(isCrashLoop([NOW - 5 * MINUTE, ...four.slice(1)], NOW)).toBe(false)
  })
})
