import {
  type Breaker,
  type BreakerSettings,
  withFailure,
  withoutTrial,
  withStart,
  withSuccess,
} from '../core/breaker.ts'
import type { Engine } from '../core/types.ts'
import { type BreakerName, breakerNamed, saveBreaker } from '../store/breakers.ts'
import { appendJournal } from '../store/journal.ts'
import type { Db } from '../store/store.ts'

/*
 * What happens to engines, told to their breaker in the transaction that makes it so. Engines that take the place of others
 * have a breaker of their own: if they fail, those that are there had better be left alone.
 */

export type BreakersSettings = Readonly<Record<BreakerName, BreakerSettings>>

type Subject = Pick<Engine, 'id' | 'replaces'>

/** The breaker that an engine's start is subject to. */
export const breakerOf = ({ replaces }: Pick<Engine, 'replaces'>): BreakerName =>
  replaces === null ? 'general' : 'replacement'

/** An engine is begun: it is the trial if the breaker is half-open. */
export const noteStart = (tx: Db, engine: Subject, nowMs: number, settings: BreakersSettings): void =>
  change(tx, engine, nowMs, (breaker, name) => withStart(breaker, engine.id, nowMs, settings[name]))

/** An engine failed by its own fault before it was ever ready. */
export const noteFault = (tx: Db, engine: Subject, nowMs: number, settings: BreakersSettings): void =>
  change(tx, engine, nowMs, (breaker, name) => withFailure(breaker, engine.id, nowMs, settings[name]))

/** An engine became ready. */
export const noteSuccess = (tx: Db, engine: Subject, nowMs: number, settings: BreakersSettings): void =>
  change(tx, engine, nowMs, (breaker, name) => withSuccess(breaker, engine.id, nowMs, settings[name]))

/** An engine ended without a verdict on its kind: if it was the trial, another may be. */
export const freeTrial = (tx: Db, engine: Subject, nowMs: number): void =>
  change(tx, engine, nowMs, (breaker) => withoutTrial(breaker, engine.id))

function change(
  tx: Db,
  engine: Subject,
  nowMs: number,
  next: (breaker: Breaker, name: BreakerName) => Breaker,
): void {
  const name = breakerOf(engine)
  const before = breakerNamed(tx, name)
  const after = next(before, name)
  if (after === before) return
  saveBreaker(tx, name, after)
  if (after.state === before.state) return
  const { failures } = after
  if (after.state === 'open')
    appendJournal(tx, nowMs, { kind: 'breaker.opened', engineId: engine.id, detail: { name, failures } })
  if (after.state === 'closed')
    appendJournal(tx, nowMs, {
      kind: 'breaker.closed',
      engineId: engine.id,
      detail: { name, reason: 'an engine became ready' },
    })
}
