import { permanent } from '../../core/provisioning/refusal.ts'
import { type Engine, isLive } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { engineById, transition, updateEngine } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import { freeTrial } from '../engines/breaker-notes.ts'
import { endEngine, endStreams } from '../engines/endings.ts'
import { containerNamed, engineNamed } from '../engines/references.ts'
import { CONTAINER_NOT_FOUND, NotFound } from '../errors.ts'
import type { InHand } from '../facts/in-hand.ts'
import type { Launches } from '../provisioning/launches.ts'
import { isEngineContainer } from './adoption.ts'
import type { Installation } from './installation.ts'

export interface RemoverDeps {
  readonly store: Store
  readonly clock: Clock
  readonly runtime: Runtime
  readonly installation: Pick<Installation, 'isOurs'>
  readonly launches: Pick<Launches, 'settled'>
  readonly inHand: InHand
}

const DELETED = 'an operator deleted it'

/**
 * Removes our containers at once, by an operator's order. The order is written first: from then on an engine is hidden, and
 * if Docker can't be asked, every full pass tries again.
 */
export class Remover {
  readonly #removing = new Map<string, Promise<void>>()

  constructor(private readonly deps: RemoverDeps) {}

  /**
   * Removes by container id (whole, or its first 12 characters or more), name or engine id. Returns the container's id.
   * Throws NotFound if there is no such container of ours, InvalidRequest if the id is too short or ambiguous, and
   * RuntimeFailure if Docker can't be asked (the order to remove an engine stays in force).
   */
  async remove(idOrName: string): Promise<string> {
    const engine = engineNamed(this.deps.store.db, idOrName)
    if (engine) {
      await this.#join(engine)
      return engine.containerId ?? engine.id
    }
    const { runtime, installation } = this.deps
    const ours = (await runtime.list()).filter((container) => installation.isOurs(container))
    const seen = containerNamed(ours, idOrName)
    if (seen === undefined) throw new NotFound(CONTAINER_NOT_FOUND)
    this.deps.store.assertWritable()
    // An engine's container without a live row is a stray, so it may be removed as well.
    await runtime.destroy(seen.id)
    if (!isEngineContainer(seen)) this.#noteGeneric(seen.id, seen.name)
    return seen.id
  }

  #join(engine: Engine): Promise<void> {
    const running = this.#removing.get(engine.id)
    if (running) return running
    const { inHand } = this.deps
    const othersAreDone = inHand.whenFree(engine.id)
    const removal = inHand
      .during(engine.id, () => this.#removeEngine(engine, othersAreDone))
      .finally(() => this.#removing.delete(engine.id))
    this.#removing.set(engine.id, removal)
    return removal
  }

  async #removeEngine(asked: Engine, othersAreDone: Promise<void>): Promise<void> {
    const { store, clock, runtime, launches } = this.deps
    const engineId = asked.id
    const reason = DELETED
    store.transact((tx) => {
      const now = clock.now()
      updateEngine(tx, engineId, { removalRequestedAt: now, reason })
      transition(tx, engineId, ['starting', 'ready'], 'draining')
      endStreams(tx, engineId, 'engine_deleted', now)
      // The engine will not show any more whether its kind works, and its removal may take long.
      freeTrial(tx, asked, now)
      appendJournal(tx, now, { kind: 'engine.removal_requested', engineId })
    })
    await othersAreDone
    const engine = engineById(store.db, engineId)
    if (engine === undefined || !isLive(engine)) return
    if (engine.containerId !== null) await runtime.destroy(engine.containerId)
    store.transact((tx) => endEngine(tx, engineId, { kind: 'gone', reason }, clock.now()))
    // A caller that still waits for a launch of unknown outcome gets an answer now.
    launches.settled(engineId, { kind: 'failed', refusal: permanent(reason) })
  }

  #noteGeneric(containerId: string, name: string): void {
    const { store, clock } = this.deps
    const detail = { container_id: containerId, name, reason: DELETED }
    store.transact((tx) => appendJournal(tx, clock.now(), { kind: 'container.reaped', detail }))
  }
}
