import type { Clock } from './clock.ts'
import type { OnError } from './guard.ts'

export interface LoopOptions {
  readonly clock: Pick<Clock, 'sleep'>
  /** Between the end of a round and the beginning of the next, in milliseconds. */
  readonly intervalMs: number
  /** Whether the first round comes at once, or after an interval. */
  readonly first: 'now' | 'later'
  /** One round; the signal aborts when the loop is stopped. */
  readonly work: (signal: AbortSignal) => void | Promise<void>
  readonly onError: OnError
}

/** Works again and again from `start` to `stop`. A round that fails is reported, and the next one comes all the same. */
export class Loop {
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(private readonly options: LoopOptions) {}

  /** Aborts when the loop is stopped: for whatever else ends with it. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Ends the wait between two rounds at once, and resolves when the round that runs has ended. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, intervalMs, first, work, onError } = this.options
    const { signal } = this
    if (first === 'later') await clock.sleep(intervalMs, signal)
    while (!signal.aborted) {
      try {
        await work(signal)
      } catch (error) {
        onError(error)
      }
      await clock.sleep(intervalMs, signal)
    }
  }
}
