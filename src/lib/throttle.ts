/** So many looks follow their cause at once in each of these times; those of a burst would find little that is new. */
const AT_ONCE = 20
const WITHIN_MS = 250

/** Counts looks at something that costs, and tells when the next one may be. */
export class Throttle {
  #sinceMs = Number.NEGATIVE_INFINITY
  #count = 0

  /** Counts one more, and gives the milliseconds that it has to wait; 0 where it may be at once. */
  waitMs(nowMs: number): number {
    if (nowMs - this.#sinceMs >= WITHIN_MS) {
      this.#sinceMs = nowMs
      this.#count = 0
    }
    this.#count++
    return this.#count <= AT_ONCE ? 0 : this.#sinceMs + WITHIN_MS - nowMs
  }
}
