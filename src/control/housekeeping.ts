import type { Clock } from '../lib/clock.ts'
import { pruneEngines } from '../store/engines.ts'
import { pruneKeys } from '../store/idempotency.ts'
import { pruneJournal } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import { pruneStreams } from '../store/streams.ts'
import type { StreamBooks } from './streams.ts'

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
}

/** History grows slowly, and every look at it is a commit. */
const REST_MS = 60_000

/** Prunes when it is asked to, and once a minute at most. */
export class Housekeeping {
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly books: StreamBooks
      readonly limits: HistoryLimits
    },
  ) {}

  run(): void {
    const now = this.deps.clock.now()
    if (now - this.#lastMs < REST_MS) return
    this.#lastMs = now
    this.deps.books.endForgotten()
    prune(this.deps.store, this.deps.limits, now)
  }
}

/** Deletes history beyond its bounds, so that every table has one. */
function prune(
  store: Store,
  { idempotencyKeys, streams, journal, engines }: HistoryLimits,
  nowMs: number,
): void {
  const before = (days: number): number => nowMs - days * DAY_MS
  store.transact((tx) => {
    pruneKeys(tx, idempotencyKeys.rows, before(idempotencyKeys.days))
    pruneStreams(tx, streams.rows, before(streams.days))
    pruneJournal(tx, journal.rows, before(journal.days))
    pruneEngines(tx, engines.rows, before(engines.days))
  })
}
