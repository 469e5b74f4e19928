import type { PlanRule } from '../../core/plan/fleet-snapshot.ts'
import type { Refusal } from '../../core/provisioning/refusal.ts'
import type { OurEndReason } from '../../core/streams/end-reasons.ts'
import { type Engine, type EngineStatus, LIVE_STATUSES, type Stream } from '../../core/types.ts'
import type { BreakerName } from '../../store/breakers.ts'
import { engineById, noteStreamEnd, retire } from '../../store/engines.ts'
import { forgetKeysOf } from '../../store/idempotency.ts'
import { appendJournal, type JournalEntry } from '../../store/journal.ts'
import type { Db } from '../../store/store.ts'
import { endStream, startedStreamsOf } from '../../store/streams.ts'
import { type BreakersSettings, freeTrial, noteFault } from './breaker-notes.ts'

/*
 * Ends engines and streams with everything that belongs to them, in the given transaction. Only this file makes an engine
 * history.
 */

/** If the engine itself is at fault, the settings by which its breaker counts that; otherwise null. */
type Fault = BreakersSettings | null

/**
 * How an engine ended; `ENDS` says what follows from each kind. `gone`: its container no longer exists, whoever removed it.
 * `failed`: it did not work, by a rule of the plan, and its container was removed. `provision_failed`: it could not be
 * started. `provision_undone`: its provision was interrupted, and what there was of it was removed.
 */
export type EngineEnd =
  | FailedEnd
  | ({ readonly reason: string } & (
      | { readonly kind: 'gone' }
      | { readonly kind: 'provision_failed'; readonly code: Refusal['code']; readonly fault: Fault }
      | { readonly kind: 'provision_undone' }
    ))

/** `log` has the last lines of its log, masked, if it never worked. */
export interface FailedEnd {
  readonly kind: 'failed'
  readonly reason: string
  readonly rule: PlanRule
  readonly fault: Fault
  readonly log?: readonly string[]
}

interface Ending {
  readonly from: readonly EngineStatus[]
  readonly to: 'gone' | 'failed'
  readonly entry: JournalEntry['kind']
  readonly streams: OurEndReason
}

const FAILED = { to: 'failed', streams: 'engine_failed' } as const

const ENDS: Readonly<Record<EngineEnd['kind'], Ending>> = {
  gone: { from: LIVE_STATUSES, to: 'gone', entry: 'engine.gone', streams: 'engine_gone' },
  failed: { ...FAILED, from: ['starting', 'ready', 'draining'], entry: 'engine.failed' },
  provision_failed: { ...FAILED, from: ['provisioning'], entry: 'provision.failed' },
  provision_undone: { ...FAILED, from: ['provisioning'], entry: 'provision.failed' },
}

/**
 * Makes an engine history in the given transaction, by its current row. Releases its leases, ends its streams, clears its
 * marks, frees its place as a trial, and tells its breaker and the journal. Returns false, with nothing changed, if the
 * engine has already ended or is not in a status in which it can end this way.
 */
export function endEngine(tx: Db, engineId: string, end: EngineEnd, nowMs: number): boolean {
  const { from, to, entry, streams } = ENDS[end.kind]
  const engine = engineById(tx, engineId)
  const change = {
    reason: end.reason,
    endedAt: nowMs,
    containerState: null,
    unclaimedSince: null,
    claimKey: null,
  }
  if (engine === undefined || !retire(tx, engineId, from, to, change)) return false
  endStreams(tx, engineId, streams, nowMs)
  // A failed provision frees its key. The key of an engine that did start stays bound to its request, even when the engine
  // is gone.
  if (engine.status === 'provisioning') forgetKeysOf(tx, engineId)
  const breaker = tellBreaker(tx, engine, end, nowMs)
  const counted = breaker === null ? {} : { breaker }
  appendJournal(tx, nowMs, { kind: entry, engineId, detail: { ...detailOf(end), ...counted } })
  return true
}

/**
 * Tells the breaker about an end. An engine that was ready before has shown that its kind works, so only a failed first
 * start counts as a fault. Returns the breaker that counted one; null if none did.
 */
function tellBreaker(tx: Db, engine: Engine, end: EngineEnd, nowMs: number): BreakerName | null {
  const { reason } = end
  const fault = 'fault' in end ? end.fault : null
  if (fault !== null && engine.readyAt === null) return noteFault(tx, engine, { nowMs, reason }, fault)
  freeTrial(tx, engine, nowMs)
  return null
}

function detailOf(end: EngineEnd): Readonly<Record<string, unknown>> {
  const { kind, reason } = end
  if (kind === 'failed') return { rule: end.rule, reason, ...(end.log?.length ? { log: end.log } : {}) }
  return kind === 'provision_failed' ? { code: end.code, reason } : { reason }
}

/** Ends the started streams of an engine, or only those that began before `beforeMs`. Returns how many streams that were. */
export function endStreams(
  tx: Db,
  engineId: string,
  reason: OurEndReason,
  nowMs: number,
  beforeMs = Number.POSITIVE_INFINITY,
): number {
  const lost = startedStreamsOf(tx, engineId).filter(({ startedAt }) => startedAt < beforeMs)
  endInBooks(tx, lost, reason, nowMs)
  return lost.length
}

/** Ends these streams unless they have already ended. Their engines count as used until now. */
export function endInBooks(tx: Db, streams: readonly Stream[], reason: string, nowMs: number): void {
  for (const { rowId, streamId, engineId } of streams) {
    if (!endStream(tx, rowId, nowMs, reason)) continue
    if (engineId !== null) noteStreamEnd(tx, engineId, nowMs)
    appendJournal(tx, nowMs, { kind: 'stream.ended', engineId, streamId, detail: { reason } })
  }
}
