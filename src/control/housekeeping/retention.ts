import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import { pruneEngines } from '../../store/engines.ts'
import { pruneKeys } from '../../store/idempotency.ts'
import { pruneJournal } from '../../store/journal.ts'
import { pruneToBytes } from '../../store/oldest.ts'
import { pruneOversized } from '../../store/oversized.ts'
import { usedBytes } from '../../store/size.ts'
import type { Store } from '../../store/store.ts'
import { pruneStreams } from '../../store/streams.ts'
import type { StreamBooks } from '../streams/stream-books.ts'
import type { StreamEnds } from '../streams/stream-ends.ts'

const DAY_MS = 86_400_000

interface Bound {
  readonly rows: number
  readonly days: number
}

/**
 * How much history is kept. A row is deleted as soon as one bound is exceeded. Rows that are still in use are kept beyond
 * the bounds.
 */
export interface HistoryLimits {
  readonly engines: Bound
  readonly streams: Bound
  readonly journal: Bound
  readonly idempotencyKeys: Bound
  /** Limit for the whole database. Beyond it, the oldest history is deleted. */
  readonly bytes: number
}

/** Time between two sweeps. History grows slowly, and every sweep is a commit. */
const REST_MS = 60_000

/** A sweep begins earlier after this many commits, because each commit adds a few rows. */
const COMMITS_MAX = 250

/** Pause between two steps of a sweep, so that requests are answered: no answer waits for more than one step. */
const STEP_REST_MS = 20

/**
 * Beyond the bound by more than this, there is no pause: requests with the longest texts bring more than steps with pauses
 * delete. Requests are answered between two steps all the same.
 */
const HURRY_BYTES = 5_000_000

/**
 * Prunes history once a minute and after every `COMMITS_MAX` commits, in short steps until nothing is left to prune. So each
 * table stays within its bounds, however fast it grows.
 */
export class Retention {
  #lastMs = Number.NEGATIVE_INFINITY
  #commits = 0
  #mayBeOversized = true
  #isStopped = false
  #cancel: (() => void) | null = null

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly books: Pick<StreamBooks, 'endForgotten' | 'endOversized'>
      /** Reads the journal before it is pruned. */
      readonly ends: Pick<StreamEnds, 'catchUp'>
      readonly limits: HistoryLimits
      readonly onError: OnError
    },
  ) {}

  start(): void {
    this.deps.store.onCommit(() => {
      this.#commits++
      if (this.#commits >= COMMITS_MAX) this.#stepAfter(STEP_REST_MS)
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  /** Begins a sweep if one is due. */
  run(): void {
    const isDue = this.deps.clock.now() - this.#lastMs >= REST_MS
    if (isDue && this.#cancel === null) this.#step()
  }

  #stepAfter(restMs: number): void {
    if (this.#cancel !== null || this.#isStopped) return
    const step = guarded(() => this.#step(), this.deps.onError)
    this.#cancel = this.deps.clock.after(restMs, () => {
      this.#cancel = null
      step()
    })
  }

  #step(): void {
    const { store, clock, books, ends, limits } = this.deps
    this.#lastMs = clock.now()
    this.#commits = 0
    // Nothing is deleted from the copy during an outage. The kept transactions count as commits again when they run on the
    // file.
    if (store.failure() !== null) return
    ends.catchUp()
    const isEnding = books.endForgotten() || (this.#mayBeOversized && books.endOversized())
    const isPruning = prune(store, limits, this.#lastMs)
    this.#mayBeOversized = this.#mayBeOversized && (isEnding || store.transact(pruneOversized))
    if (!isEnding && !isPruning && !this.#mayBeOversized) return
    const isFarBeyond = usedBytes(store.db) > limits.bytes + HURRY_BYTES
    this.#stepAfter(isFarBeyond ? 0 : STEP_REST_MS)
  }
}

/**
 * Deletes history beyond its bounds, at most a batch of each table and one step by bytes. Returns whether there may be more
 * to delete.
 */
function prune(
  store: Store,
  { idempotencyKeys, streams, journal, engines, bytes }: HistoryLimits,
  nowMs: number,
): boolean {
  const before = (days: number): number => nowMs - days * DAY_MS
  const isFull = store.transact((tx) => [
    pruneKeys(tx, idempotencyKeys.rows, before(idempotencyKeys.days)),
    pruneStreams(tx, streams.rows, before(streams.days)),
    pruneJournal(tx, journal.rows, before(journal.days)),
    pruneEngines(tx, engines.rows, before(engines.days)),
    pruneToBytes(tx, bytes),
  ])
  return isFull.includes(true)
}
