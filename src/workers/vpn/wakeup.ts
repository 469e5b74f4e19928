/** The clock of a loop: the real one, or a virtual one. */
export interface LoopClock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after `ms`, or when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Wakes a loop early. If the loop is not waiting, the wake-up ends its next wait. */
export class Wakeup {
  #isWoken = false
  #woken = new AbortController()

  constructor(private readonly clock: LoopClock) {}

  wake(): void {
    this.#isWoken = true
    this.#woken.abort()
  }

  /** Resolves after `ms`, at a wake-up, or when the signal aborts; at once if there was a wake-up since the last wait. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isWoken) await this.clock.sleep(ms, AbortSignal.any([signal, this.#woken.signal]))
    this.#isWoken = false
    this.#woken = new AbortController()
  }
}
