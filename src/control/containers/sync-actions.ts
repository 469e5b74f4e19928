import type { SyncStep } from '../../core/containers/sync-step.ts'
import { runtimeUnavailable } from '../../core/provisioning/refusal.ts'
import type { Engine, EngineHost } from '../../core/types.ts'
import { Batches } from '../../lib/batches.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import type { ContainerObservation, Runtime } from '../../runtime/runtime.ts'
import { transition } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import { endEngine } from '../engines/endings.ts'
import type { EngineTemplate } from '../engines/template.ts'
import type { Facts } from '../facts/facts.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { LookQueue } from '../facts/look-queue.ts'
import type { Launches } from '../provisioning/launches.ts'
import type { Placer } from '../provisioning/placer.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'
import { adopt, rowOf } from './adoption.ts'
import { removeAsSeen } from './checked-removal.ts'
import { applyObserved, observedChange } from './observed-change.ts'

export interface SyncActionsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly runtime: Runtime
  readonly facts: Facts
  readonly hosts: Pick<HostFacts, 'of'>
  readonly template: EngineTemplate
  readonly nodes: VpnNodes
  readonly placer: Pick<Placer, 'scopeOf'>
  readonly log: Log
  readonly newId: () => string
  readonly looks: Pick<LookQueue, 'lookAt'>
  readonly launches: Pick<Launches, 'settled'>
}

/** A running container to adopt, and the row that it had when that was decided. */
interface Found {
  readonly before: Engine | undefined
  readonly seen: ContainerObservation
}

/**
 * Does the sync steps that `core/containers/sync-step` decides. Each step may be done twice. A step that called Docker reads
 * the row again before it changes it.
 */
export class SyncActions {
  readonly #adoptions: Batches<Found>

  constructor(private readonly deps: SyncActionsDeps) {
    this.#adoptions = new Batches(deps.clock, (found) => this.#adopt(found))
  }

  /**
   * Does one step. Throws RuntimeFailure if Docker can't be asked; then nothing was written, and a later look tries again.
   */
  async execute(
    step: SyncStep,
    engine: Engine | undefined,
    seen: ContainerObservation | null,
  ): Promise<void> {
    switch (step.kind) {
      case 'leave':
      case 'wait':
        return
      case 'adopt':
        return this.#adoptions.add({ before: engine, seen: there(seen) })
      case 'reap':
        return this.#reap(there(seen), step.reason)
      case 'observe':
        return this.#observe(there(engine), there(seen))
      case 'finish':
        return this.#finish(there(engine), there(seen))
      case 'undo':
        return this.#undo(there(engine), seen, step.reason)
      case 'remove':
        return this.#remove(there(engine), there(seen))
      case 'gone':
        return this.#gone(there(engine), step.reason)
    }
  }

  #observe(engine: Engine, seen: ContainerObservation): void {
    const { store, clock, facts, hosts, log } = this.deps
    const now = clock.now()
    if (seen.state === 'running') facts.seen(engine.id, now)
    const observed = observedChange(engine, seen)
    if (observed === null) return
    if (observed.isRestarted || seen.state !== 'running') facts.forgetHealth(engine.id)
    const stop = {
      cause: facts.stopCause(seen.id),
      isByDocker: facts.hasLostDocker(),
      isByDrain: hosts.of(engine)?.condition === 'drained',
    }
    store.transact((tx) => applyObserved(tx, engine, observed, stop, now))
    const { state } = seen
    if (state !== engine.containerState)
      log.info({ engine: engine.id, name: engine.name, state }, 'container changed')
  }

  /** Adopts engines in one transaction, except those whose row was written since they were looked at. */
  #adopt(found: readonly Found[]): void {
    const { store, clock, newId, template, nodes, placer, log } = this.deps
    const scopeOf = (host: EngineHost | null): string => placer.scopeOf(host)
    const options = { template, nowMs: clock.now(), nodes: nodes.all(), scopeOf }
    const adopted = store.transact((tx) =>
      found
        .filter(({ before, seen }) => rowOf(tx, seen)?.id === before?.id)
        .map(({ seen }) => adopt(tx, seen, { ...options, newId: newId() })),
    )
    for (const { id, name, containerId, hostHttpPort: port } of adopted)
      log.info({ engine: id, name, container: containerId, port }, 'reindex: adopted a running engine')
  }

  async #reap(seen: ContainerObservation, reason: string): Promise<void> {
    const { store, clock, log } = this.deps
    if (!(await this.#takeAway(seen))) return
    const detail = { container_id: seen.id, name: seen.name, reason }
    store.transact((tx) => appendJournal(tx, clock.now(), { kind: 'container.reaped', detail }))
    log.info({ container: seen.id, name: seen.name }, `reindex: removed a stray container: ${reason}`)
  }

  #finish(engine: Engine, seen: ContainerObservation): void {
    const { store, clock, log, launches } = this.deps
    store.transact((tx) => {
      const change = {
        containerId: seen.id,
        name: seen.name,
        containerState: seen.state,
        containerStartedAt: seen.startedAtMs,
        address: seen.address,
        networks: seen.networks,
        networkContainerId: seen.joins,
      }
      if (!transition(tx, engine.id, ['provisioning'], 'starting', change)) return
      const detail = { container_id: seen.id, name: seen.name, found: true }
      appendJournal(tx, clock.now(), { kind: 'provision.completed', engineId: engine.id, detail })
    })
    log.info({ engine: engine.id, name: seen.name }, 'reindex: completed a provision that was cut off')
    launches.settled(engine.id, { kind: 'started' })
  }

  async #undo(engine: Engine, seen: ContainerObservation | null, reason: string): Promise<void> {
    const { store, clock, log, launches } = this.deps
    if (seen !== null && !(await this.#takeAway(seen))) return
    const end = { kind: 'provision_undone', reason } as const
    store.transact((tx) => endEngine(tx, engine.id, end, clock.now()))
    log.info({ engine: engine.id, name: engine.name }, `reindex: ${reason}`)
    // Docker was the cause, not the request, so a caller that waits may try again.
    launches.settled(engine.id, { kind: 'failed', refusal: runtimeUnavailable(reason) })
  }

  async #remove(engine: Engine, seen: ContainerObservation): Promise<void> {
    if (await this.#takeAway(seen)) this.#gone(engine, engine.reason ?? 'its removal was asked for')
  }

  /** Removes the container. Returns false if it was started meanwhile. */
  async #takeAway(seen: ContainerObservation): Promise<boolean> {
    const { store, runtime, looks } = this.deps
    store.assertWritable()
    const isRemoved = await removeAsSeen(runtime, seen)
    if (!isRemoved) looks.lookAt(seen.id)
    return isRemoved
  }

  #gone(engine: Engine, reason: string): void {
    const { store, clock, log } = this.deps
    const isNews = store.transact((tx) => endEngine(tx, engine.id, { kind: 'gone', reason }, clock.now()))
    if (isNews) log.info({ engine: engine.id, name: engine.name }, `engine gone: ${reason}`)
  }
}

/** The row or container that a step is about. `core/containers/sync-step` decides no step without it. */
function there<T>(value: T | null | undefined): T {
  if (value === null || value === undefined)
    throw new Error('a step without what it is about: this is a defect')
  return value
}
