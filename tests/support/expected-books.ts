import type { EndedEvent, StartedEvent } from './acexy-recorded.ts'

/**
 * What the books must contain, computed from the events alone: a start opens a stream that is not open, an end closes it.
 */
export class ExpectedBooks {
  readonly #portById = new Map<string, number>()

  /** A failed attempt opens no stream. Its session has that name, or no URLs. */
  start({ labels, session }: StartedEvent): void {
    if (session.playback_session_id === 'fetch_failed' || session.stat_url === '') return
    if (!this.#portById.has(labels.stream_id)) {
      this.#portById.set(labels.stream_id, Number(new URL(session.stat_url).port))
    }
  }

  /** Returns whether there was a stream to end. */
  end({ stream_id }: EndedEvent): boolean {
    return this.#portById.delete(stream_id)
  }

  /** Ids of the started streams, sorted. */
  started(): string[] {
    return [...this.#portById.keys()].toSorted()
  }

  /** Ids of the started streams of the engine at a port, sorted. */
  startedAt(port: number): string[] {
    return this.started().filter((id) => this.#portById.get(id) === port)
  }
}
