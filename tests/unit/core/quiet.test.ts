import { describe, expect, test } from 'bun:test'
import { isQuiet, type Quiet, withReading } from '../../../src/core/viewers/adopted-viewers.ts'

const SECOND = 1_000
const VIEWER_BYTES = 500_000

/** Readings twenty seconds apart, each with the bytes moved since the previous one. */
const after = (moved: readonly number[]): Quiet | null =>
  moved.reduce<Quiet | null>(
    (quiet, bytes, turn) => withReading(quiet, (quiet?.bytes ?? 0) + bytes, turn * 20 * SECOND),
    null,
  )

const quietAfter = (moved: readonly number[]): boolean =>
  isQuiet(after(moved), 0, (moved.length - 1) * 20 * SECOND)

describe('an adopted engine', () => {
  test('is quiet when its counters have stood still for a minute', () => {
    expect(quietAfter([9e9, 0, 0])).toBe(false)
    expect(quietAfter([9e9, 0, 0, 0])).toBe(true)
  })

  test('is not while somebody watches, and the minute counts from the last bytes', () => {
    expect(quietAfter([0, 20 * VIEWER_BYTES, 0, 0])).toBe(false)
    expect(quietAfter([0, 20 * VIEWER_BYTES, 0, 0, 0])).toBe(true)
  })

  test('may chatter a little', () => {
    expect(quietAfter([0, 50_000, 50_000, 50_000])).toBe(true)
  })

  test('whose counters began anew has not stood still', () => {
    expect(quietAfter([9e9, 0, -9e9, 0])).toBe(false)
  })

  test('without counters is quiet after six hours', () => {
    const hour = 3_600 * SECOND
    expect(isQuiet(null, 0, 6 * hour - 1)).toBe(false)
    expect(isQuiet(null, 0, 6 * hour)).toBe(true)
  })
})
