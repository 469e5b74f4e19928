/** One piece of the feed, encoded once for all subscribers. */
export interface Frame {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The id of the journal entry in this frame; null for any other frame. */
  readonly journalId: number | null
}

/** A subscriber that has not taken this much counts as slow. */
export interface BacklogLimits {
  readonly frames: number
  readonly bytes: number
}

/**
 * The frames that one subscriber has not taken yet. It holds no more than its limits plus what was added last: many frames
 * may be added at once, which does not mean that the subscriber is slow.
 */
export class Backlog {
  #frames: Frame[] = []
  #bytes = 0

  constructor(private readonly limits: BacklogLimits) {}

  /** Adds frames at the end. Returns false, and changes nothing, if too many are waiting already. */
  add(frames: readonly Frame[]): boolean {
    if (this.#frames.length >= this.limits.frames || this.#bytes >= this.limits.bytes) return false
    this.#frames = [...this.#frames, ...frames]
    this.#bytes += frames.reduce((sum, { bytes }) => sum + bytes.length, 0)
    return true
  }

  /**
   * Removes and returns the oldest frames: at least one, at most `count`, and together at most `bytes` unless the first one
   * alone is larger.
   */
  take(bytes: number, count: number): readonly Frame[] {
    let taken = 0
    let sum = 0
    for (const frame of this.#frames.slice(0, count)) {
      if (taken > 0 && sum + frame.bytes.length > bytes) break
      sum += frame.bytes.length
      taken++
    }
    this.#bytes -= sum
    return this.#frames.splice(0, taken)
  }

  /** Drops all frames; returns the id of the first journal entry among them, or null. */
  drop(): number | null {
    const first = this.#frames.find(({ journalId }) => journalId !== null)?.journalId ?? null
    this.#frames = []
    this.#bytes = 0
    return first
  }
}
