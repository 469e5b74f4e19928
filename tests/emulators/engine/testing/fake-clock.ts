import type { Cancel, Clock } from '../clock.ts'

interface Timer {
  dueMs: number
  readonly intervalMs: number | null
  readonly run: () => void
}

/** A clock that moves only when a test moves it. */
export class FakeClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 1)
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#add({ dueMs: this.#nowMs + delayMs, intervalMs: null, run })
  }

  every(intervalMs: number, run: () => void): Cancel {
    return this.#add({ dueMs: this.#nowMs + intervalMs, intervalMs, run })
  }

  /** How many timers of {@link after} are waiting. */
  get waiting(): number {
    return [...this.#timers].filter(({ intervalMs }) => intervalMs === null).length
  }

  /** Moves the clock by `ms`. Timers that become due run in their order, each at its own time. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = next.dueMs
      if (next.intervalMs === null) this.#timers.delete(next)
      else next.dueMs += next.intervalMs
      next.run()
    }
    this.#nowMs = endMs
  }

  #next(endMs: number): Timer | undefined {
    return [...this.#timers]
      .filter(({ dueMs }) => dueMs <= endMs)
      .toSorted((left, right) => left.dueMs - right.dueMs)[0]
  }

  #add(timer: Timer): Cancel {
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }
}
