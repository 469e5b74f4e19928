import { type Session, type SessionAnswer, withAnswer } from '../core/sessions.ts'

/** What engines have said of sessions of the books, by the row of the stream: in memory, unknown after a restart. */
export class SessionFacts {
  readonly #sessions = new Map<number, Session>()
  readonly #listeners: (() => void)[] = []

  /** Calls `listener` when an answer was added; it must be quick. */
  onNews(listener: () => void): void {
    this.#listeners.push(listener)
  }

  note(streamRowId: number, answer: SessionAnswer): void {
    this.#sessions.set(streamRowId, withAnswer(this.of(streamRowId), answer))
    for (const listener of this.#listeners) listener()
  }

  /** Null when its engine was not asked yet. */
  of(streamRowId: number): Session | null {
    return this.#sessions.get(streamRowId) ?? null
  }

  /** When the bytes of one of them were last seen to move; null when never. */
  movedAtMs(streamRowIds: readonly number[]): number | null {
    const times = streamRowIds.flatMap((id) => this.#sessions.get(id)?.movedMs ?? [])
    return times.length === 0 ? null : Math.max(...times)
  }

  /** Drops what is kept of all others. */
  keepOnly(streamRowIds: ReadonlySet<number>): void {
    for (const id of this.#sessions.keys()) if (!streamRowIds.has(id)) this.#sessions.delete(id)
  }
}
