import type { Clock } from '../../src/lib/clock.ts'
import { sleepOn } from '../support/virtual-clock.ts'

interface Timer {
  readonly atMs: number
  readonly number: number
  /** Null after it was cancelled. A cancelled timer is dropped when its time comes. */
  work: (() => void) | null
}

/**
 * A clock that stands still until it is stepped from one timer to the next. Timers with the same time run in the order in
 * which they were set. It is a binary heap, because a seed has tens of thousands of timers.
 */
export class SimClock implements Clock {
  readonly #heap: Timer[] = []
  #nowMs: number
  #spentMs = 0
  #count = 0

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  after(ms: number, work: () => void): () => void {
    // Whole milliseconds, as on the real clock.
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, Math.ceil(ms)), number: this.#count++, work }
    this.#push(timer)
    return () => {
      timer.work = null
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  /** Runs `work` at the present time, after the timers that are already due. */
  soon(work: () => void): void {
    this.after(0, work)
  }

  /** Lets time pass while a process is busy: no timer that becomes due meanwhile runs before that is done. */
  spend(ms: number): void {
    this.#nowMs += ms
    this.#spentMs += ms
  }

  /** The total time that passed this way. */
  spentMs(): number {
    return this.#spentMs
  }

  /**
   * Runs the next timer that is due by `untilMs`, and then everything that follows without waiting for a timer. Returns
   * false, with the clock at `untilMs`, if there is none.
   */
  async step(untilMs: number): Promise<boolean> {
    const timer = this.#next(untilMs)
    if (timer === null) {
      this.#nowMs = Math.max(this.#nowMs, untilMs)
      return false
    }
    this.#nowMs = Math.max(this.#nowMs, timer.atMs)
    const { work } = timer
    timer.work = null
    work?.()
    await settled()
    return true
  }

  #next(untilMs: number): Timer | null {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.work !== null && first.atMs > untilMs) return null
      this.#pop()
      if (first.work !== null) return first
    }
    return null
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, timer)) break
      heap[at] = parent
      at = above
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      const isRight = left !== undefined && right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (child === undefined || isBefore(last, child)) break
      heap[at] = child
      at = 2 * at + (isRight ? 2 : 1)
    }
    heap[at] = last
  }
}

const isBefore = (one: Timer, other: Timer): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.number < other.number)

/**
 * Waits for one turn of the event loop, which only comes when no microtask is left. Elysia and the store need nothing more.
 */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
