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

/** Whose the entries are that follow the one with the id `after`, up to those of the next one noted. */
interface Noted {
  readonly caller: Caller
  readonly after: number
}

/**
 * Tells in the log what becomes of streams, and what callers and operators order. It reads the journal, which has each of
 * these exactly once, whichever component wrote it, and nothing that was rolled back.
 */
export class Story {
  #lastEntry: number
  #noted: Noted[] = []
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

  /**
   * Returns `work` for a transaction that shares its commit with those of other callers. What it writes to the journal is told
   * as done by this caller.
   */
  noting<R>(caller: Caller, work: (tx: Db) => R): (tx: Db) => R {
    return (tx) => {
      const after = lastJournalId(tx)
      const result = work(tx)
      this.#noted.push({ caller, after })
      return result
    }
  }

  /** Tells the entries since the last call. Call this after every commit. */
  catchUp(): void {
    const { db } = this.deps.store
    const newest = lastJournalId(db)
    const since = this.#lastEntry
    this.#lastEntry = newest
    const noted = this.#noted
    this.#noted = []
    if (newest <= since || this.#isFull()) return
    const entries = journalAfter(db, since, ENTRIES_MAX).filter(({ kind }) => STORY_KINDS.has(kind))
    for (const entry of entries) {
      // A transaction that ran again in an outage was noted twice.
      const by = noted.findLast(({ after }) => after < entry.id)
      this.#tell(db, entry, by?.caller ?? this.#caller)
    }
  }

  #tell(db: Db, entry: JournalRow, caller: Caller | null): void {
    const stream = entry.streamId === null ? undefined : newestStream(db, entry.streamId)
    const line = storyLine(entry, stream ?? null)
    if (line === null || this.#isFull()) return
    this.#lines++
    this.deps.log.info({ ...line.fields, ...(caller && callerMembers(caller)) }, line.message)
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
