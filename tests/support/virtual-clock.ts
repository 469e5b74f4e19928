import type { Clock } from '../../src/lib/clock.ts'

interface Timer {
  readonly atMs: number
  readonly work: () => void
}

/** A clock that stands still until it is moved. Then it calls what is due, in order. */
export class VirtualClock implements Clock {
  #nowMs: number
  readonly #timers = new Set<Timer>()
  #soon = 0

  constructor(startMs = Date.parse('2026-11-23T12:00:00Z')) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  after(ms: number, work: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, work }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Runs the work at the same virtual time, because the clock does not move before all such work is done. */
  soon(work: () => void): void {
    this.#soon++
    setImmediate(() => {
      this.#soon--
      work()
    })
  }

  /** Lets time pass while the process is busy: no timer runs until that is done. */
  spend(ms: number): void {
    this.#nowMs += ms
  }

  /** How many timers are waiting. */
  timers(): number {
    return this.#timers.size
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  /** Moves on by `ms` and stops at every timer that is due on the way. What a timer causes has run when this resolves. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await this.#settled()
    for (let timer = this.#next(untilMs); timer !== undefined; timer = this.#next(untilMs)) {
      this.#timers.delete(timer)
      this.#nowMs = Math.max(this.#nowMs, timer.atMs)
      timer.work()
      await this.#settled()
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs)
  }

  async #settled(): Promise<void> {
    do await settled()
    while (this.#soon > 0)
  }

  #next(untilMs: number): Timer | undefined {
    let first: Timer | undefined
    // Of those of one moment the one that was set first, which the set has first.
    for (const timer of this.#timers)
      if (timer.atMs <= untilMs && (first === undefined || timer.atMs < first.atMs)) first = timer
    return first
  }
}

/** `Clock.sleep` in terms of `Clock.after`. */
export function sleepOn(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done)
  })
}

/** Lets everything run that only waits for its turn in the event loop. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
