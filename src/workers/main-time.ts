import { steadyNow } from '../lib/clock.ts'

const monotonic = (): number => performance.now()

/**
 * The time of the main thread, in a thread of its own: told at its start, and by what has gone by from there on, since the machine's clock may
 * be set at any moment. By that clock until it is told.
 */
export class MainTime {
  #now = steadyNow(Date.now, monotonic)

  /** Epoch milliseconds. */
  readonly now = (): number => this.#now()

  set(nowMs: number): void {
    this.#now = steadyNow(() => nowMs, monotonic)
  }
}
