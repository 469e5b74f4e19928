import type { Clock } from './clock.ts'
import type { OnError } from './guard.ts'

export interface LoopOptions {
  readonly clock: Pick<Clock, 'sleep'>
  /** The time between the end of a round and the start of the next one, in milliseconds. */
  readonly intervalMs: number
  /** Whether the first round starts at once, or after an interval. */
  readonly first: 'now' | 'later'
  /** One round; the signal aborts when the loop is stopped. */
  readonly work: (signal: AbortSignal) => void | Promise<void>
  readonly onError: OnError
}

/** Repeats work from `start` to `stop`. A round that fails is reported, and the next one still follows. */
export class Loop {
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(private readonly options: LoopOptions) {}

  /** Aborts when the loop is stopped; other work can end with it. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Ends the wait between two rounds at once, and resolves when a running round has ended. */
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
