import type { EndedEvent, StartedEvent } from './acexy-recorded.ts'

/** What the books must say, computed from the events alone: a start opens what is not open, an end closes it. */
export class ExpectedBooks {
  readonly #portById = new Map<string, number>()

  /** A failed attempt opens nothing; its session has that name, or no addresses. */
  start({ labels, session }: StartedEvent): void {
    if (session.playback_session_id === 'fetch_failed' || session.stat_url === '') return
    if (!this.#portById.has(labels.stream_id)) {
      this.#portById.set(labels.stream_id, Number(new URL(session.stat_url).port))
    }
  }

  /** Whether there was anything to end. */
  end({ stream_id }: EndedEvent): boolean {
    return this.#portById.delete(stream_id)
  }

  /** Ids of the started streams, sorted. */
  started(): string[] {
    return [...this.#portById.keys()].toSorted()
  }

  /** Ids of the streams that the engine at a port really serves, sorted. */
  startedAt(port: number): string[] {
    return this.started().filter((id) => this.#portById.get(id) === port)
  }
}
