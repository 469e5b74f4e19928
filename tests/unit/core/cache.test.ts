import { describe, expect, test } from 'bun:test'
import {
  type CachedEngine,
  failedAttempt,
  isGivenUp,
  nextCleanup,
  unansweredAttempt,
} from '../../../src/core/engines/cache.ts'
import type { Engine } from '../../../src/core/types.ts'
import { engine } from '../../support/builders.ts'

/** An idle engine whose last stream ended at 10 s. */
const cached = (
  change: Partial<Engine> = {},
  observed: Partial<Omit<CachedEngine, 'engine'>> = {},
): CachedEngine => ({
  engine: engine({ lastStreamAt: 10_000, ...change }),
  isRunning: true,
  startedStreams: 0,
  attempt: null,
  ...observed,
})

const NEVER = { engineId: null, wakeAtMs: null }
const NOW = { engineId: 'engine-1', wakeAtMs: null }

describe('the cache of an engine', () => {
  test('is emptied when it was idle for five seconds', () => {
    expect(nextCleanup([cached()], 14_999)).toEqual({ engineId: null, wakeAtMs: 15_000 })
    expect(nextCleanup([cached()], 15_000)).toEqual(NOW)
  })

  test.each<[string, CachedEngine]>([
    ['never had a stream', cached({ lastStreamAt: null })],
    ['was emptied since', cached({ cacheCleanedAt: 10_001 })],
    ['was emptied when its last stream ended', cached({ cacheCleanedAt: 10_000 })],
    ['has a stream', cached({}, { startedStreams: 1 })],
    ['does not run', cached({}, { isRunning: false })],
    ['may have viewers that we do not know of', cached({ adoptedAt: 1 })],
    ['starts', cached({ status: 'starting' })],
    ['drains', cached({ status: 'draining' })],
    ['is launched anew', cached({ status: 'provisioning' })],
  ])('is let alone when it %s', (_, each) => {
    expect(nextCleanup([each], 1_000_000)).toEqual(NEVER)
  })

  test('is emptied again after each use', () => {
    expect(nextCleanup([cached({ cacheCleanedAt: 9_999 })], 15_000)).toEqual(NOW)
  })
})

describe('among several', () => {
  const early = cached({ id: 'early', lastStreamAt: 5_000 })
  const late = cached({ id: 'late', lastStreamAt: 20_000 })

  test('the one that has waited longest is first', () => {
    expect(nextCleanup([late, early], 60_000).engineId).toBe('early')
    expect(nextCleanup([late, cached({}, { startedStreams: 1 })], 60_000).engineId).toBe('late')
  })

  test('the next that will be due says when', () => {
    expect(nextCleanup([late, early], 0)).toEqual({ engineId: null, wakeAtMs: 10_000 })
    expect(nextCleanup([], 0)).toEqual(NEVER)
  })
})

describe('after an attempt without success', () => {
  test('that failed, it waits for the next use or the next start', () => {
    const tried = cached()
    const attempt = failedAttempt(tried.engine)
    expect(isGivenUp(attempt)).toBe(true)
    expect(nextCleanup([{ ...tried, attempt }], 1e12)).toEqual(NEVER)
    expect(nextCleanup([cached({ lastStreamAt: 20_000 }, { attempt })], 25_000)).toEqual(NOW)
    expect(nextCleanup([cached({ containerStartedAt: 12_000 }, { attempt })], 15_000)).toEqual(NOW)
  })

  test('that was not answered, it is tried again half a minute later, three times in all', () => {
    const { engine: tried } = cached()
    const first = unansweredAttempt(null, tried, 15_000)
    expect(nextCleanup([cached({}, { attempt: first })], 44_999)).toEqual({
      engineId: null,
      wakeAtMs: 45_000,
    })
    expect(nextCleanup([cached({}, { attempt: first })], 45_000)).toEqual(NOW)
    const second = unansweredAttempt(first, tried, 45_000)
    expect(nextCleanup([cached({}, { attempt: second })], 75_000)).toEqual(NOW)
    const third = unansweredAttempt(second, tried, 75_000)
    expect([isGivenUp(first), isGivenUp(second), isGivenUp(third)]).toEqual([false, false, true])
    expect(nextCleanup([cached({}, { attempt: third })], 1e12)).toEqual(NEVER)
  })

  test('that was not answered, another use counts anew', () => {
    const { engine: tried } = cached()
    const twice = unansweredAttempt(unansweredAttempt(null, tried, 15_000), tried, 45_000)
    const { engine: usedAgain } = cached({ lastStreamAt: 50_000 })
    expect(unansweredAttempt(twice, usedAgain, 60_000)).toMatchObject({ unanswered: 1, retryAtMs: 90_000 })
  })
})
