import type { Figures } from '../../core/streams/figures.ts'
import { type Session, withAnswer } from '../../core/streams/sessions.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'

/**
 * What an engine said about one session. `serves`: the engine has the session; `figures` are those of its transfer (null if
 * it gave none). `ended`: the engine does not know the session, or no longer. `silent`: the engine gave neither answer.
 */
export interface SessionFact {
  readonly engineId: string
  readonly generation: number
  readonly streamRowId: number
  readonly state: 'serves' | 'ended' | 'silent'
  readonly figures: Figures | null
  readonly atMs: number
}

/** What engines said about the sessions of stream rows. Kept in memory, unknown after a restart. */
export class SessionFacts {
  readonly #sessions = new Map<number, Session>()
  readonly #news: Emitter

  /** `onError` receives the errors of listeners. */
  constructor(onError: OnError) {
    this.#news = new Emitter(onError)
  }

  /** Calls `listener` when answers were added. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** Drops what is kept about all other sessions, which engines are not asked about any more. */
  keepOnly(streamRowIds: ReadonlySet<number>): void {
    keepOnly(this.#sessions, streamRowIds)
  }

  /** Forgets all answers. Called when the health worker was lost: old answers are no evidence for the present. */
  forgetAll(): void {
    this.#sessions.clear()
  }

  note(facts: readonly SessionFact[]): void {
    for (const { streamRowId, state, figures, atMs } of facts) {
      const downloaded = figures?.downloaded ?? null
      this.#sessions.set(streamRowId, withAnswer(this.of(streamRowId), { state, downloaded, atMs }))
    }
    if (facts.length > 0) this.#news.emit()
  }

  /** What the engine said about this stream row; null if it was not asked yet. */
  of(streamRowId: number): Session | null {
    return this.#sessions.get(streamRowId) ?? null
  }
}
