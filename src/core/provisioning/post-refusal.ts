import type { Refusal, RefusalCode } from './refusal.ts'

/**
 * How many sixths of the time that a viewer may wait the ETA of an answer takes at most. acexy tries at once, again after
 * half of the ETA, and a third time after the whole ETA of its second answer. So its tries end in time if every answer names
 * at most four sixths. What tends to pass sooner is tried again sooner.
 */
const SIXTHS_MAX = 4
const SIXTHS: Readonly<Partial<Record<RefusalCode, number>>> = {
  storage_unavailable: 3,
  max_capacity: 3,
  no_free_port: 3,
  runtime_unavailable: 2,
}

/**
 * The refusal with which a POST is answered, made from the honest one that the status shows. acexy holds its viewer for 1.5
 * times the ETA of the answer, so the ETA is shortened until acexy's three tries end within `viewerWaitSeconds` (a whole
 * number, at least 3). A breaker tells exactly when it lets the next engine through: where that is too late, the answer says
 * not to wait and keeps the honest ETA, so that acexy tells its viewer at once when to come back. An answer that says to
 * wait has an ETA of at least 1 s, because acexy takes 0 for no wait at all.
 */
export function postRefusal(refusal: Refusal, viewerWaitSeconds: number): Refusal {
  const { code, etaSeconds, shouldWait } = refusal
  if (!shouldWait || etaSeconds === null) return refusal
  const most = Math.floor((viewerWaitSeconds * (SIXTHS[code] ?? SIXTHS_MAX)) / 6)
  if (code === 'circuit_breaker') return etaSeconds <= most ? refusal : { ...refusal, shouldWait: false }
  // A place becomes free when a viewer leaves, of which the honest ETA knows nothing.
  const eta = code === 'max_capacity' ? most : Math.min(etaSeconds, most)
  return { ...refusal, etaSeconds: Math.max(1, eta) }
}
