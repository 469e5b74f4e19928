import type { Action, ActionOf } from '../../core/plan/fleet-snapshot.ts'
import { ProvisionRefused } from '../../core/provisioning/refusal.ts'
import type { Engine } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { engineById, transition, updateEngine } from '../../store/engines.ts'
import { noteReplacement } from '../../store/fleet-orders.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Db, Store } from '../../store/store.ts'
import { freeTrial } from '../engines/breaker-notes.ts'
import { endStreams } from '../engines/endings.ts'
import { plainRequest } from '../engines/template.ts'
import type { LookQueue } from '../facts/look-queue.ts'
import type { Claims } from '../provisioning/claims.ts'
import type { RepairQueue } from './repair-queue.ts'
import { isRepairAction, type RepairAction } from './repairs.ts'
import type { StartBackoff } from './start-backoff.ts'

export interface ExecutorDeps {
  readonly store: Store
  readonly clock: Clock
  readonly claims: Claims
  readonly log: Log
  readonly startBackoff: Pick<StartBackoff, 'launch'>
  readonly looks: Pick<LookQueue, 'lookAt'>
  /** Repairs or removes the containers of engines, which needs calls to Docker. */
  readonly repairs: Pick<RepairQueue, 'add'>
  /** Called for each action that the executor does itself. */
  readonly onAction: (action: Action) => void
}

/**
 * Does the actions of a plan. Each action is one transaction that leaves its rule and reason in the journal. Calls to Docker
 * follow afterwards in other components, and are repeated if they fail.
 */
export class Executor {
  constructor(private readonly deps: ExecutorDeps) {}

  execute(action: Action): void {
    const { store, log, onAction } = this.deps
    const { type, rule, reason } = action
    const engine = 'engineId' in action ? engineById(store.db, action.engineId) : undefined
    // A plan asks for a repair until it is done, so a repair is counted where it begins.
    const isRepair = isRepairAction(action)
    if (!isRepair) onAction(action)
    log[isRepair ? 'debug' : 'info'](
      { action: type, rule, ...(engine === undefined ? {} : { engine: engine.id, name: engine.name }) },
      reason,
    )
    if (isRepair) this.deps.repairs.add(action.engineId)
    else this.#act(action)
  }

  #act(action: Exclude<Action, RepairAction>): void {
    switch (action.type) {
      case 'provision':
        this.#provision(action)
        break
      case 'replace':
        this.#replace(action)
        break
      case 'make_room':
        this.#makeRoom(action)
        break
      case 'drain':
        this.#transact((tx, now) => this.#drain(tx, now, action))
        break
      case 'recall':
        this.#recall(action)
        break
      case 'stop':
        this.#stop(action)
        break
    }
  }

  #provision({ replaces, rule, reason }: ActionOf<'provision'>): void {
    const start = { replaces, startedAhead: rule === 'spare_ahead' }
    this.#launch((tx) => this.#begin(tx, start, { rule, reason, replaces }))
  }

  /**
   * Begins an engine with the request of the engine that it replaces. It gets another port if the requested one is taken by
   * now.
   */
  #begin(
    tx: Db,
    start: Pick<Engine, 'replaces' | 'startedAhead'>,
    detail: Readonly<Record<string, unknown>>,
  ): Engine {
    const { claims } = this.deps
    const { replaces } = start
    const request = (replaces === null ? undefined : engineById(tx, replaces)?.request) ?? plainRequest
    try {
      return claims.own(tx, { request, ...start }, detail)
    } catch (error) {
      const isPort = error instanceof ProvisionRefused && error.refusal.code === 'no_free_port'
      if (!isPort || request.hostPort === null) throw error
      return claims.own(tx, { request: { ...request, hostPort: null }, ...start }, detail)
    }
  }

  #replace({ engineId, cause, rule, reason }: ActionOf<'replace'>): void {
    this.#launch((tx) => {
      const start = { replaces: engineId, startedAhead: false }
      const engine = this.#begin(tx, start, { rule, reason, replaces: engineId })
      this.#noteReplacing(tx, { engineId, cause, rule, reason })
      return engine
    })
  }

  #makeRoom(action: ActionOf<'make_room'>): void {
    this.#transact((tx, now) => {
      this.#drain(tx, now, action)
      this.#noteReplacing(tx, action)
    })
  }

  #noteReplacing(tx: Db, action: Pick<ActionOf<'replace'>, 'engineId' | 'cause' | 'rule' | 'reason'>): void {
    const { engineId, cause, rule, reason } = action
    const atMs = this.deps.clock.now()
    noteReplacement(tx, { engineId, cause, atMs })
    appendJournal(tx, atMs, { kind: 'engine.replacing', engineId, detail: { cause, rule, reason } })
  }

  #drain(tx: Db, now: number, action: ActionOf<'drain'> | ActionOf<'make_room'>): void {
    const { engineId, cause, hiddenSinceMs, rule, reason } = action
    const change = { drainCause: cause, drainingSince: Math.min(hiddenSinceMs ?? now, now), reason }
    if (!transition(tx, engineId, ['ready'], 'draining', change)) return
    appendJournal(tx, now, { kind: 'engine.draining', engineId, detail: { cause, rule, reason } })
  }

  #recall({ engineId, rule, reason }: ActionOf<'recall'>): void {
    this.#transact((tx, now) => {
      const change = { drainCause: null, drainingSince: null, reason: null }
      if (!transition(tx, engineId, ['draining'], 'ready', change)) return
      appendJournal(tx, now, { kind: 'engine.recalled', engineId, detail: { rule, reason } })
    })
  }

  /** Writes the request to remove the engine. From then on a look removes it, and every full pass tries again. */
  #stop({ engineId, rule, reason }: ActionOf<'stop'>): void {
    const containerId = this.#transact((tx, now) => {
      updateEngine(tx, engineId, { removalRequestedAt: now, reason })
      transition(tx, engineId, ['starting', 'ready'], 'draining')
      const engine = engineById(tx, engineId)
      if (rule === 'host_lost' || rule === 'host_drained') {
        // Its viewers have lost their streams with the host, and its removal may take until the host is back.
        endStreams(tx, engineId, rule, now)
        if (engine !== undefined) freeTrial(tx, engine, now)
      }
      appendJournal(tx, now, { kind: 'engine.removal_requested', engineId, detail: { rule, reason } })
      return engine?.containerId ?? null
    })
    if (containerId !== null) this.deps.looks.lookAt(containerId)
  }

  #launch(begin: (tx: Db) => Engine): void {
    try {
      this.deps.startBackoff.launch(this.#transact(begin))
    } catch (error) {
      // Something that happened in between refused it. The next plan takes that into account.
      if (!(error instanceof ProvisionRefused)) throw error
      this.deps.log.debug({ code: error.refusal.code }, error.refusal.message)
    }
  }

  #transact<R>(work: (tx: Db, now: number) => R extends PromiseLike<unknown> ? never : R): R {
    const { store, clock } = this.deps
    return store.transact((tx) => work(tx, clock.now()))
  }
}
