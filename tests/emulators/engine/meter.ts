/**
 * A stop watch: counts the milliseconds during which something ran. A session's data flow is one, so that a stall
 * needs no bookkeeping of its own: the watch stands still and everything computed from it does too.
 */
export class Meter {
  #totalMs = 0
  #runningSinceMs: number | null = null

  /** Milliseconds run until `nowMs`. */
  totalMs(nowMs: number): number {
    return this.#totalMs + (this.#runningSinceMs === null ? 0 : nowMs - this.#runningSinceMs)
  }

  get running(): boolean {
    return this.#runningSinceMs !== null
  }

  /** Lets it run or stand from `nowMs` on; saying the same again changes nothing. */
  turn(state: 'on' | 'off', nowMs: number): void {
    this.#totalMs = this.totalMs(nowMs)
    this.#runningSinceMs = state === 'on' ? nowMs : null
  }
}
