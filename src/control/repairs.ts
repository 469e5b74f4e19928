import type { Action } from '../core/situation.ts'
import { type Engine, hasStopped } from '../core/types.ts'
import { type ContainerObservation, type Runtime, RuntimeFailure } from '../runtime/runtime.ts'
import { engineById, transition } from '../store/engines.ts'
import { appendJournal } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import { type BreakersSettings, freeTrial, noteFault } from './breaker-notes.ts'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'
import { endStreams } from './observe.ts'
import { present } from './settler.ts'

export interface RepairsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly runtime: Runtime
  readonly log: Log
  readonly breakers: BreakersSettings
  /** What the plan of this moment wants done with the engine. */
  readonly actionFor: (engineId: string) => Action | undefined
  readonly lookAt: (containerId: string) => void
}

/** Failures of a start that say that this container will not run here any more. */
const HOPELESS = new Set<RuntimeFailure['code']>(['port_taken', 'refused', 'not_found', 'conflict'])

/**
 * Starts containers that stopped in an outage, and removes engines that do not work. Each takes questions to the
 * container engine, so what is wanted is asked for anew before anything is done.
 */
export class Repairs {
  readonly #inHand = new Set<string>()

  constructor(private readonly deps: RepairsDeps) {}

  /** Whether this engine's container is being started or removed here. */
  isInHand(engineId: string): boolean {
    return this.#inHand.has(engineId)
  }

  /** Throws RuntimeFailure when Docker can't be asked; nothing is written then. */
  async repair(engineId: string): Promise<void> {
    const { deps } = this
    const containerId = engineById(deps.store.db, engineId)?.containerId ?? null
    if (containerId === null || !isRepair(deps.actionFor(engineId))) return
    const seen = await present(deps.runtime.inspect(containerId))
    const action = deps.actionFor(engineId)
    const engine = engineById(deps.store.db, engineId)
    if (!isRepair(action) || engine === undefined) return
    // What is gone, or runs again, is the settler's to note.
    if (seen === null || (isAboutStop(action) && !hasStopped(seen.state))) return deps.lookAt(containerId)
    this.#inHand.add(engineId)
    try {
      await (action.type === 'fail' ? this.#fail(engine, action, seen) : this.#revive(engine, action, seen))
    } finally {
      this.#inHand.delete(engineId)
    }
    deps.lookAt(containerId)
  }

  async #revive(engine: Engine, action: Action, seen: ContainerObservation): Promise<void> {
    const { store, clock, runtime, log } = this.deps
    const { rule, reason } = action
    try {
      await runtime.start(seen.id)
    } catch (error) {
      if (!(error instanceof RuntimeFailure) || !HOPELESS.has(error.code)) throw error
      // A host that refuses is no fault of the engine.
      return this.#remove(engine, { rule, reason: `it could not be started again: ${error.message}` }, seen)
    }
    store.transact((tx) =>
      appendJournal(tx, clock.now(), {
        kind: 'engine.revived',
        engineId: engine.id,
        detail: { rule, reason },
      }),
    )
    log.info({ engine: engine.id, name: engine.name }, `engine started again: ${reason}`)
  }

  #fail(engine: Engine, action: Action, seen: ContainerObservation): Promise<void> {
    return this.#remove(engine, action, seen, engine.status === 'starting' && engine.readyAt === null)
  }

  async #remove(
    engine: Engine,
    { rule, reason }: Pick<Action, 'rule' | 'reason'>,
    seen: ContainerObservation,
    isFault = false,
  ): Promise<void> {
    const { store, clock, runtime, breakers, log } = this.deps
    await runtime.destroy(seen.id)
    store.transact((tx) => {
      const now = clock.now()
      const change = { reason, endedAt: now, containerState: null, unclaimedSince: null }
      if (!transition(tx, engine.id, ['starting', 'ready', 'draining'], 'failed', change)) return
      endStreams(tx, engine.id, 'engine_failed', now)
      if (isFault) noteFault(tx, engine, now, breakers)
      else freeTrial(tx, engine, now)
      appendJournal(tx, now, { kind: 'engine.failed', engineId: engine.id, detail: { rule, reason } })
    })
    log.warn({ engine: engine.id, name: engine.name }, `engine failed: ${reason}`)
  }
}

const isRepair = (action: Action | undefined): action is Action =>
  action?.type === 'fail' || action?.type === 'revive'

/** The rules that hold only as long as the container stands still. */
const isAboutStop = ({ rule }: Action): boolean => rule === 'exited' || rule === 'stopped_in_outage'
