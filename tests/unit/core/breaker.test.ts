import { describe, expect, test } from 'bun:test'
import {
  type Breaker,
  breakerAt,
  closedBreaker,
  openForSeconds,
  withFailure,
  withoutTrial,
  withStart,
  withSuccess,
} from '../../../src/core/provisioning/breaker.ts'

const settings = { failureThreshold: 3, recoveryMs: 10_000 }

const faultOf = (engineId: string) => ({ engineId, reason: `${engineId} did not answer` })

const failedTimes = (times: number, at = 1_000): Breaker => {
  let breaker = closedBreaker
  for (let i = 0; i < times; i++) breaker = withFailure(breaker, faultOf(`engine-${i}`), at, settings)
  return breaker
}

describe('breaker', () => {
  test('keeps the reason of the last fault, also when it closes', () => {
    expect(closedBreaker.lastFailureReason).toBeNull()
    const lastFailureReason = 'engine-2 did not answer'
    expect(failedTimes(3)).toMatchObject({ lastFailureReason })
    const trial = withStart(failedTimes(3), 'trial', 11_000, settings)
    expect(withSuccess(trial, 'trial', 12_000, settings)).toMatchObject({
      state: 'closed',
      lastFailureReason,
    })
  })

  test('opens at the threshold and not before', () => {
    expect(failedTimes(2).state).toBe('closed')
    expect(failedTimes(3)).toMatchObject({ state: 'open', openedAt: 1_000, failures: 3 })
  })

  test('a success in between starts the count anew', () => {
    const recovered = withSuccess(failedTimes(2), 'engine-9', 2_000, settings)
    expect(withFailure(recovered, faultOf('engine-10'), 3_000, settings)).toMatchObject({
      state: 'closed',
      failures: 1,
    })
  })

  test('tells the whole seconds until the next try, never 0 while open', () => {
    const open = failedTimes(3)
    expect(openForSeconds(open, 1_000, settings)).toBe(10)
    expect(openForSeconds(open, 10_999, settings)).toBe(1)
    expect(openForSeconds(open, 11_000, settings)).toBeNull()
    expect(openForSeconds(closedBreaker, 1_000, settings)).toBeNull()
  })

  test('half-open lets one trial through and makes the others wait', () => {
    const trial = withStart(failedTimes(3), 'trial', 11_000, settings)
    expect(trial).toMatchObject({ state: 'half_open', trialEngineId: 'trial' })
    expect(openForSeconds(trial, 11_000, settings)).toBeGreaterThan(0)
    expect(withStart(trial, 'second', 11_001, settings).trialEngineId).toBe('trial')
  })

  test('closes by the success of the trial only', () => {
    const trial = withStart(failedTimes(3), 'trial', 11_000, settings)
    expect(withSuccess(trial, 'older', 11_500, settings).state).toBe('half_open')
    expect(withSuccess(trial, 'trial', 12_000, settings)).toMatchObject({ state: 'closed', failures: 0 })
  })

  test('opens anew by the failure of the trial', () => {
    const trial = withStart(failedTimes(3), 'trial', 11_000, settings)
    const failed = withFailure(trial, faultOf('trial'), 12_000, settings)
    expect(failed).toMatchObject({ state: 'open', openedAt: 12_000, trialEngineId: null })
    expect(openForSeconds(failed, 12_000, settings)).toBe(10)
  })

  test('a trial that ends otherwise frees its place', () => {
    const trial = withStart(failedTimes(3), 'trial', 11_000, settings)
    const freed = withoutTrial(trial, 'trial')
    expect(openForSeconds(freed, 11_001, settings)).toBeNull()
    expect(withoutTrial(trial, 'other')).toBe(trial)
  })

  test('an open breaker whose time is over reads half-open without being written', () => {
    expect(breakerAt(failedTimes(3), 10_999, settings).state).toBe('open')
    expect(breakerAt(failedTimes(3), 11_000, settings).state).toBe('half_open')
  })
})
