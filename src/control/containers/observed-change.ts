import { withRestarts } from '../../core/engines/restarts.ts'
import type { OurEndReason } from '../../core/streams/end-reasons.ts'
import { type Engine, hasStopped, isRunning, type StopCause } from '../../core/types.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import { transition, updateEngine } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Db } from '../../store/store.ts'
import { freeTrial } from '../engines/breaker-notes.ts'
import { endStreams } from '../engines/endings.ts'
import { isUsableName } from './found-values.ts'

/** What an observation changes in the row of a live engine; null if it confirms the row. */
export function observedChange(engine: Engine, seen: ContainerObservation): ObservedChange | null {
  const startedAt = seen.startedAtMs ?? engine.containerStartedAt
  const isRestarted = engine.containerStartedAt !== null && startedAt !== engine.containerStartedAt
  const restartCount = seen.restarts ?? engine.restartCount
  const change = {
    // Somebody may have renamed the container, and proxies in its network find it by its name.
    name: isUsableName(seen.name) ? seen.name : engine.name,
    imageId: seen.imageId ?? engine.imageId,
    containerState: seen.state,
    containerStartedAt: startedAt,
    // A stopped container has no address, and its last address is of no use.
    address: seen.address,
    networks: seen.networks,
    networkContainerId: seen.joins,
    host: seen.host ?? engine.host,
    restartCount,
  }
  const isSame =
    !isRestarted &&
    change.name === engine.name &&
    change.imageId === engine.imageId &&
    change.containerState === engine.containerState &&
    change.containerStartedAt === engine.containerStartedAt &&
    change.address === engine.address &&
    change.networks.join() === engine.networks.join() &&
    change.networkContainerId === engine.networkContainerId &&
    change.host?.id === engine.host?.id &&
    change.host?.address === engine.host?.address &&
    // A lower restart count means that the container was started by hand; its start time tells that as well.
    restartCount <= engine.restartCount
  return isSame ? null : { change, isRestarted }
}

interface ObservedChange {
  readonly change: Pick<
    Engine,
    | 'name'
    | 'imageId'
    | 'containerState'
    | 'containerStartedAt'
    | 'address'
    | 'networks'
    | 'networkContainerId'
    | 'host'
    | 'restartCount'
  >
  readonly isRestarted: boolean
}

/** How a container stopped. */
interface Stop {
  readonly cause: StopCause
  /** True if Docker was away, which is then the likely cause. */
  readonly isByDocker: boolean
  /** True if the container's host is being drained, which stops everything there. */
  readonly isByDrain: boolean
}

const isByOutage = ({ cause, isByDocker }: Stop): boolean => cause === 'outage' && isByDocker

/** Why the streams of a container end that stopped; `otherwise` if nothing outside the container explains it. */
function endReason(stop: Stop, otherwise: 'engine_stopped' | 'engine_restarted'): OurEndReason {
  if (stop.isByDrain) return 'host_drained'
  return isByOutage(stop) ? 'docker_outage' : otherwise
}

/**
 * Writes an observed change. A container that stopped or restarted has lost its sessions, so its streams end with that
 * reason. An engine that runs again has yet to give its first answer. `stop` says how the container stopped, if it did.
 */
export function applyObserved(
  tx: Db,
  engine: Engine,
  observed: ObservedChange,
  stop: Stop,
  nowMs: number,
): void {
  const { change, isRestarted } = observed
  const runsNow = change.containerState === 'running'
  const wasUp = isRunning(engine) || engine.containerState === 'paused'
  const stopped = wasUp && !runsNow && change.containerState !== 'paused'
  updateEngine(tx, engine.id, {
    ...change,
    ...stopNoted(engine, change.containerState, stop.cause, nowMs),
    restartsAt: withRestarts(engine.restartsAt, restartsOf(engine), restartsOf(change), nowMs),
  })
  if (change.name !== engine.name) {
    const detail = { from: engine.name, to: change.name }
    appendJournal(tx, nowMs, { kind: 'engine.renamed', engineId: engine.id, detail })
  }
  // Nobody knows how long a pause lasts, and a trial has to run.
  if (change.containerState === 'paused') freeTrial(tx, engine, nowMs)
  if (stopped) noteStopped(tx, engine, change.containerState ?? 'exited', stop, nowMs)
  const startedAnew = runsNow && (isRestarted || !wasUp)
  if (!startedAnew || engine.containerStartedAt === null) return
  // Streams that began after the restart are on the new process, even if the restart is noticed only now.
  const reason = endReason(stop, 'engine_restarted')
  endStreams(tx, engine.id, reason, nowMs, Math.min(change.containerStartedAt ?? nowMs, nowMs))
  // Viewers from before the adoption lost their stream with the restart.
  if (engine.adoptedAt !== null) updateEngine(tx, engine.id, { adoptedAt: null })
  if (engine.status === 'ready') transition(tx, engine.id, ['ready'], 'starting')
  appendJournal(tx, nowMs, { kind: 'engine.started', engineId: engine.id })
}

const restartsOf = (engine: Pick<Engine, 'restartCount' | 'containerStartedAt'>) => ({
  count: engine.restartCount,
  startedAtMs: engine.containerStartedAt,
})

/** A stopped container keeps the time and the cause from the first look that saw it stopped. */
function stopNoted(
  engine: Engine,
  state: Engine['containerState'],
  stopCause: StopCause,
  nowMs: number,
): Partial<Pick<Engine, 'stoppedAt' | 'stopCause'>> {
  if (!hasStopped(state)) return { stoppedAt: null, stopCause: null }
  return engine.stoppedAt === null ? { stoppedAt: nowMs, stopCause } : {}
}

/** Ends the streams of a container that stopped and writes the journal entry. */
function noteStopped(tx: Db, engine: Engine, state: string, stop: Stop, nowMs: number): void {
  const { cause } = stop
  endStreams(tx, engine.id, endReason(stop, 'engine_stopped'), nowMs)
  appendJournal(tx, nowMs, { kind: 'engine.stopped', engineId: engine.id, detail: { state, cause } })
}
