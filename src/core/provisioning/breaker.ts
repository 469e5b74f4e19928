/**
 * A circuit breaker as a stored value. After several engine faults in a row it stops new engines, and after its recovery
 * time it lets one engine through as a trial. Only faults of engines count, never those of the VPN, Docker, an image or a
 * port.
 */
export interface Breaker {
  readonly state: 'closed' | 'open' | 'half_open'
  /** Number of faults in a row. */
  readonly failures: number
  readonly openedAt: number | null
  readonly lastFailureAt: number | null
  /** Why the engine of the last fault failed; null if there was none, or if an earlier version noted it. */
  readonly lastFailureReason: string | null
  readonly lastSuccessAt: number | null
  /** The engine that is the trial while the breaker is half-open; null if there is no trial. */
  readonly trialEngineId: string | null
}

export interface BreakerSettings {
  readonly failureThreshold: number
  readonly recoveryMs: number
}

export const closedBreaker: Breaker = {
  state: 'closed',
  failures: 0,
  openedAt: null,
  lastFailureAt: null,
  lastFailureReason: null,
  lastSuccessAt: null,
  trialEngineId: null,
}

/** The breaker at `nowMs`: an open breaker becomes half-open when its recovery time is over. */
export function breakerAt(breaker: Breaker, nowMs: number, settings: BreakerSettings): Breaker {
  const recovered = breaker.openedAt !== null && nowMs >= breaker.openedAt + settings.recoveryMs
  return breaker.state === 'open' && recovered ? { ...breaker, state: 'half_open' } : breaker
}

/**
 * Whole seconds until the next try, at least 1; null if an engine may be started now. Nobody knows how long a running trial
 * takes, so callers are told `TRIAL_ETA_S`.
 */
export function openForSeconds(breaker: Breaker, nowMs: number, settings: BreakerSettings): number | null {
  const now = breakerAt(breaker, nowMs, settings)
  if (now.state === 'closed') return null
  if (now.state === 'half_open') return now.trialEngineId === null ? null : TRIAL_ETA_S
  return Math.max(1, Math.ceil(((now.openedAt ?? nowMs) + settings.recoveryMs - nowMs) / 1000))
}

const TRIAL_ETA_S = 10

/** An engine is started: it becomes the trial if the breaker is half-open and has none. */
export function withStart(
  breaker: Breaker,
  engineId: string,
  nowMs: number,
  settings: BreakerSettings,
): Breaker {
  const now = breakerAt(breaker, nowMs, settings)
  return now.state === 'half_open' && now.trialEngineId === null ? { ...now, trialEngineId: engineId } : now
}

/** An engine failed, for this reason, before it was ever ready. A failed trial opens the breaker again. */
export function withFailure(
  breaker: Breaker,
  { engineId, reason }: { readonly engineId: string; readonly reason: string },
  nowMs: number,
  settings: BreakerSettings,
): Breaker {
  const now = breakerAt(breaker, nowMs, settings)
  const failures = now.failures + 1
  const failed = { ...now, failures, lastFailureAt: nowMs, lastFailureReason: reason }
  const isTrial = now.state === 'half_open' && now.trialEngineId === engineId
  const trips = isTrial || (now.state === 'closed' && failures >= settings.failureThreshold)
  return trips ? { ...failed, state: 'open', openedAt: nowMs, trialEngineId: null } : failed
}

/**
 * An engine became ready, so engines of its kind work. An engine that was started before the breaker opened does not close
 * it.
 */
export function withSuccess(
  breaker: Breaker,
  engineId: string,
  nowMs: number,
  settings: BreakerSettings,
): Breaker {
  const now = breakerAt(breaker, nowMs, settings)
  if (now.state === 'closed') return { ...now, failures: 0, lastSuccessAt: nowMs }
  const isTrial = now.trialEngineId === engineId
  const { lastFailureAt, lastFailureReason } = now
  return isTrial ? { ...closedBreaker, lastFailureAt, lastFailureReason, lastSuccessAt: nowMs } : now
}

/**
 * The trial ended without a verdict (the engine was deleted or removed from outside): another engine may become the trial.
 */
export const withoutTrial = (breaker: Breaker, engineId: string): Breaker =>
  breaker.trialEngineId === engineId ? { ...breaker, trialEngineId: null } : breaker
