import { isDead } from '../../core/streams/sessions.ts'
import { type Engine, generationOf, isProbed } from '../../core/types.ts'
import { engineById } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import { streamByRow } from '../../store/streams.ts'
import type { SessionFact, SessionFacts } from '../facts/session-facts.ts'
import type { PlaybackWatch } from '../streams/playback-watch.ts'
import type { Statistics } from '../streams/statistics.ts'
import type { StreamBooks } from '../streams/stream-books.ts'

/** Counts what goes wrong with sessions. */
export interface SessionCounts {
  /** Counts questions about started streams that got no answer, or an unusable one. */
  collectorFailed(count: number): void
  /** Counts streams that were ended because their engine no longer knew the session. */
  streamsLost(count: number): void
}

/**
 * Handles what engines say about sessions. Keeps it for decisions, records the figures of started streams, and ends streams
 * whose session their engine no longer knows.
 */
export class SessionMonitor {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly sessions: SessionFacts
      readonly statistics: Statistics
      readonly books: StreamBooks
      readonly playback: Pick<PlaybackWatch, 'moved'>
      readonly counts: SessionCounts
    },
  ) {}

  note(facts: readonly SessionFact[]): void {
    const { store, sessions, statistics, books, playback, counts } = this.deps
    const engines = new Map<string, Engine | undefined>()
    for (const { engineId } of facts)
      if (!engines.has(engineId)) engines.set(engineId, engineById(store.db, engineId))
    // A fact about another start of an engine says nothing about the current one.
    const current = facts.filter(({ engineId, generation }) => {
      const engine = engines.get(engineId)
      return engine !== undefined && isProbed(engine) && generationOf(engine) === generation
    })
    sessions.note(current)
    for (const { streamRowId, figures, atMs } of current)
      if (figures !== null) statistics.note(streamRowId, figures, atMs)
    for (const { engineId, streamRowId, atMs } of current)
      if (sessions.of(streamRowId)?.movedMs === atMs) playback.moved(engineId, streamRowId, atMs)
    const dead = current.filter(({ streamRowId }) => {
      const session = sessions.of(streamRowId)
      return session !== null && isDead(session)
    })
    counts.collectorFailed(current.filter((fact) => this.#isFailure(fact)).length)
    counts.streamsLost(books.endDead(dead.map(({ streamRowId }) => streamRowId)).length)
  }

  /**
   * Whether a question about a started stream failed. Ended streams are asked about for another reason; nobody needs their
   * figures.
   */
  #isFailure({ state, streamRowId }: SessionFact): boolean {
    return state === 'silent' && streamByRow(this.deps.store.db, streamRowId)?.status === 'started'
  }
}
