import { type EndClass, endClassOf } from '../../core/streams/end-reasons.ts'
import { lastJournalId, streamEndsAfter } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'

/**
 * Tells each end of a stream since the start of this process to who counts. Every end is in the journal, whoever wrote it, and
 * none that was rolled back; so it is read on from where it was left.
 */
export class StreamEnds {
  #lastEntry: number

  constructor(
    private readonly store: Store,
    private readonly onEnd: (end: EndClass) => void,
  ) {
    this.#lastEntry = lastJournalId(store.db)
  }

  /** Tells those that were not told yet. To be called before the journal is pruned. */
  catchUp(): void {
    const { db } = this.store
    const newest = lastJournalId(db)
    if (newest === this.#lastEntry) return
    for (const reason of streamEndsAfter(db, this.#lastEntry)) this.onEnd(endClassOf(reason))
    this.#lastEntry = newest
  }
}
