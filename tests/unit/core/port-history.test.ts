import { describe, expect, test } from 'bun:test'
import {
  arePortsOther,
  flapsOf,
  NO_PORT_HISTORY,
  offeredPorts,
  type PortHistory,
  steadyPorts,
  toldPorts,
  withoutPorts,
  withPorts,
} from '../../../src/core/vpn/port-history.ts'

const MINUTE_MS = 60_000

/** What is known after the control server told these ports, each at a minute. */
const after = (...told: readonly (readonly [minute: number, ...ports: number[]])[]): PortHistory =>
  told.reduce<PortHistory>(
    (history, [minute, ...ports]) => withPorts(history, ports, minute * MINUTE_MS),
    NO_PORT_HISTORY,
  )

describe('forwarded ports', () => {
  test.each([
    ['told for three minutes', after([1, 7], [3, 7]), [7]],
    ['told for less', after([2, 7]), []],
    ['with another one since then', after([1, 7], [3, 7, 8]), [7]],
    ['back within three minutes after there was none', after([1, 7], [2], [3], [4, 7]), [7]],
    ['back later after there was none', after([-3, 7], [-2], [2, 7]), []],
    ['away', after([0, 7], [1]), []],
    ['back after another one, and none', after([0, 7], [1, 8], [2], [3, 7]), []],
    ['back after they were not known', withPorts(withoutPorts(after([1, 7])), [7], 3 * MINUTE_MS), []],
    ['not known', withoutPorts(after([1, 7])), []],
  ] as const)('%s are steady as far as they have stood', (_, history, steady) => {
    expect(steadyPorts(history, 4 * MINUTE_MS)).toEqual([...steady])
  })

  test('flap with the third change in ten minutes, until ten have passed without one', () => {
    expect(flapsOf(after([0, 1], [4, 2], [8, 3]), 8 * MINUTE_MS)).toBeNull()
    const flapping = after([0, 1], [4, 2], [8, 3], [12, 4])
    expect(flapsOf(flapping, 22 * MINUTE_MS)).toEqual({ changes: 3, withinMs: 8 * MINUTE_MS })
    expect(flapsOf(flapping, 22 * MINUTE_MS + 1)).toBeNull()
    expect(flapsOf(after([0, 1], [4, 2], [8, 3], [15, 4]), 15 * MINUTE_MS)).toBeNull()
  })

  test('do not change by their order, or when they are told again', () => {
    const same = after([0, 1, 2], [1, 2, 1])
    expect(same.changedMs).toEqual([])
    expect(withPorts(withoutPorts(same), [1, 2], 4 * MINUTE_MS).changedMs).toEqual([])
    expect(withPorts(same, [1], 4 * MINUTE_MS).changedMs).toEqual([4 * MINUTE_MS])
  })

  test('change when they are back after there was none, and are the same ports', () => {
    const back = after([0, 1, 2], [1], [2], [3, 2, 1])
    expect(back.changedMs).toEqual([3 * MINUTE_MS])
    expect(arePortsOther(after([0, 1, 2], [1]), back)).toBe(false)
    expect(after([0], [1, 7], [2, 7]).changedMs).toEqual([])
    for (const long of [after([0, 7], [1], [5, 7]), after([0, 7], [1], [4.5], [5, 7])])
      expect(long.changedMs).toEqual([])
    expect(arePortsOther(NO_PORT_HISTORY, after([0], [1, 7]))).toBe(false)
    expect(arePortsOther(back, withPorts(back, [3], 4 * MINUTE_MS))).toBe(true)
  })

  test('that flap are offered once they have stood, and others at once', () => {
    expect(offeredPorts(after([0, 1], [4, 2]), 4 * MINUTE_MS)).toEqual([2])
    const flapping = after([0, 1, 9], [4, 2, 9], [5, 3, 9], [6, 4, 9])
    expect(offeredPorts(flapping, 6 * MINUTE_MS)).toEqual([9])
    expect(offeredPorts(flapping, 9 * MINUTE_MS)).toEqual([4, 9])
    expect(toldPorts(flapping)).toEqual([4, 9])
  })

  test('are told as missing since the first answer that there is none', () => {
    expect(after([1, 7], [2], [3]).told?.noneSinceMs).toBe(2 * MINUTE_MS)
    expect(after([1], [2, 7]).told?.noneSinceMs).toBeNull()
  })
})
