import type { Engine } from '../types.ts'

/**
 * How long a stream is expected on an engine that a proxy has chosen or was given. acexy reports a stream when the engine
 * has answered, which may take 20 seconds, and may have read its list 2 seconds before.
 */
export const EXPECTED_MS = 25_000

/** The streams that are expected on one engine. */
export interface Expected {
  /** At least 1. */
  readonly streams: number
  /** Whether a caller was given the engine by a POST; if not, a proxy has chosen it from a list. */
  readonly isHandedOut: boolean
  /** When the newest of them was chosen or given, and until when it is expected. */
  readonly sinceMs: number
  readonly untilMs: number
}

type GivenEngine = Pick<Engine, 'handedOutAt' | 'unclaimedSince' | 'lastStreamAt' | 'failedAttemptAt'>

/** Adds up what is expected on an engine: by the times of choices that count, and by the row. Null if nothing is. */
export function expectedOn(engine: GivenEngine, choices: readonly number[], nowMs: number): Expected | null {
  const givenMs = givenAtMs(engine, nowMs)
  const counted = choices.filter((atMs) => isExpected(atMs, nowMs))
  const times = [...counted, ...(givenMs === null ? [] : [givenMs])]
  if (times.length === 0) return null
  const sinceMs = Math.max(...times)
  return {
    streams: times.length,
    isHandedOut: givenMs !== null,
    sinceMs,
    untilMs: sinceMs + EXPECTED_MS,
  }
}

/** Whether a stream is still expected of a choice at that time. */
export const isExpected = (atMs: number, nowMs: number): boolean => nowMs - atMs < EXPECTED_MS

/** When a caller was given the engine, if its stream is still expected; else null. */
function givenAtMs(engine: GivenEngine, nowMs: number): number | null {
  const { handedOutAt, unclaimedSince, lastStreamAt, failedAttemptAt } = engine
  if (handedOutAt === null || unclaimedSince !== null || !isExpected(handedOutAt, nowMs)) return null
  const isReported = Math.max(lastStreamAt ?? 0, failedAttemptAt ?? 0) >= handedOutAt
  return isReported ? null : handedOutAt
}

/** An engine of a list, with its last use and what is expected on it. */
interface Use {
  readonly usedMs: number | null
  readonly expected: Pick<Expected, 'sinceMs'> | null
}

/**
 * The times of last use that a proxy is shown, in the order of the engines. An engine with an expected stream counts as used
 * later than all engines without one, and later than engines on which one is expected for longer.
 */
export function shownUses(engines: readonly Use[]): readonly (number | null)[] {
  const newestMs = Math.max(0, ...engines.map(({ usedMs }) => usedMs ?? 0))
  const times = engines.flatMap(({ expected }) => expected?.sinceMs ?? []).toSorted((a, b) => a - b)
  return engines.map(({ usedMs, expected }) =>
    expected === null
      ? usedMs
      : Math.max(expected.sinceMs, newestMs + 1 + times.lastIndexOf(expected.sinceMs)),
  )
}
