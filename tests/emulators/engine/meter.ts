/**
 * A stop watch that counts the milliseconds during which something ran. A session's data flow is one, so a stall needs no
 * bookkeeping of its own: the watch stops, and so does everything computed from it.
 */
export class Meter {
  #totalMs = 0
  #runningSinceMs: number | null = null

  /** The milliseconds counted until `nowMs`. */
  totalMs(nowMs: number): number {
    return this.#totalMs + (this.#runningSinceMs === null ? 0 : nowMs - this.#runningSinceMs)
  }

  get running(): boolean {
    return this.#runningSinceMs !== null
  }

  /** Starts or stops the watch at `nowMs`. Repeating the same state changes nothing. */
  turn(state: 'on' | 'off', nowMs: number): void {
    this.#totalMs = this.totalMs(nowMs)
    this.#runningSinceMs = state === 'on' ? nowMs : null
  }
}
