import { isDead } from '../../core/streams/sessions.ts'
import { type Engine, generationOf, isProbed } from '../../core/types.ts'
import { engineById } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import { streamByRow } from '../../store/streams.ts'
import type { SessionFact, SessionFacts } from '../facts/session-facts.ts'
import type { Statistics } from '../streams/statistics.ts'
import type { StreamBooks } from '../streams/stream-books.ts'

/** Where what went wrong with sessions is counted. */
export interface SessionCounts {
  /** Questions about started streams that got no answer, or one that is none. */
  collectorFailed(count: number): void
  /** Streams that were ended since their engine did not know the session any more. */
  streamsLost(count: number): void
}

/**
 * Takes what engines say of sessions: keeps it for whoever decides, has the figures of started streams written, and ends the
 * streams whose session their engine does not know any more.
 */
export class SessionMonitor {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly sessions: SessionFacts
      readonly statistics: Statistics
      readonly books: StreamBooks
      readonly counts: SessionCounts
    },
  ) {}

  note(facts: readonly SessionFact[]): void {
    const { store, sessions, statistics, books, counts } = this.deps
    const engines = new Map<string, Engine | undefined>()
    for (const { engineId } of facts)
      if (!engines.has(engineId)) engines.set(engineId, engineById(store.db, engineId))
    // What was said of another start of an engine says nothing of this one.
    const current = facts.filter(({ engineId, generation }) => {
      const engine = engines.get(engineId)
      return engine !== undefined && isProbed(engine) && generationOf(engine) === generation
    })
    sessions.note(current)
    for (const { streamRowId, figures, atMs } of current)
      if (figures !== null) statistics.note(streamRowId, figures, atMs)
    const dead = current.filter(({ streamRowId }) => {
      const session = sessions.of(streamRowId)
      return session !== null && isDead(session)
    })
    counts.collectorFailed(current.filter((fact) => this.#isFailure(fact)).length)
    counts.streamsLost(books.endDead(dead.map(({ streamRowId }) => streamRowId)).length)
  }

  /** Sessions of streams that have ended are asked about for another reason: nobody waits for their figures. */
  #isFailure({ state, streamRowId }: SessionFact): boolean {
    return state === 'silent' && streamByRow(this.deps.store.db, streamRowId)?.status === 'started'
  }
}
