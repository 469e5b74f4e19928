import { describe, expect, test } from 'bun:test'
import { ratesBetween, type UsageReading, usageRoundMs } from '../../../src/core/engines/usage.ts'

const reading = (atMs: number, changes: Partial<UsageReading> = {}): UsageReading => ({
  atMs,
  cpuMs: 1_000,
  memoryBytes: 5,
  network: { receivedBytes: 1_000, sentBytes: 100 },
  blocks: null,
  ...changes,
})

const UNKNOWN = { cores: null, receivedPerSecond: null, sentPerSecond: null }

describe('rates', () => {
  test('are what was used between two readings, by their own times', () => {
    const later = { cpuMs: 7_000, network: { receivedBytes: 11_005, sentBytes: 100 } }
    expect(ratesBetween(reading(10_000), reading(14_000, later))).toEqual({
      cores: 1.5,
      receivedPerSecond: 2_501,
      sentPerSecond: 0,
    })
  })

  test('are not known from one reading, or from two of one time', () => {
    expect(ratesBetween(null, reading(1_000))).toEqual(UNKNOWN)
    expect(ratesBetween(reading(1_000), reading(1_000))).toEqual(UNKNOWN)
    expect(ratesBetween(reading(2_000), reading(1_000))).toEqual(UNKNOWN)
  })

  test('are not known of a counter that began anew or is missing, and known of the others', () => {
    const anew = reading(2_000, { cpuMs: 10, network: { receivedBytes: 2_000, sentBytes: 0 } })
    expect(ratesBetween(reading(1_000), anew)).toEqual({ ...UNKNOWN, receivedPerSecond: 1_000 })
    const nothing = reading(2_000, { cpuMs: null, network: null })
    expect(ratesBetween(reading(1_000), nothing)).toEqual(UNKNOWN)
    expect(ratesBetween(nothing, reading(3_000))).toEqual(UNKNOWN)
  })
})

test('a round is soon while somebody looks on, and never more often than four engines a second', () => {
  expect([0, 20, 200].map((engines) => usageRoundMs(engines, true))).toEqual([5_000, 5_000, 50_000])
  expect([0, 20, 200].map((engines) => usageRoundMs(engines, false))).toEqual([30_000, 30_000, 50_000])
})
