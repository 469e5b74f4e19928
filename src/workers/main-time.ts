import { steadyNow } from '../lib/clock.ts'

const monotonic = (): number => performance.now()

/**
 * The main thread's time in a worker thread. The main thread sends its time once, and from then on a monotonic clock counts,
 * because the machine's clock may be set at any moment. Until that message arrives, the machine's clock is used.
 */
export class MainTime {
  #now = steadyNow(Date.now, monotonic)

  /** Epoch milliseconds. */
  readonly now = (): number => this.#now()

  set(nowMs: number): void {
    this.#now = steadyNow(() => nowMs, monotonic)
  }
}
