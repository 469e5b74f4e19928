import {
  type CacheAttempt,
  failedAttempt,
  isGivenUp,
  nextCleanup,
  unansweredAttempt,
} from '../../core/engines/cache.ts'
import { type Engine, generationOf, isLive } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'
import type { Log } from '../../lib/log.ts'
import { WorkQueue } from '../../lib/workqueue.ts'
import { type Commands, RuntimeFailure } from '../../runtime/runtime.ts'
import { engineById, liveEngines, updateEngine } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import { startedByEngine } from '../../store/streams.ts'
import type { Facts } from '../facts/facts.ts'
import { emptyFolder, foundBytes } from './cache-command.ts'

export interface CacheCleanerDeps {
  readonly store: Store
  readonly clock: Clock
  readonly commands: Commands
  readonly facts: Facts
  readonly log: Log
  readonly onError: OnError
  /** The path of the cache folder in containers of an image; null if their cache is left alone. */
  readonly pathIn: (image: string) => string | null
}

const ROUND = 'round'

/** How long changes are collected until the next round. No change is urgent. */
const REST_MS = 1_000

/** The longest time between rounds. A round finds whatever was missed. */
const PASS_MS = 60_000

/**
 * Empties the cache of engines that became idle, one engine after another. The next engine is chosen anew before each
 * command, and nothing happens between the choice and the command. Nothing depends on this: a failure is only logged.
 */
export class CacheCleaner {
  readonly #stop = new AbortController()
  readonly #queue: WorkQueue
  /** The last failed attempt of each engine. */
  readonly #attempts = new Map<string, CacheAttempt>()

  constructor(private readonly deps: CacheCleanerDeps) {
    this.#queue = new WorkQueue({
      clock: deps.clock,
      concurrency: 1,
      work: () => this.#round(),
      onError: (_, error) => deps.onError(error),
      backoffMs: () => PASS_MS,
    })
  }

  start(): void {
    const { store, facts } = this.deps
    const soon = (): void => this.#queue.addWithin(ROUND, REST_MS)
    store.onCommit(soon)
    facts.onNews(soon)
    soon()
  }

  /** Starts nothing new. Resolves when the command in progress was given up; the command runs on in its container. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#queue.stop()
  }

  async #round(): Promise<void> {
    for (let engine = this.#next(); engine !== null; engine = this.#next()) await this.#clean(engine)
  }

  /** The engine whose cache is due now. If there is none, returns null and schedules the next round. */
  #next(): Engine | null {
    const { store, facts, clock } = this.deps
    if (this.#stop.signal.aborted) return null
    const now = clock.now()
    const engines = liveEngines(store.db).filter(({ image }) => this.deps.pathIn(image) !== null)
    keepOnly(this.#attempts, new Set(engines.map(({ id }) => id)))
    // The facts may be out of date. When they are current again, a new round is scheduled.
    if (store.failure() !== null) return null
    if (facts.docker().state !== 'reachable' || !facts.watch().isCurrent) return null
    const streams = startedByEngine(store.db)
    const { engineId, wakeAtMs } = nextCleanup(
      engines.map((engine) => ({
        engine,
        isRunning: facts.isRunning(engine),
        startedStreams: streams.get(engine.id) ?? 0,
        attempt: this.#attempts.get(engine.id) ?? null,
      })),
      now,
    )
    if (engineId === null) this.#queue.addWithin(ROUND, Math.min(PASS_MS, (wakeAtMs ?? now + PASS_MS) - now))
    return engines.find(({ id }) => id === engineId) ?? null
  }

  async #clean(engine: Engine): Promise<void> {
    const { commands, clock, pathIn } = this.deps
    const { signal } = this.#stop
    const path = pathIn(engine.image)
    if (path === null) return
    const askedAtMs = clock.now()
    try {
      const found = foundBytes(await commands.exec(engine.containerId ?? '', emptyFolder(path), signal))
      if (typeof found === 'string') this.#failed(engine, found)
      else this.#cleaned(engine, askedAtMs, found)
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      if (!signal.aborted) this.#notDone(engine, error)
    }
  }

  /**
   * Notes the cleanup with the time of its command, because the cache of a stream that came later has to be cleaned as well.
   */
  #cleaned(asked: Engine, atMs: number, bytes: number): void {
    const { store, clock, log } = this.deps
    this.#attempts.delete(asked.id)
    if (!this.#isAsAsked(asked)) return
    store.transact((tx) => {
      updateEngine(tx, asked.id, { cacheCleanedAt: atMs, cacheSizeBytes: bytes })
      appendJournal(tx, clock.now(), { kind: 'engine.cache_cleaned', engineId: asked.id, detail: { bytes } })
    })
    log.debug({ engine: asked.id, name: asked.name, bytes }, 'its cache was emptied')
  }

  /** Whether the container is still the one that got the command, and was not restarted since. */
  #isAsAsked(asked: Engine): boolean {
    const now = engineById(this.deps.store.db, asked.id)
    if (now === undefined || !isLive(now)) return false
    return now.containerId === asked.containerId && generationOf(now) === generationOf(asked)
  }

  #notDone(engine: Engine, { code, message }: RuntimeFailure): void {
    const before = this.#attempts.get(engine.id) ?? null
    const attempt = unansweredAttempt(before, engine, this.deps.clock.now())
    // Docker may be away or the container gone, and the news may not have arrived yet.
    const mayPass = code === 'unreachable' || code === 'not_found'
    if (mayPass && !isGivenUp(attempt)) this.#attempts.set(engine.id, attempt)
    else this.#failed(engine, message)
  }

  #failed(engine: Engine, why: string): void {
    const { log, pathIn } = this.deps
    this.#attempts.set(engine.id, failedAttempt(engine))
    if (!this.#isAsAsked(engine)) return
    const { id, name } = engine
    const path = pathIn(engine.image)
    log.warn({ engine: id, name, path }, `its cache was not emptied, and stays until its next use: ${why}`)
  }
}
