import { closedBreaker } from '../../core/provisioning/breaker.ts'
import { type Engine, isLive } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { BREAKERS, type BreakerName, saveBreaker } from '../../store/breakers.ts'
import { transition, updateEngine } from '../../store/engines.ts'
import { clearScaleOrder, type ScaleOrder, setScaleOrder, storedOrder } from '../../store/fleet-orders.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import { freeTrial } from '../engines/breaker-notes.ts'
import { engineNamed } from '../engines/references.ts'
import { EngineNotRunning, NotFound } from '../errors.ts'

/** What came of undoing an order. */
interface Unscaled {
  /** Whether there was an order. */
  readonly isUndone: boolean
  /** How many engines are kept from now on. */
  readonly replicas: number
}

/**
 * Takes orders of operators about the number of engines, about one engine and about the breakers. The reconciler acts on
 * them.
 */
export class Operator {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly minReplicas: number
      readonly maxReplicas: number
      /** Is called when an order about the number of engines was committed, before its answer. */
      readonly onOrder: () => void
    },
  ) {}

  /**
   * Sets how many engines are kept, in place of `MIN_REPLICAS`. Returns the number, at most `MAX_REPLICAS`. Idle engines
   * beyond it that exist now are drained, even without `AUTO_DELETE`. The order survives restarts, until it is undone.
   */
  scale(requested: number): number {
    const { store, clock, minReplicas, maxReplicas, onOrder } = this.deps
    const replicas = Math.min(requested, maxReplicas)
    const atMs = clock.now()
    store.transact((tx) => {
      setScaleOrder(tx, { replicas, minReplicas, atMs })
      appendJournal(tx, atMs, { kind: 'fleet.scaled', detail: { requested, replicas } })
    })
    onOrder()
    return replicas
  }

  /** Undoes the last `scale`, so that `MIN_REPLICAS` holds again. Changes nothing if there is none. */
  unscale(): Unscaled {
    const { minReplicas, maxReplicas } = this.deps
    const isUndone = this.#endOrder('an operator undid the order', () => true)
    return { isUndone, replicas: Math.min(minReplicas, maxReplicas) }
  }

  /** Ends an order that was given under another `MIN_REPLICAS`, so that it does not come back with that value. */
  endVoidOrder(): void {
    this.#endOrder('MIN_REPLICAS was changed', (order) => order.minReplicas !== this.deps.minReplicas)
  }

  #endOrder(reason: string, isMeant: (order: ScaleOrder) => boolean): boolean {
    const { store, clock, minReplicas, onOrder } = this.deps
    const isEnded = store.transact((tx) => {
      const order = storedOrder(tx)
      if (order === null || !isMeant(order)) return false
      clearScaleOrder(tx)
      appendJournal(tx, clock.now(), {
        kind: 'fleet.scale_undone',
        detail: { replicas: minReplicas, reason },
      })
      return true
    })
    if (isEnded) onOrder()
    return isEnded
  }

  /**
   * Drains an engine: it is hidden at once and removed when its streams have ended. A repeated order changes nothing. Throws
   * NotFound, InvalidRequest if the id is too short or ambiguous, or EngineNotRunning if the engine is still being
   * provisioned.
   */
  drain(idOrName: string): Engine {
    const { store, clock } = this.deps
    return store.transact((tx): Engine => {
      const engine = engineNamed(tx, idOrName)
      if (engine === undefined || !isLive(engine)) throw new NotFound(`no engine ${idOrName}`)
      if (engine.status === 'provisioning') throw new EngineNotRunning(engine.name)
      if (engine.removalRequestedAt !== null || engine.drainCause === 'operator') return engine
      const now = clock.now()
      const reason = 'an operator drains it'
      const change = {
        drainCause: 'operator',
        drainingSince: engine.drainingSince ?? now,
        reason,
        // No caller may get the engine any more.
        unclaimedSince: null,
        claimKey: null,
      } as const
      if (engine.status === 'draining') updateEngine(tx, engine.id, change)
      else transition(tx, engine.id, ['starting', 'ready'], 'draining', change)
      // The engine will not show any more whether its kind works.
      freeTrial(tx, engine, now)
      appendJournal(tx, now, {
        kind: 'engine.draining',
        engineId: engine.id,
        detail: { cause: 'operator', reason },
      })
      return { ...engine, ...change, status: 'draining' }
    })
  }

  /** Closes one breaker, or all if `name` is null. Returns a sentence for the operator. */
  resetBreakers(name: BreakerName | null): string {
    const { store, clock } = this.deps
    const names = name === null ? BREAKERS : [name]
    store.transact((tx) => {
      for (const each of names) {
        saveBreaker(tx, each, closedBreaker)
        appendJournal(tx, clock.now(), {
          kind: 'breaker.closed',
          detail: { name: each, reason: 'reset by an operator' },
        })
      }
    })
    return `Circuit breaker reset: ${names.join(', ')}`
  }
}
