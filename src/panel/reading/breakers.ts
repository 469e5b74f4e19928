import type { Health } from '../api/types.ts'
import type { Answer } from './verdict.ts'
import { duration } from './words.ts'

type Breaker = Health['circuit_breakers']['general']

/** How a circuit breaker stands, and until when. */
export function breakerAnswer(breaker: Breaker, nowMs: number): Answer {
  const { state, failure_count: failures, failure_threshold: most } = breaker
  const remedy = null
  if (state === 'half_open')
    return { tone: 'warn', word: 'Half-open', text: 'one engine may start, as a trial', remedy }
  if (state === 'open') {
    // It opened with its last failure or before it, so it can only take less time than that.
    const leftMs = Date.parse(breaker.last_failure_time ?? '') + breaker.recovery_timeout * 1_000 - nowMs
    const left = Number.isNaN(leftMs) ? '' : `; one trial in ${duration(leftMs)}`
    return { tone: 'bad', word: 'Open', text: `starts are refused${left}`, remedy }
  }
  const text = failures === 0 ? 'starts are allowed' : `${failures} of ${most} failures in a row`
  return { tone: failures === 0 ? 'ok' : 'warn', word: 'Closed', text, remedy }
}
