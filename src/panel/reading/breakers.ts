import type { Health } from '../api/types.ts'
import type { Answer } from './verdict.ts'
import { duration, msOf } from './words.ts'

type Breaker = Health['circuit_breakers']['general']

/** How a circuit breaker stands, and until when, by the server's time. */
export function breakerAnswer(breaker: Breaker, nowMs: number): Answer {
  const { state, failure_count: failures, failure_threshold: most, trial_engine_id: trial } = breaker
  const remedy = null
  if (state === 'half_open') {
    const text = trial === null ? 'the next engine that starts is the trial' : 'one trial running'
    return { tone: 'warn', word: 'Half-open', text, remedy }
  }
  if (state === 'open') {
    const nextMs = msOf(breaker.next_try)
    const next =
      nextMs === null
        ? ''
        : nextMs > nowMs
          ? `; one trial in ${duration(nextMs - nowMs)}`
          : '; one trial is due'
    return { tone: 'bad', word: 'Open', text: `starts are refused${next}`, remedy }
  }
  const text = failures === 0 ? 'starts are allowed' : `${failures} of ${most} failures in a row`
  return { tone: failures === 0 ? 'ok' : 'warn', word: 'Closed', text, remedy }
}
