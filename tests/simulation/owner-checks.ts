import type { Clock } from '../../src/lib/clock.ts'
import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { Verb } from '../support/memory-faults.ts'
import type { Books, EngineBook, JournalBook } from './books.ts'
import { type Coverage, tally } from './coverage.ts'
import { isEnding } from './ending-checks.ts'
import { isForeign } from './owners.ts'
import type { SimHost } from './sim-host.ts'

export interface OwnerChecksDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly books: Books
  readonly host: SimHost
  readonly coverage: Coverage
  readonly takesOver: boolean
  readonly onViolation: (text: string) => void
}

const ENGINE_LABEL = 'roundhouse.engine'
/** How long an unknown container is left alone (the figure of the design). */
const YOUNG_MS = 60_000

/**
 * Checks that no container of another installation is changed, and that nothing is removed that somebody may just have
 * created.
 */
export class OwnerChecks {
  #firstPassMs: number | null = null
  /** Containers of other installations that ran before our first start. */
  #before: readonly ContainerObservation[] = []

  constructor(private readonly deps: OwnerChecksDeps) {}

  /** Call this right before the first life begins. */
  begins(): void {
    this.#before = this.deps.host.runtime
      .containers()
      .filter((each) => isForeign(each) && ENGINE_LABEL in each.labels && each.state === 'running')
  }

  /** Call this when a full pass has succeeded. */
  passed(): void {
    this.#firstPassMs ??= this.deps.clock.now()
  }

  /** Checks a call before the orchestrator makes it. */
  asked(verb: Verb, id: string, site: string): void {
    const { books, onViolation } = this.deps
    const container = this.#container(id)
    if (container === undefined || isLive(books.byContainer(id))) return
    if (isForeign(container) && verb !== 'inspect')
      onViolation(`${verb} at ${site} of ${container.name}, which is of another installation`)
    if (isEnding(verb) && site.startsWith('removal.') && this.#isStartedSoon(container))
      onViolation(`${verb} at ${site} of ${container.name}, which is new`)
    if (verb === 'destroy' && site.startsWith('removal.') && this.#isRunningCopy(container))
      onViolation(`${verb} at ${site} of ${container.name}, a copy that runs`)
  }

  /** Receives every journal entry right after its commit. */
  note({ kind, engine_id: engineId }: JournalBook): void {
    if (kind !== 'engine.adopted' || engineId === null) return
    const { books, coverage, takesOver, onViolation } = this.deps
    const container = this.#container(books.byId(engineId)?.container_id ?? '')
    if (container === undefined) return
    if (!isForeign(container)) {
      const isCopy = container.labels[ENGINE_LABEL] !== engineId
      tally(coverage, isCopy ? 'adopted a copy' : 'adopted an engine')
      return
    }
    tally(coverage, 'took over an engine of another installation')
    const isLate = this.#firstPassMs !== null && container.createdAtMs > this.#firstPassMs
    if (!takesOver || isLate)
      onViolation(
        `${container.name} was taken over, ${isLate ? 'though it came later' : 'against TAKE_OVER'}`,
      )
  }

  /** Containers that ran all the time must have been taken over by now, or must not have been, depending on `TAKE_OVER`. */
  missed(): string[] {
    const { books, takesOver } = this.deps
    return this.#before
      .filter((before) => isSameStart(before, this.#container(before.id)))
      .filter(({ id }) => (books.byContainer(id) !== null) !== takesOver)
      .map(({ name }) => `${name} ${takesOver ? 'was never' : 'was'} taken over`)
  }

  #container(id: string): ContainerObservation | undefined {
    return this.deps.host.runtime.containers().find((each) => each.id === id)
  }

  /** Whether a running container carries the label of an engine that has or had another container. */
  #isRunningCopy({ id, state, labels }: ContainerObservation): boolean {
    const original = this.deps.books.byId(labels[ENGINE_LABEL] ?? '')?.container_id ?? id
    return original !== id && state !== 'created' && state !== 'exited'
  }

  /** Whether a container is new and neither an interrupted provision of ours nor a late result of the container engine. */
  #isStartedSoon({ id, state, labels, createdAtMs }: ContainerObservation): boolean {
    const { books, clock } = this.deps
    const row = books.byId(labels[ENGINE_LABEL] ?? '')
    const isLate = row !== null && (row.container_id ?? id) === id && state === 'created'
    const isOwn = row?.status === 'provisioning' || isLate
    return !isOwn && clock.now() - createdAtMs < YOUNG_MS
  }
}

/** Whether a container runs, and was not stopped in between. */
const isSameStart = (before: ContainerObservation, now: ContainerObservation | undefined): boolean =>
  now?.state === 'running' && now.startedAtMs === before.startedAtMs

const isLive = (engine: EngineBook | null): boolean =>
  engine !== null && engine.status !== 'gone' && engine.status !== 'failed'
