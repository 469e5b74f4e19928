/** In each period of `WITHIN_MS` a few looks happen at once; further looks of a burst would find little that is new. */
const WITHIN_MS = 250

/** Counts expensive looks, and tells when the next one may happen. */
export class Throttle {
  #sinceMs = Number.NEGATIVE_INFINITY
  #count = 0

  /** `atOnce`: how many looks of a period happen at once. */
  constructor(private readonly atOnce = 20) {}

  /** Counts one more look, and returns how long it has to wait, in milliseconds; 0 if it may happen at once. */
  waitMs(nowMs: number): number {
    if (nowMs - this.#sinceMs >= WITHIN_MS) {
      this.#sinceMs = nowMs
      this.#count = 0
    }
    this.#count++
    return this.#count <= this.atOnce ? 0 : this.#sinceMs + WITHIN_MS - nowMs
  }
}
