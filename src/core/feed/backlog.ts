/** A piece of the feed, encoded once for all its readers. */
export interface Frame {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The entry of the journal that it tells; null for all else. */
  readonly journalId: number | null
}

/** From how much on a reader that has not taken it counts as slow. */
export interface BacklogLimits {
  readonly frames: number
  readonly bytes: number
}

/**
 * What one reader has not taken yet. It holds no more than its limits and what was added last: a flock of news comes at once, and
 * says nothing of its readers.
 */
export class Backlog {
  #frames: Frame[] = []
  #bytes = 0

  constructor(private readonly limits: BacklogLimits) {}

  /** Adds frames behind the others; false when too many wait already, and then nothing is changed. */
  add(frames: readonly Frame[]): boolean {
    if (this.#frames.length >= this.limits.frames || this.#bytes >= this.limits.bytes) return false
    this.#frames = [...this.#frames, ...frames]
    this.#bytes += frames.reduce((sum, { bytes }) => sum + bytes.length, 0)
    return true
  }

  /** The oldest frames that have `bytes` or less together, and one at least, `count` at most; they are not kept here any more. */
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

  /** Drops everything; gives the first entry of the journal that was in it, or null. */
  drop(): number | null {
    const first = this.#frames.find(({ journalId }) => journalId !== null)?.journalId ?? null
    this.#frames = []
    this.#bytes = 0
    return first
  }
}
