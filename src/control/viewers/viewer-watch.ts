import { type Engine, generationOf } from '../../core/types.ts'
import {
  type LookRequest,
  nextLookMs,
  type Sight,
  sightIn,
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
  readonly runtime: Runtime
  readonly facts: Facts
  readonly warnings: Warnings
  readonly log: Log
  readonly onError: OnError
}

/** Engines that are looked at at the same time; each look is a command or two in a container. */
const CONCURRENT_LOOKS = 4

/** So many looks in a row that a container left without an answer, though Docker answers: it is that container. */
const SILENCES_MAX = 3

const RETRY_MS = 5_000

/** A request may pause while something else is done about its engine, and then what was counted is needed again. */
const FORGOTTEN_AFTER_MS = 120_000

/** What was found out about an engine that the plan wants looked at. */
interface Known {
  readonly generation: number
  readonly watched: Watched
  /** It was said in the log that somebody watches there. */
  readonly isTold: boolean
}

/**
 * Looks whether engines that are about to be ended have viewers whom no event reported: who is connected to their HTTP port, and
 * where that can't be read, what their network carries. Only what the plan requests is looked at, and what was found is forgotten some
 * time after the request. In memory; a look that Docker did not answer has found nothing out.
 */
export class ViewerWatch {
  readonly #stop = new AbortController()
  readonly #queue: WorkQueue
  readonly #news: Emitter
  readonly #questions: ViewerQuestions
  readonly #known = new Map<string, Known>()
  /** Looks in a row without an answer, and when the next one may be. */
  readonly #silences = new Map<string, { readonly count: number; readonly retryAtMs: number }>()
  #requests: ReadonlyMap<string, LookRequest> = new Map()

  constructor(private readonly deps: ViewerWatchDeps) {
    this.#news = new Emitter(deps.onError)
    this.#questions = new ViewerQuestions(deps)
    this.#queue = new WorkQueue({
      clock: deps.clock,
      concurrency: CONCURRENT_LOOKS,
      work: (engineId) => this.#look(engineId),
      onError: (engineId, error) => this.#failed(engineId, error),
      backoffMs: () => RETRY_MS,
    })
  }

  /** Begins nothing new, and resolves when what was asked is given up. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#queue.stop()
  }

  /** Calls `listener` when an engine was looked at; it must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** Takes the requests of the newest plan, in place of those before; null where nothing could be planned. */
  want(requests: readonly LookRequest[] | null): void {
    if (requests === null) return
    this.#requests = new Map(requests.map((request) => [request.engineId, request]))
    this.#forget()
    for (const { engineId } of requests) this.#order(engineId)
    this.#warn(requests.filter(({ isKept }) => isKept))
  }

  /** What was seen of this start of an engine; null when it was not looked at. */
  sightOf(engine: Pick<Engine, 'id' | 'containerStartedAt'>): Sight | null {
    const known = this.#known.get(engine.id)
    return known?.generation === generationOf(engine) ? sightIn(known.watched) : null
  }

  #forget(): void {
    const sinceMs = this.deps.clock.now() - FORGOTTEN_AFTER_MS
    for (const [id, { watched }] of this.#known)
      if (!this.#requests.has(id) && watched.atMs < sinceMs) this.#known.delete(id)
    keepOnly(this.#silences, this.#requests)
  }

  /** Milliseconds until the next look at an engine; null where none is wanted. */
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
    // What is known may be out of date; a later plan wants it anew.
    const isCurrent = facts.docker().state === 'reachable' && facts.watch().isCurrent
    if (request === undefined || engine === undefined || !isCurrent || !facts.isRunning(engine)) return
    // It was wanted again while it was looked at.
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

  /** True when it was said that somebody watches. */
  #tell({ id, name }: Engine, { isMute }: LookRequest, watched: Watched): boolean {
    if (viewersIn(sightIn(watched), isMute) !== 'somebody') return false
    const from = [...watched.peers.keys()].slice(0, 3)
    this.deps.log.info({ engine: id, name, from }, 'engine is kept: somebody watches whom no event reported')
    return true
  }

  #failed(engineId: string, error: unknown): void {
    const { log, clock, onError } = this.deps
    const count = (this.#silences.get(engineId)?.count ?? 0) + 1
    this.#silences.set(engineId, { count, retryAtMs: clock.now() + RETRY_MS })
    if (error instanceof RuntimeFailure)
      log.debug({ engine: engineId }, `no look for viewers: ${error.message}`)
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
