import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import { pruneEngines } from '../../store/engines.ts'
import { pruneKeys } from '../../store/idempotency.ts'
import { pruneJournal } from '../../store/journal.ts'
import { pruneToBytes } from '../../store/oldest.ts'
import { pruneOversized } from '../../store/oversized.ts'
import type { Store } from '../../store/store.ts'
import { pruneStreams } from '../../store/streams.ts'
import type { StreamBooks } from '../streams/stream-books.ts'
import type { StreamEnds } from '../streams/stream-ends.ts'

const DAY_MS = 86_400_000

interface Bound {
  readonly rows: number
  readonly days: number
}

/** How much history is kept; each bound is enough by itself to let a row go. What still counts is kept beyond it. */
export interface HistoryLimits {
  readonly engines: Bound
  readonly streams: Bound
  readonly journal: Bound
  readonly idempotencyKeys: Bound
  /** Of the database with all that is in it: the oldest of what has been goes beyond that. */
  readonly bytes: number
}

/** History grows slowly, and every look at it is a commit. */
const REST_MS = 60_000

/** Unless there were so many commits, of which each adds a few rows. */
const COMMITS_MAX = 250

/** Between two steps of a sweep, so that whoever waits is answered: no answer waits for more than one of them. */
const STEP_REST_MS = 20

/**
 * Prunes once a minute, and after every so many commits: in short steps, one after the other for as long as there is more, so
 * that each table stays within its bound however fast it grows.
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
      if (this.#commits >= COMMITS_MAX) this.#stepSoon()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  /** Sweeps if it is time to. */
  run(): void {
    const isDue = this.deps.clock.now() - this.#lastMs >= REST_MS
    if (isDue && this.#cancel === null) this.#step()
  }

  #stepSoon(): void {
    if (this.#cancel !== null || this.#isStopped) return
    const step = guarded(() => this.#step(), this.deps.onError)
    this.#cancel = this.deps.clock.after(STEP_REST_MS, () => {
      this.#cancel = null
      step()
    })
  }

  #step(): void {
    const { store, clock, books, ends, limits } = this.deps
    this.#lastMs = clock.now()
    this.#commits = 0
    // What is kept for the file counts its commits again; nothing is deleted in a copy.
    if (store.failure() !== null) return
    ends.catchUp()
    const isEnding = books.endForgotten() || (this.#mayBeOversized && books.endOversized())
    const isPruning = prune(store, limits, this.#lastMs)
    this.#mayBeOversized = this.#mayBeOversized && (isEnding || store.transact(pruneOversized))
    if (isEnding || isPruning || this.#mayBeOversized) this.#stepSoon()
  }
}

/** Deletes history beyond its bounds, at most a batch of each table and a step by its bytes; gives whether there may be more. */
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
