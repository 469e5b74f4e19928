import { type Engine, isRunning } from '../core/types.ts'
import type { ContainerObservation } from '../runtime/runtime.ts'
import { transition, updateEngine } from '../store/engines.ts'
import { appendJournal } from '../store/journal.ts'
import type { Db } from '../store/store.ts'
import { endStream, startedStreamsOf } from '../store/streams.ts'

/** What an observation of a live engine's container changes; null where it confirms what is known. */
export function observedChange(engine: Engine, seen: ContainerObservation): ObservedChange | null {
  const startedAt = seen.startedAtMs ?? engine.containerStartedAt
  const isRestarted = engine.containerStartedAt !== null && startedAt !== engine.containerStartedAt
  const change = {
    containerState: seen.state,
    containerStartedAt: startedAt,
    // A stopped container has no address; the last one is of no use either.
    address: seen.address,
    networks: seen.networks,
  }
  const isSame =
    !isRestarted &&
    change.containerState === engine.containerState &&
    change.containerStartedAt === engine.containerStartedAt &&
    change.address === engine.address &&
    change.networks.join() === engine.networks.join()
  return isSame ? null : { change, isRestarted }
}

interface ObservedChange {
  readonly change: Pick<Engine, 'containerState' | 'containerStartedAt' | 'address' | 'networks'>
  readonly isRestarted: boolean
}

/**
 * Writes what was seen. A container that stopped or was started anew has lost its sessions, so its streams end with
 * that reason; one that runs anew has yet to give its first answer.
 */
export function applyObserved(tx: Db, engine: Engine, observed: ObservedChange, nowMs: number): void {
  const { change, isRestarted } = observed
  const runsNow = change.containerState === 'running'
  const wasUp = isRunning(engine) || engine.containerState === 'paused'
  const stopped = wasUp && !runsNow && change.containerState !== 'paused'
  updateEngine(tx, engine.id, change)
  if (stopped) noteStopped(tx, engine, change.containerState ?? 'exited', nowMs)
  const startedAnew = runsNow && (isRestarted || !wasUp)
  if (!startedAnew || engine.containerStartedAt === null) return
  endStreams(tx, engine.id, 'engine_restarted', nowMs)
  if (engine.status === 'ready') transition(tx, engine.id, ['ready'], 'starting')
  appendJournal(tx, nowMs, { kind: 'engine.started', engineId: engine.id })
}

/** Writes that a container stopped. */
function noteStopped(tx: Db, engine: Engine, state: string, nowMs: number): void {
  endStreams(tx, engine.id, 'engine_stopped', nowMs)
  appendJournal(tx, nowMs, { kind: 'engine.stopped', engineId: engine.id, detail: { state } })
}

/** Ends what an engine had in the books; gives how many streams that were. */
export function endStreams(tx: Db, engineId: string, reason: string, nowMs: number): number {
  const ended = startedStreamsOf(tx, engineId).filter(({ rowId }) => endStream(tx, rowId, nowMs, reason))
  for (const { streamId } of ended)
    appendJournal(tx, nowMs, { kind: 'stream.ended', engineId, streamId, detail: { reason } })
  if (ended.length > 0) updateEngine(tx, engineId, { lastStreamAt: nowMs })
  return ended.length
}
