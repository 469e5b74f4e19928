import { describe, expect, test } from 'bun:test'
import {
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
    ['back after there was none', after([1, 7], [2], [3, 7]), []],
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

  test('do not change by their order, by none between them, or when they are told again', () => {
    const same = after([0, 1, 2], [1, 2, 1], [2], [3, 1, 2])
    expect(same.changedMs).toEqual([])
    expect(withPorts(withoutPorts(same), [1, 2], 4 * MINUTE_MS).changedMs).toEqual([])
    expect(withPorts(same, [1], 4 * MINUTE_MS).changedMs).toEqual([4 * MINUTE_MS])
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
