import {
  type Breaker,
  type BreakerSettings,
  withFailure,
  withoutTrial,
  withStart,
  withSuccess,
} from '../core/breaker.ts'
import { breakerNamed, saveBreaker } from '../store/breakers.ts'
import { appendJournal } from '../store/journal.ts'
import type { Db } from '../store/store.ts'

/*
 * What happens to engines, told to the general breaker in the transaction that makes it so.
 */

/** An engine is begun: it is the trial if the breaker is half-open. */
export const noteStart = (tx: Db, engineId: string, nowMs: number, settings: BreakerSettings): void =>
  change(tx, nowMs, (breaker) => withStart(breaker, engineId, nowMs, settings))

/** An engine failed by its own fault before it was ever ready. */
export const noteFault = (tx: Db, engineId: string, nowMs: number, settings: BreakerSettings): void =>
  change(tx, nowMs, (breaker) => withFailure(breaker, engineId, nowMs, settings))

/** An engine became ready. */
export const noteSuccess = (tx: Db, engineId: string, nowMs: number, settings: BreakerSettings): void =>
  change(tx, nowMs, (breaker) => withSuccess(breaker, engineId, nowMs, settings))

/** An engine ended without a verdict on its kind: if it was the trial, another may be. */
export const freeTrial = (tx: Db, engineId: string, nowMs: number): void =>
  change(tx, nowMs, (breaker) => withoutTrial(breaker, engineId))

function change(tx: Db, nowMs: number, next: (breaker: Breaker) => Breaker): void {
  const before = breakerNamed(tx, 'general')
  const after = next(before)
  if (after === before) return
  saveBreaker(tx, 'general', after)
  if (after.state === before.state) return
  if (after.state === 'open')
    appendJournal(tx, nowMs, { kind: 'breaker.opened', detail: { failures: after.failures } })
  if (after.state === 'closed')
    appendJournal(tx, nowMs, { kind: 'breaker.closed', detail: { reason: 'an engine became ready' } })
}
