import { STORY_KINDS, storyLine } from '../../core/reporting/story.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { type JournalRow, journalAfter, lastJournalId } from '../../store/journal.ts'
import type { Db, Store } from '../../store/store.ts'
import { newestStream } from '../../store/streams.ts'
import { type Caller, callerMembers } from './caller.ts'

/** The most entries that are read after one commit, and the most lines per minute. A caller may report streams at any rate. */
const ENTRIES_MAX = 200
const LINES_MAX = 600
const MINUTE_MS = 60_000

/**
 * Tells in the log what becomes of streams, and what callers and operators order. It reads the journal, which has each of
 * these exactly once, whichever component wrote it, and nothing that was rolled back.
 */
export class Story {
  #lastEntry: number
  #caller: Caller | null = null
  #minuteMs = 0
  #lines = 0

  constructor(private readonly deps: { readonly store: Store; readonly clock: Clock; readonly log: Log }) {
    this.#lastEntry = lastJournalId(deps.store.db)
  }

  /** Runs `work`. What it commits before it waits for anything is told as done by this caller. */
  by<T>(caller: Caller, work: () => T): T {
    this.#caller = caller
    try {
      return work()
    } finally {
      this.#caller = null
    }
  }

  /** Tells the entries since the last call. Call this after every commit. */
  catchUp(): void {
    const { db } = this.deps.store
    const newest = lastJournalId(db)
    const since = this.#lastEntry
    this.#lastEntry = newest
    if (newest <= since || this.#isFull()) return
    const entries = journalAfter(db, since, ENTRIES_MAX).filter(({ kind }) => STORY_KINDS.has(kind))
    for (const entry of entries) this.#tell(db, entry)
  }

  #tell(db: Db, entry: JournalRow): void {
    const stream = entry.streamId === null ? undefined : newestStream(db, entry.streamId)
    const line = storyLine(entry, stream ?? null)
    if (line === null || this.#isFull()) return
    this.#lines++
    this.deps.log.info({ ...line.fields, ...(this.#caller && callerMembers(this.#caller)) }, line.message)
    if (this.#isFull())
      this.deps.log.warn(
        { per_minute: LINES_MAX },
        'too much happens for the log: the journal has the rest of this minute',
      )
  }

  /** Whether this minute has had all its lines. Entries are not even read then, because they may come at any rate. */
  #isFull(): boolean {
    const now = this.deps.clock.now()
    if (now - this.#minuteMs >= MINUTE_MS) {
      this.#minuteMs = now
      this.#lines = 0
    }
    return this.#lines >= LINES_MAX
  }
}
