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
 * Tells breakers what happens to engines, in the transaction that changes the engine. Engines that replace others have a
 * breaker of their own: if replacements fail, the existing engines had better be left alone.
 *
 * Only engines that are made exactly as the template says count. An engine with a caller's own image or environment says
 * nothing about other engines. Such a caller must not open or close the breaker for others, nor take the place of the trial.
 * An open breaker still refuses such a request: it means that this host starts no engines at present, and nobody knows
 * whether the template or the host is the cause. While a half-open breaker waits for a trial, such a request is admitted
 * beside the trial. Otherwise a fleet that only gets such requests would never be served again.
 */

/** The limits of the breakers, and which engines count. */
export type BreakersSettings = Readonly<Record<BreakerName, BreakerSettings>> & {
  /** The `configHash` of an engine that is made by the template alone. */
  readonly templateHash: string
}

type Subject = Pick<Engine, 'id' | 'replaces' | 'configHash' | 'request' | 'adoptedAt'>

/**
 * Whether what happens to an engine says something about other engines. Labels and a port change nothing in a container.
 * Nobody knows how an adopted engine was requested, and an engine of an earlier template says nothing about the present one.
 */
const isAsTemplate = (
  { configHash, request, adoptedAt }: Subject,
  { templateHash }: BreakersSettings,
): boolean => configHash === templateHash && Object.keys(request.env).length === 0 && adoptedAt === null

/** The breaker that an engine's start is subject to. */
export const breakerOf = ({ replaces }: Pick<Engine, 'replaces'>): BreakerName =>
  replaces === null ? 'general' : 'replacement'

/** Notes that an engine is begun. If the engine counts and the breaker is half-open, it becomes the trial. */
export function noteStart(tx: Db, engine: Subject, nowMs: number, settings: BreakersSettings): void {
  if (!isAsTemplate(engine, settings)) return
  change(tx, engine, nowMs, (breaker, name) => withStart(breaker, engine.id, nowMs, settings[name]))
}

/**
 * Notes that an engine failed by its own fault, for this reason, before it was ever ready. Returns the breaker that counted
 * it; null if the engine does not count.
 */
export function noteFault(
  tx: Db,
  engine: Subject,
  { nowMs, reason }: { readonly nowMs: number; readonly reason: string },
  settings: BreakersSettings,
): BreakerName | null {
  noteVerdict(tx, engine, nowMs, settings, (breaker, engineId, ...rest) =>
    withFailure(breaker, { engineId, reason }, ...rest),
  )
  return isAsTemplate(engine, settings) ? breakerOf(engine) : null
}

/** Notes that an engine became ready. */
export const noteSuccess = (tx: Db, engine: Subject, nowMs: number, settings: BreakersSettings): void =>
  noteVerdict(tx, engine, nowMs, settings, withSuccess)

/**
 * Notes a verdict. An engine that does not count may be the trial of an earlier template; then the place of the trial is
 * freed.
 */
function noteVerdict(
  tx: Db,
  engine: Subject,
  nowMs: number,
  settings: BreakersSettings,
  verdict: typeof withSuccess,
): void {
  if (isAsTemplate(engine, settings))
    change(tx, engine, nowMs, (breaker, name) => verdict(breaker, engine.id, nowMs, settings[name]))
  else freeTrial(tx, engine, nowMs)
}

/** Notes that an engine ended without a verdict. If it was the trial, another engine may be the trial. */
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
