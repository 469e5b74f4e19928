import { pruneEngines } from '../store/engines.ts'
import { pruneKeys } from '../store/idempotency.ts'
import { pruneJournal } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import { pruneStreams } from '../store/streams.ts'
import type { Clock } from './clock.ts'
import type { StreamBooks } from './streams.ts'

const DAY_MS = 86_400_000

/** How much history is kept; each bound is enough by itself to let a row go. */
const KEEP = {
  engines: { rows: 1_000, days: 30 },
  streams: { rows: 10_000, days: 30 },
  journal: { rows: 50_000, days: 30 },
  idempotencyKeys: { days: 1 },
} as const

/** History grows slowly, and every look at it is a commit. */
const REST_MS = 60_000

/** Prunes when it is asked to, and once a minute at most. */
export class Housekeeping {
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(
    private readonly deps: { readonly store: Store; readonly clock: Clock; readonly books: StreamBooks },
  ) {}

  run(): void {
    const now = this.deps.clock.now()
    if (now - this.#lastMs < REST_MS) return
    this.#lastMs = now
    this.deps.books.endForgotten()
    prune(this.deps.store, now)
  }
}

/** Deletes history beyond its bounds, so that every table has one. */
function prune(store: Store, nowMs: number): void {
  const before = (days: number): number => nowMs - days * DAY_MS
  store.transact((tx) => {
    pruneKeys(tx, before(KEEP.idempotencyKeys.days))
    pruneStreams(tx, KEEP.streams.rows, before(KEEP.streams.days))
    pruneJournal(tx, KEEP.journal.rows, before(KEEP.journal.days))
    pruneEngines(tx, KEEP.engines.rows, before(KEEP.engines.days))
  })
}
