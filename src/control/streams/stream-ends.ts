import { type EndClass, endClassOf } from '../../core/streams/end-reasons.ts'
import { lastJournalId, streamEndsAfter } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'

/**
 * Reports each end of a stream since the start of this process to a counter. The journal has every end, whichever component
 * wrote it, and none that was rolled back. So this class reads the journal from where it stopped.
 */
export class StreamEnds {
  #lastEntry: number

  constructor(
    private readonly store: Store,
    private readonly onEnd: (end: EndClass) => void,
  ) {
    this.#lastEntry = lastJournalId(store.db)
  }

  /** Reports the ends that were not reported yet. Call this before the journal is pruned. */
  catchUp(): void {
    const { db } = this.store
    const newest = lastJournalId(db)
    if (newest === this.#lastEntry) return
    for (const reason of streamEndsAfter(db, this.#lastEntry)) this.onEnd(endClassOf(reason))
    this.#lastEntry = newest
  }
}
