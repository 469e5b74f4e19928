/** Time for a loop: the real one, or a virtual one. */
export interface LoopClock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after `ms`, or when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Wakes a loop before its time. A ring that nobody waits for is not lost. */
export class Bell {
  #hasRung = false
  #rung = new AbortController()

  constructor(private readonly clock: LoopClock) {}

  ring(): void {
    this.#hasRung = true
    this.#rung.abort()
  }

  /** Resolves after `ms`, when it rings, at once if it has rung since the last time, or when the signal aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasRung) await this.clock.sleep(ms, AbortSignal.any([signal, this.#rung.signal]))
    this.#hasRung = false
    this.#rung = new AbortController()
  }
}
