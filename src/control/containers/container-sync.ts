import { isRemoval, type SyncStep, syncStep, youngUntilMs } from '../../core/containers/sync-step.ts'
import { type Engine, hasStopped, isLive, isRunning } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { forEach } from '../../lib/for-each.ts'
import { keepOnly } from '../../lib/keep-only.ts'
import {
  type ContainerEvent,
  type ContainerObservation,
  type Runtime,
  RuntimeFailure,
} from '../../runtime/runtime.ts'
import { engineByContainer, engineById, liveEngines } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import { ENGINE_LABEL, GENERIC_LABEL } from '../engines/template.ts'
import type { Facts, PublishedPorts } from '../facts/facts.ts'
import type { InHand } from '../facts/in-hand.ts'
import type { Look, LookQueue } from '../facts/look-queue.ts'
import type { Warnings } from '../reporting/warnings.ts'
import { isEngineContainer, rowOf } from './adoption.ts'
import { unusable, unusableWarning } from './found-values.ts'
import type { Installation } from './installation.ts'
import { observedChange } from './observed-change.ts'
import { present } from './present.ts'
import type { SyncActions } from './sync-actions.ts'

export interface ContainerSyncDeps {
  readonly store: Store
  readonly clock: Clock
  readonly runtime: Runtime
  readonly facts: Facts
  readonly syncActions: SyncActions
  readonly installation: Installation
  readonly warnings: Warnings
  readonly looks: LookQueue
  readonly inHand: Pick<InHand, 'has'>
}

/**
 * How many containers a full pass looks at at a time. Docker answers one after the other, so more would only wait for it,
 * but fewer would leave it idle while we write.
 */
const LOOKS_AT_ONCE = 8

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
 * Makes rows and containers agree, one container at a time or all of them. Reads the current state before every step and
 * decides by `core/containers/sync-step`, so it may run at any moment and any number of times.
 */
export class ContainerSync {
  /** Since when each container that is too new to be removed is waited for. */
  readonly #waitsSince = new Map<string, number>()

  constructor(private readonly deps: ContainerSyncDeps) {}

  /** Looks at one container and its row, and does the sync step. Throws RuntimeFailure if Docker can't be asked. */
  async look(containerId: string): Promise<SyncStep['kind']> {
    return await this.deps.looks.during(containerId, (look) => this.#look(look))
  }

  async #look(look: Readonly<Look>): Promise<SyncStep['kind']> {
    let sight = await this.#see(look)
    // A container is looked at and decided on again right before its removal, because it may be in use by now.
    if (sight !== null && sight.seen !== null && isRemoval(this.#decide(sight.engine, sight.seen)))
      sight = await this.#see(look)
    if (sight === null) return 'leave'
    const { engine, seen } = sight
    const kind = await this.#syncStep(engine, seen)
    this.deps.facts.looked(look.containerId, seen?.startedAtMs ?? null)
    return kind
  }

  /** The container (null if there is none) and its row. Returns null if the container was changed meanwhile. */
  async #see(look: Readonly<Look>) {
    const { runtime, store } = this.deps
    const { containerId } = look
    const seen = await present(runtime.inspect(containerId))
    // When Docker shuts down, it stops all containers and still says so on open connections. The ping fails then.
    if (seen !== null && hasStopped(seen.state) && this.#isNews(seen)) await runtime.ping()
    // The code that changed the container also requested a look, which sees the current state.
    if (look.isOvertaken) return null
    const engine = seen === null ? engineByContainer(store.db, containerId) : rowOf(store.db, seen)
    return { engine, seen }
  }

  #isNews(seen: ContainerObservation): boolean {
    return rowOf(this.deps.store.db, seen)?.stoppedAt === null
  }

  /**
   * Looks at all containers and rows. `isThorough` inspects every container, even if the list agrees with its row, to find
   * what happened while no events arrived. Throws RuntimeFailure if Docker can't be asked. If a single look fails, it is
   * tried again by itself.
   */
  async fullPass(isThorough: boolean): Promise<PassResult> {
    const { runtime, store, installation, warnings } = this.deps
    const before = liveEngines(store.db).filter(({ id }) => !this.deps.inHand.has(id))
    const listed = await runtime.list()
    installation.noteTakeOver(listed)
    const counts = {
      adopt: 0,
      reap: 0,
      finish: 0,
      undo: 0,
      gone: 0,
      remove: 0,
      observe: 0,
      leave: 0,
      wait: 0,
    }
    // The list may be older than the last event, so it may only confirm a row. Before any change the container is inspected.
    const others = listed.filter((container) => isThorough || !this.#confirms(container))
    counts.observe += listed.length - others.length
    await forEach(others, LOOKS_AT_ONCE, async ({ id }) => void counts[await this.#lookInPass(id)]++)
    const listedIds = new Set(listed.map(({ id }) => id))
    keepOnly(this.#waitsSince, listedIds)
    const missing = before.filter(({ containerId }) => containerId === null || !listedIds.has(containerId))
    await forEach(
      missing,
      LOOKS_AT_ONCE,
      async (engine) => void counts[await this.#lookForMissing(engine, listed)]++,
    )
    this.deps.facts.setPublished(new Map(listed.map((each) => [each.id, publishedBy(each)])))
    installation.tell(listed)
    warnings.tell('engines_unusable', unusableWarning(listed.filter((each) => this.#isLeftUnusable(each))))
    const { adopt, reap: reaped, finish: finished, undo: undone, gone } = counts
    return { containers: listed.length, adopted: adopt, reaped, finished, undone, gone }
  }

  /**
   * Looks at one container in a full pass. A problem with one container, such as a removal that hangs, must not stop the
   * pass.
   */
  async #lookInPass(containerId: string): Promise<SyncStep['kind']> {
    try {
      return await this.look(containerId)
    } catch (error) {
      this.deps.store.assertWritable()
      // Throws if Docker itself does not answer.
      if (error instanceof RuntimeFailure && error.code === 'unreachable') await this.deps.runtime.ping()
      this.deps.looks.lookAt(containerId)
      return 'leave'
    }
  }

  /** Whether a listed container agrees with its row and nothing has to be done about it. */
  #confirms(container: ContainerObservation): boolean {
    const { store, facts, clock } = this.deps
    const engine = rowOf(store.db, container)
    const { kind } = this.#decide(engine, container)
    if (kind === 'wait') this.#wait(container)
    if (kind === 'leave' || kind === 'wait') return true
    if (engine === undefined || kind !== 'observe') return false
    if (engine.containerStartedAt === null || observedChange(engine, container) !== null) return false
    if (isRunning(engine) && !facts.isRunning(engine)) return false
    if (isRunning(engine)) facts.seen(engine.id, clock.now())
    return true
  }

  /**
   * Handles a container event. Hides the engine at once if its container stopped, and requests a look that finds the whole
   * truth and writes it. A container in hand is left alone, since an inspection would slow down its start.
   */
  onEvent({ action, id, labels, atMs }: ContainerEvent): void {
    const { facts, clock, looks, inHand } = this.deps
    looks.changed(id)
    const named = labels[ENGINE_LABEL] ?? labels[GENERIC_LABEL]
    if (named !== undefined && inHand.has(named)) return
    if (action === 'die' || action === 'destroy' || action === 'pause') facts.heardStop(id, atMs, clock.now())
    looks.lookAt(id)
  }

  /**
   * Looks for the container of a row that is not in the list. Asks by the container's id, since the list may be older than
   * the container.
   */
  async #lookForMissing(before: Engine, listed: readonly ContainerObservation[]): Promise<SyncStep['kind']> {
    const { store, installation } = this.deps
    const engine = engineById(store.db, before.id)
    if (engine === undefined || !isLive(engine)) return 'leave'
    if (engine.containerId !== null) return this.#lookInPass(engine.containerId)
    const isListed = listed.some(
      (container) => rowOf(store.db, container)?.id === engine.id && !installation.isOthers(container),
    )
    return isListed ? 'leave' : this.#syncStep(engine, null)
  }

  /** Whether the container would be adopted if it had everything that an engine needs. */
  #isLeftUnusable(seen: ContainerObservation): boolean {
    if (unusable(seen) === null) return false
    return this.#decide(rowOf(this.deps.store.db, seen), seen, true).kind === 'adopt'
  }

  #decide(
    engine: Engine | undefined,
    seen: ContainerObservation | null,
    isUsable = seen !== null && unusable(seen) === null,
  ): SyncStep {
    const isOthers = seen !== null && this.deps.installation.isOthers(seen)
    return syncStep({
      engine: engine ?? null,
      container: seen && {
        id: seen.id,
        state: seen.state,
        isEngine: isEngineContainer(seen),
        isUsable,
        isOurGeneric: seen.labels[GENERIC_LABEL] !== undefined,
        isOthers,
        isLeftToUs: isOthers && this.deps.installation.isLeftToUs(seen.id),
        isYoung: this.#youngForMs(seen) > 0,
      },
      inHand: this.deps.inHand.has(engine?.id ?? seen?.labels[GENERIC_LABEL] ?? ''),
    })
  }

  async #syncStep(engine: Engine | undefined, seen: ContainerObservation | null): Promise<SyncStep['kind']> {
    const step = this.#decide(engine, seen)
    if (step.kind === 'wait' && seen !== null) this.#wait(seen)
    await this.deps.syncActions.execute(step, engine, seen)
    return step.kind
  }

  #youngForMs({ id, createdAtMs }: ContainerObservation): number {
    const nowMs = this.deps.clock.now()
    return youngUntilMs(createdAtMs, this.#waitsSince.get(id) ?? nowMs) - nowMs
  }

  #wait(container: ContainerObservation): void {
    const { clock, looks } = this.deps
    if (!this.#waitsSince.has(container.id)) this.#waitsSince.set(container.id, clock.now())
    looks.lookWithin(container.id, this.#youngForMs(container))
  }
}

const publishedBy = ({ ports, openPorts, loopbackPorts }: ContainerObservation): PublishedPorts => ({
  all: ports.flatMap(({ hostPort, protocol }) => (protocol === 'tcp' ? [hostPort] : [])),
  open: openPorts,
  loopback: loopbackPorts,
})
