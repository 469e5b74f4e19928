import type { BreakerSettings } from '../core/breaker.ts'
import { runtimeUnavailable } from '../core/refusal.ts'
import { type Settlement, settle } from '../core/settle.ts'
import { type Engine, isLive, isRunning } from '../core/types.ts'
import {
  type ContainerEvent,
  type ContainerObservation,
  type Runtime,
  RuntimeFailure,
} from '../runtime/runtime.ts'
import { engineByContainer, engineById, liveEngines, transition } from '../store/engines.ts'
import { appendJournal } from '../store/journal.ts'
import type { Db, Store } from '../store/store.ts'
import { startedStreamsOf } from '../store/streams.ts'
import { adopt, isEngineContainer, rowOf } from './adoption.ts'
import { freeTrial, noteFault } from './breaker-notes.ts'
import type { Clock } from './clock.ts'
import type { Facts } from './facts.ts'
import type { LaunchEnd } from './launcher.ts'
import type { Log } from './log.ts'
import { applyObserved, endStreams, observedChange } from './observe.ts'
import { ENGINE_LABEL, type EngineTemplate, GENERIC_LABEL } from './template.ts'

export interface SettlerDeps {
  readonly store: Store
  readonly clock: Clock
  readonly runtime: Runtime
  readonly facts: Facts
  readonly template: EngineTemplate
  readonly log: Log
  readonly newId: () => string
  /** How long a started engine may take to its first good answer. */
  readonly startupTimeoutMs: number
  readonly breaker: BreakerSettings
  /** Whether this process is creating or removing this engine's container, or this generic container. */
  readonly isInHand: (engineIdOrContainer: string) => boolean
  /** A cut-off provision was completed or undone; a caller may still wait for it. */
  readonly onSettled: (engineId: string, end: LaunchEnd) => void
}

/** Does one step; gives a promise where it asks the runtime. */
type Executor = (engine: Engine | undefined, seen: ContainerObservation | null, reason: string) => unknown

/** What a full pass did. */
export interface PassResult {
  readonly containers: number
  readonly adopted: number
  readonly reaped: number
  readonly finished: number
  readonly undone: number
  readonly gone: number
}

/**
 * Brings rows and containers together, one container at a time or all at once. Reads anew before every step and decides
 * by `core/settle`, so it may run at any moment and any number of times.
 */
export class Settler {
  readonly #failing = new Set<string>()
  /** How often each container was changed, as we know it: an observation that a change overtook is stale. */
  readonly #heard = new Map<string, number>()

  constructor(private readonly deps: SettlerDeps) {}

  /** Looks at one container and its row. Throws RuntimeFailure when Docker can't be asked. */
  async look(containerId: string): Promise<Settlement['kind']> {
    const { runtime, store } = this.deps
    const heardBefore = this.#heard.get(containerId)
    const seen = await present(runtime.inspect(containerId))
    // Whoever changed it asked for a look of its own, which sees what is true now.
    if (this.#heard.get(containerId) !== heardBefore) return 'leave'
    const engine = seen === null ? engineByContainer(store.db, containerId) : rowOf(store.db, seen)
    const kind = await this.#settle(engine, seen)
    this.deps.facts.looked(containerId, seen?.startedAtMs ?? null)
    return kind
  }

  /** Looks at everything. `isThorough` inspects running engines too, for what happened while nobody watched. */
  async fullPass(isThorough: boolean): Promise<PassResult> {
    const { runtime, store } = this.deps
    const before = liveEngines(store.db).filter(({ id }) => !this.#isInHand(id))
    const listed = await runtime.list()
    const counts = {
      adopt: 0,
      reap: 0,
      finish: 0,
      fail: 0,
      undo: 0,
      gone: 0,
      remove: 0,
      observe: 0,
      leave: 0,
    }
    for (const container of listed) {
      // The list may be older than the last event, so it confirms; what it would change is looked at anew.
      const isConfirmed = !isThorough && this.#confirms(container)
      counts[isConfirmed ? 'observe' : await this.look(container.id)]++
    }
    const listedIds = new Set(listed.map(({ id }) => id))
    const missing = before.filter(({ containerId }) => containerId === null || !listedIds.has(containerId))
    for (const engine of missing) counts[await this.#lookForMissing(engine, listed)]++
    const { adopt, reap: reaped, finish: finished, undo: undone, gone } = counts
    return { containers: listed.length, adopted: adopt, reaped, finished, undone, gone }
  }

  /** Something was done to the container: observations that are under way are out of date. */
  touched(containerId: string): void {
    this.#heard.set(containerId, (this.#heard.get(containerId) ?? 0) + 1)
  }

  /** True when a listed container is just as its row has it, and nothing has to be done about it. */
  #confirms(container: ContainerObservation): boolean {
    const { store, facts, clock } = this.deps
    const engine = rowOf(store.db, container)
    const { kind } = this.#decide(engine, container)
    if (kind === 'leave') return true
    if (engine === undefined || kind !== 'observe') return false
    if (engine.containerStartedAt === null || observedChange(engine, container) !== null) return false
    if (isRunning(engine) && !facts.isRunning(engine)) return false
    if (isRunning(engine)) facts.seen(engine.id, clock.now())
    return true
  }

  /**
   * Hides at once what an event says has stopped; the look that follows finds the whole truth and writes it. True when
   * that look is wanted: not where this process is at the container anyway, since a question in the middle of a start
   * slows it down.
   */
  onEvent({ action, id, labels, atMs }: ContainerEvent): boolean {
    if (action === 'destroy') this.#heard.delete(id)
    else this.touched(id)
    const named = labels[ENGINE_LABEL] ?? labels[GENERIC_LABEL]
    if (named !== undefined && this.#isInHand(named)) return false
    if (action === 'die' || action === 'destroy' || action === 'pause') this.deps.facts.heardStop(id, atMs)
    return true
  }

  /** A row that the list does not show: asked for by its id, since the list may be older than the container. */
  async #lookForMissing(
    before: Engine,
    listed: readonly ContainerObservation[],
  ): Promise<Settlement['kind']> {
    const { store } = this.deps
    const engine = engineById(store.db, before.id)
    if (engine === undefined || !isLive(engine)) return 'leave'
    if (engine.containerId !== null) return this.look(engine.containerId)
    const isListed = listed.some((container) => rowOf(store.db, container)?.id === engine.id)
    return isListed ? 'leave' : this.#settle(engine, null)
  }

  #decide(engine: Engine | undefined, seen: ContainerObservation | null): Settlement {
    return settle({
      engine: engine ?? null,
      container: seen && {
        state: seen.state,
        isEngine: isEngineContainer(seen),
        isOurGeneric: seen.labels[GENERIC_LABEL] !== undefined,
      },
      inHand: this.#isInHand(engine?.id ?? seen?.labels[GENERIC_LABEL] ?? ''),
      isOverdue: engine !== undefined && this.#isOverdue(engine),
    })
  }

  async #settle(engine: Engine | undefined, seen: ContainerObservation | null): Promise<Settlement['kind']> {
    const settlement = this.#decide(engine, seen)
    const reason = 'reason' in settlement ? settlement.reason : ''
    await this.#executors[settlement.kind](engine, seen, reason)
    return settlement.kind
  }

  /** What `core/settle` names, done. It names no step without the row or the container that the step is about. */
  readonly #executors: Readonly<Record<Settlement['kind'], Executor>> = {
    leave: () => undefined,
    observe: (engine, seen) => engine && seen && this.#observe(engine, seen),
    adopt: (_, seen) => seen && this.#adopt(seen),
    reap: (_, seen, reason) => seen && this.#reap(seen, reason),
    finish: (engine, seen) => engine && seen && this.#finish(engine, seen),
    undo: (engine, seen, reason) => engine && this.#undo(engine, seen, reason),
    fail: (engine, seen, reason) => engine && seen && this.#fail(engine, seen, reason),
    remove: (engine, seen) => engine && seen && this.#remove(engine, seen),
    gone: (engine, _, reason) => engine && this.#gone(engine, reason),
  }

  #observe(engine: Engine, seen: ContainerObservation): void {
    const { store, clock, facts, log } = this.deps
    const now = clock.now()
    if (seen.state === 'running') facts.seen(engine.id, now)
    const observed = observedChange(engine, seen)
    if (observed === null) return
    if (observed.isRestarted || seen.state !== 'running') facts.forgetHealth(engine.id)
    store.transact((tx) => applyObserved(tx, engine, observed, now))
    const { state } = seen
    if (state !== engine.containerState)
      log.info({ engine: engine.id, name: engine.name, state }, 'container changed')
  }

  #adopt(seen: ContainerObservation): void {
    const { store, clock, newId, template, log } = this.deps
    const nowMs = clock.now()
    const engine = store.transact((tx) => adopt(tx, seen, { newId: newId(), template, nowMs }))
    log.info(
      { engine: engine.id, name: engine.name, container: seen.id, port: engine.hostHttpPort },
      'reindex: adopted a running engine',
    )
  }

  async #reap(seen: ContainerObservation, reason: string): Promise<void> {
    const { runtime, store, clock, log } = this.deps
    await runtime.destroy(seen.id)
    const detail = { container_id: seen.id, name: seen.name, reason }
    store.transact((tx) => appendJournal(tx, clock.now(), { kind: 'container.reaped', detail }))
    log.info({ container: seen.id, name: seen.name }, `reindex: removed a stray container: ${reason}`)
  }

  #finish(engine: Engine, seen: ContainerObservation): void {
    const { store, clock, log, onSettled } = this.deps
    store.transact((tx) => {
      const change = {
        containerId: seen.id,
        name: seen.name,
        containerState: seen.state,
        containerStartedAt: seen.startedAtMs,
        address: seen.address,
        networks: seen.networks,
      }
      transition(tx, engine.id, ['provisioning'], 'starting', change)
      const detail = { container_id: seen.id, name: seen.name, found: true }
      appendJournal(tx, clock.now(), { kind: 'provision.completed', engineId: engine.id, detail })
    })
    log.info({ engine: engine.id, name: seen.name }, 'reindex: completed a provision that was cut off')
    onSettled(engine.id, { kind: 'started' })
  }

  async #undo(engine: Engine, seen: ContainerObservation | null, reason: string): Promise<void> {
    const { runtime, store, clock, log, onSettled } = this.deps
    if (seen !== null) await runtime.destroy(seen.id)
    store.transact((tx) => {
      const now = clock.now()
      transition(tx, engine.id, ['provisioning'], 'failed', { reason, endedAt: now })
      freeTrial(tx, engine.id, now)
      appendJournal(tx, now, { kind: 'provision.failed', engineId: engine.id, detail: { reason } })
    })
    log.info({ engine: engine.id, name: engine.name }, `reindex: ${reason}`)
    // Docker was in the way, not the request: whoever waits may come back.
    onSettled(engine.id, { kind: 'failed', refusal: runtimeUnavailable(reason) })
  }

  #isInHand(id: string): boolean {
    return this.#failing.has(id) || this.deps.isInHand(id)
  }

  /** An adopted engine may have viewers that we don't know of, so its silence is no reason to stop it. */
  #isOverdue(engine: Engine): boolean {
    const { store, clock, startupTimeoutMs } = this.deps
    if (engine.status !== 'starting' || !isRunning(engine) || engine.adoptedAt !== null) return false
    const startedAt = engine.containerStartedAt ?? engine.createdAt
    return clock.now() - startedAt > startupTimeoutMs && startedStreamsOf(store.db, engine.id).length === 0
  }

  async #fail(engine: Engine, seen: ContainerObservation, reason: string): Promise<void> {
    const { runtime, store, clock, log, breaker } = this.deps
    // The event of its removal must not make it gone, as if somebody else had removed it.
    this.#failing.add(engine.id)
    await runtime.destroy(seen.id).finally(() => this.#failing.delete(engine.id))
    store.transact((tx) => {
      const now = clock.now()
      const change = { reason, endedAt: now, containerState: null, unclaimedSince: null }
      if (!transition(tx, engine.id, ['starting'], 'failed', change)) return
      if (engine.readyAt === null) noteFault(tx, engine.id, now, breaker)
      appendJournal(tx, now, { kind: 'engine.failed', engineId: engine.id, detail: { reason } })
    })
    log.warn({ engine: engine.id, name: engine.name }, `engine failed: ${reason}`)
  }

  async #remove(engine: Engine, seen: ContainerObservation): Promise<void> {
    await this.deps.runtime.destroy(seen.id)
    this.#gone(engine, engine.reason ?? 'its removal was asked for')
  }

  #gone(engine: Engine, reason: string): void {
    const { store, clock, log } = this.deps
    const isNews = store.transact((tx) => leave(tx, engine.id, reason, clock.now()))
    if (isNews) log.info({ engine: engine.id, name: engine.name }, `engine gone: ${reason}`)
  }
}

/** Makes an engine history once its container is no more: leases and streams go with it. False when it was already. */
export function leave(tx: Db, engineId: string, reason: string, nowMs: number): boolean {
  const change = { reason, endedAt: nowMs, containerState: null, unclaimedSince: null }
  if (!transition(tx, engineId, ['provisioning', 'starting', 'ready', 'draining'], 'gone', change))
    return false
  endStreams(tx, engineId, 'engine_gone', nowMs)
  freeTrial(tx, engineId, nowMs)
  appendJournal(tx, nowMs, { kind: 'engine.gone', engineId, detail: { reason } })
  return true
}

async function present(answer: Promise<ContainerObservation>): Promise<ContainerObservation | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof RuntimeFailure && error.code === 'not_found') return null
    throw error
  }
}
