import type { Figures } from '../../core/streams/figures.ts'
import { type Session, withAnswer } from '../../core/streams/sessions.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'

/**
 * What an engine said of one session. `serves`: it has it, with the figures of its transfer (null where it gave none).
 * `ended`: it does not know it (any more). `silent`: no answer that says either.
 */
export interface SessionFact {
  readonly engineId: string
  readonly generation: number
  readonly streamRowId: number
  readonly state: 'serves' | 'ended' | 'silent'
  readonly figures: Figures | null
  readonly atMs: number
}

/** What engines have said of sessions of the books, by the row of the stream: in memory, unknown after a restart. */
export class SessionFacts {
  readonly #sessions = new Map<number, Session>()
  readonly #news: Emitter

  /** `onError` hears of listeners that fail. */
  constructor(onError: OnError) {
    this.#news = new Emitter(onError)
  }

  /** Calls `listener` when answers were added; it must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** Engines are asked about these sessions and no others; what is kept of others is dropped. */
  keepOnly(streamRowIds: ReadonlySet<number>): void {
    keepOnly(this.#sessions, streamRowIds)
  }

  /** Nobody asks for a while: what was said so far is no evidence of what is now. */
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

  /** Null when its engine was not asked about it yet. */
  of(streamRowId: number): Session | null {
    return this.#sessions.get(streamRowId) ?? null
  }
}
