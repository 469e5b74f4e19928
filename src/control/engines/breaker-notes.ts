import {
  type Breaker,
  type BreakerSettings,
  withFailure,
  withoutTrial,
  withStart,
  withSuccess,
} from '../../core/provisioning/breaker.ts'
import type { Engine } from '../../core/types.ts'
import { type BreakerName, breakerNamed, saveBreaker } from '../../store/breakers.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Db } from '../../store/store.ts'

/*
 * What happens to engines, told to their breaker in the transaction that makes it so. Engines that take the place of others
 * have a breaker of their own: if they fail, those that are there had better be left alone.
 *
 * Only engines as the template makes them count. What comes of an image or an environment of a caller's own says nothing of the
 * engines of all others, and whoever sends some must not close provisioning for them, nor open it, nor take the place of the trial.
 * A breaker that is open refuses such a request all the same: it says that this host starts no engines at present, and nobody knows
 * whether the template or the host is to blame. While a trial is awaited (half-open, its place free) they are let through beside it,
 * or a fleet that only has such requests would never be served again.
 */

/** The limits of the breakers, and which engines they are about. */
export type BreakersSettings = Readonly<Record<BreakerName, BreakerSettings>> & {
  /** The `configHash` of an engine that the template makes by itself. */
  readonly templateHash: string
}

type Subject = Pick<Engine, 'id' | 'replaces' | 'configHash' | 'request' | 'adoptedAt'>

/**
 * Whether an engine shows by its fate what others will meet. Labels and a port change nothing in a container. How one was asked for
 * that was found without a row nobody knows, and one of an earlier template says nothing of this one.
 */
const isAsTemplate = (
  { configHash, request, adoptedAt }: Subject,
  { templateHash }: BreakersSettings,
): boolean => configHash === templateHash && Object.keys(request.env).length === 0 && adoptedAt === null

/** The breaker that an engine's start is subject to. */
export const breakerOf = ({ replaces }: Pick<Engine, 'replaces'>): BreakerName =>
  replaces === null ? 'general' : 'replacement'

/** An engine is begun: it is the trial if the breaker is half-open, and it counts. */
export function noteStart(tx: Db, engine: Subject, nowMs: number, settings: BreakersSettings): void {
  if (!isAsTemplate(engine, settings)) return
  change(tx, engine, nowMs, (breaker, name) => withStart(breaker, engine.id, nowMs, settings[name]))
}

/** An engine failed by its own fault before it was ever ready. */
export const noteFault = (tx: Db, engine: Subject, nowMs: number, settings: BreakersSettings): void =>
  noteVerdict(tx, engine, nowMs, settings, withFailure)

/** An engine became ready. */
export const noteSuccess = (tx: Db, engine: Subject, nowMs: number, settings: BreakersSettings): void =>
  noteVerdict(tx, engine, nowMs, settings, withSuccess)

/** One that does not count may have been the trial under an earlier template: then its place is free. */
function noteVerdict(
  tx: Db,
  engine: Subject,
  nowMs: number,
  settings: BreakersSettings,
  verdict: typeof withFailure | typeof withSuccess,
): void {
  if (isAsTemplate(engine, settings))
    change(tx, engine, nowMs, (breaker, name) => verdict(breaker, engine.id, nowMs, settings[name]))
  else freeTrial(tx, engine, nowMs)
}

/** An engine ended without a verdict on its kind: if it was the trial, another may be. */
export const freeTrial = (tx: Db, engine: Pick<Engine, 'id' | 'replaces'>, nowMs: number): void =>
  change(tx, engine, nowMs, (breaker) => withoutTrial(breaker, engine.id))

function change(
  tx: Db,
  engine: Pick<Engine, 'id' | 'replaces'>,
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
