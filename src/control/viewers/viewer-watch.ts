import { type Engine, generationOf } from '../../core/types.ts'
import {
  type LookRequest,
  nextLookMs,
  type Sight,
  sightIn,
  unseenAt,
  viewersIn,
  type Watched,
  withLook,
} from '../../core/viewers/viewers.ts'
import type { Clock } from '../../lib/clock.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'
import type { Log } from '../../lib/log.ts'
import { WorkQueue } from '../../lib/workqueue.ts'
import { type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import { engineById } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import type { Facts } from '../facts/facts.ts'
import type { Warnings } from '../reporting/warnings.ts'
import { ViewerQuestions } from './viewer-questions.ts'

export interface ViewerWatchDeps {
  readonly store: Store
  readonly clock: Clock
  readonly runtime: Pick<Runtime, 'commands' | 'meters'>
  readonly facts: Facts
  readonly warnings: Warnings
  readonly log: Log
  readonly onError: OnError
}

/** How many engines are looked at at the same time. Each look is a command or two in a container. */
const CONCURRENT_LOOKS = 4

/**
 * How many looks in a row may fail because a container does not answer although Docker does. Further looks go on without its
 * answer, because the fault is in that container.
 */
const SILENCES_MAX = 3

const RETRY_MS = 5_000

/**
 * How long findings are kept without a request. A request may pause while something else is done about its engine, and the
 * traffic that was counted is needed again afterwards.
 */
const FORGOTTEN_AFTER_MS = 120_000

/** What was found out about an engine that the plan wants looked at. */
interface Known {
  readonly generation: number
  readonly watched: Watched
  /** True if the log already says that somebody watches the engine. */
  readonly isTold: boolean
}

/**
 * Looks whether engines that are about to be stopped have viewers that no event reported. A look reads who is connected to
 * the HTTP port and, if that is not enough, how much traffic the network carries. Only engines that the plan requests are
 * looked at, and findings are forgotten some time after the request. Kept in memory. A look that Docker did not answer has
 * found nothing.
 */
export class ViewerWatch {
  readonly #stop = new AbortController()
  readonly #queue: WorkQueue
  readonly #news: Emitter
  readonly #questions: ViewerQuestions
  /** Whether the container engine lets nobody look at networks. */
  readonly #isBlind: boolean
  readonly #known = new Map<string, Known>()
  /** The number of looks in a row without an answer, and when the next look may be. */
  readonly #silences = new Map<string, { readonly count: number; readonly retryAtMs: number }>()
  #requests: ReadonlyMap<string, LookRequest> = new Map()

  constructor(private readonly deps: ViewerWatchDeps) {
    this.#news = new Emitter(deps.onError)
    const { store, clock, facts, runtime } = deps
    const { commands, meters } = runtime
    this.#questions = new ViewerQuestions({ store, clock, facts, commands, meters })
    this.#isBlind = commands === null && meters === null
    this.#queue = new WorkQueue({
      clock: deps.clock,
      concurrency: CONCURRENT_LOOKS,
      work: (engineId) => this.#look(engineId),
      onError: (engineId, error) => this.#failed(engineId, error),
      backoffMs: () => RETRY_MS,
    })
  }

  /** Starts nothing new. Resolves when the questions in progress were aborted. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#queue.stop()
  }

  /** Calls `listener` when an engine was looked at. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** Replaces the requests by those of the newest plan. Null means that nothing could be planned; the requests stay. */
  want(requests: readonly LookRequest[] | null): void {
    if (requests === null || this.#isBlind) return
    this.#requests = new Map(requests.map((request) => [request.engineId, request]))
    this.#forget()
    for (const { engineId } of requests) this.#order(engineId)
    this.#warn(requests.filter(({ isKept }) => isKept))
  }

  /** What was seen of this start of an engine; null if it was not looked at. */
  sightOf(engine: Pick<Engine, 'id' | 'containerStartedAt'>): Sight | null {
    if (this.#isBlind) return unseenAt(this.deps.clock.now())
    const known = this.#known.get(engine.id)
    return known?.generation === generationOf(engine) ? sightIn(known.watched) : null
  }

  #forget(): void {
    const sinceMs = this.deps.clock.now() - FORGOTTEN_AFTER_MS
    for (const [id, { watched }] of this.#known)
      if (!this.#requests.has(id) && watched.atMs < sinceMs) this.#known.delete(id)
    keepOnly(this.#silences, this.#requests)
  }

  /** Milliseconds until the next look at an engine; null if no look is requested. */
  #waitMs(engineId: string): number | null {
    const request = this.#requests.get(engineId)
    const engine = engineById(this.deps.store.db, engineId)
    if (request === undefined || engine === undefined) return null
    const dueMs = Math.max(
      nextLookMs(request, this.sightOf(engine)),
      this.#silences.get(engineId)?.retryAtMs ?? 0,
    )
    return Math.max(0, dueMs - this.deps.clock.now())
  }

  #order(engineId: string): void {
    const waitMs = this.#waitMs(engineId)
    if (waitMs !== null) this.#queue.addWithin(engineId, waitMs)
  }

  async #look(engineId: string): Promise<void> {
    const { store, facts } = this.deps
    const request = this.#requests.get(engineId)
    const engine = engineById(store.db, engineId)
    // The facts may be out of date. A later plan requests the look again.
    const isCurrent = facts.docker().state === 'reachable' && facts.watch().isCurrent
    if (request === undefined || engine === undefined || !isCurrent || !facts.isRunning(engine)) return
    // The engine was requested again during the last look, and the next look is not due yet.
    if (this.#waitMs(engineId) !== 0) return this.#order(engineId)
    let isSilent = false
    const onSilence = (failure: RuntimeFailure): void => {
      isSilent = true
      if ((this.#silences.get(engineId)?.count ?? 0) < SILENCES_MAX) throw failure
    }
    const asker = { signal: this.#stop.signal, onSilence }
    const port = await this.#questions.port(engine, asker)
    const isEnough = port.said?.isWhole === true && !request.isMute
    const bytes = isEnough ? null : await this.#questions.bytes(engine, asker)
    if (!isSilent) this.#silences.delete(engineId)
    const { atMs } = bytes ?? port
    const look = { atMs, port: port.said, bytes: bytes === null ? ('unasked' as const) : bytes.said }
    this.#note(engine, request, (before) => withLook(before, look))
  }

  #note(engine: Engine, request: LookRequest, add: (before: Watched | null) => Watched): void {
    const generation = generationOf(engine)
    const known = this.#known.get(engine.id)
    const before = known?.generation === generation ? known : null
    const watched = add(before?.watched ?? null)
    const isTold = before?.isTold || this.#tell(engine, request, watched)
    this.#known.set(engine.id, { generation, watched, isTold })
    this.#news.emit()
  }

  /** Logs that somebody watches the engine. Returns true if it did. */
  #tell({ id, name }: Engine, { isMute }: LookRequest, watched: Watched): boolean {
    if (viewersIn(sightIn(watched), isMute) !== 'somebody') return false
    const from = [...watched.peers.keys()].slice(0, 3)
    this.deps.log.info({ engine: id, name, from }, 'engine is kept: somebody watches whom no event reported')
    return true
  }

  #failed(engineId: string, error: unknown): void {
    const { store, log, clock, onError } = this.deps
    const count = (this.#silences.get(engineId)?.count ?? 0) + 1
    this.#silences.set(engineId, { count, retryAtMs: clock.now() + RETRY_MS })
    if (error instanceof RuntimeFailure)
      log.debug(
        { engine: engineId, name: engineById(store.db, engineId)?.name },
        `no look for viewers: ${error.message}`,
      )
    else onError(error)
  }

  #warn(kept: readonly LookRequest[]): void {
    const { store, warnings } = this.deps
    const names = kept.flatMap(({ engineId }) => engineById(store.db, engineId)?.name ?? []).toSorted()
    const message = `nobody can tell whether these engines still have viewers, so they are hidden and kept: ${names.join(', ')}`
    warnings.tell('viewers_unknown', names.length === 0 ? null : { message, remedy: REMEDY })
  }
}

const REMEDY =
  'where nobody watches, remove them with DELETE /containers/{id}; Roundhouse can see for itself where it may run commands ' +
  'in containers and the image of the engine, or of its Gluetun, has grep or cat'
