import type { Clock } from './clock.ts'

export interface WorkQueueOptions {
  readonly clock: Clock
  /** Does the work of one key. A rejection is reported, and the key is tried again later. */
  readonly work: (key: string) => Promise<void>
  readonly onError: (key: string, error: unknown, attempt: number) => void
  /** How many keys are worked on at the same time. */
  readonly concurrency: number
  /** The wait before attempt `attempt + 1` of a failing key, in milliseconds. */
  readonly backoffMs: (attempt: number) => number
}

/**
 * A keyed queue like those of Kubernetes controllers.
 *
 * INVARIANTS: Only one task works on a key at a time. If a key is added while it waits, it is worked on once; if it is added
 * while it is worked on, once more afterwards. Work begins in its own task, so the code that adds a key never runs the work,
 * even if the work is synchronous. A failed key is tried again after its back-off; a success resets the back-off. After
 * `stop` no new work begins.
 */
export class WorkQueue {
  readonly #waiting = new Set<string>()
  readonly #working = new Map<string, Promise<void>>()
  readonly #attempts = new Map<string, number>()
  readonly #timers = new Map<string, { readonly atMs: number; readonly cancel: () => void }>()
  #isPumpAsked = false
  #stopped = false

  constructor(private readonly options: WorkQueueOptions) {}

  add(key: string): void {
    if (this.#stopped) return
    this.#cancelTimer(key)
    this.#waiting.add(key)
    this.#pump()
  }

  /** Adds the key after `ms`. An `add` before that time, or another `addAfter` of the key, replaces it. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return
    const { clock } = this.options
    this.#cancelTimer(key)
    const cancel = clock.after(ms, () => {
      this.#timers.delete(key)
      this.add(key)
    })
    this.#timers.set(key, { atMs: clock.now() + ms, cancel })
  }

  /** Adds the key after `ms` at the latest; if it is already due earlier, nothing changes. */
  addWithin(key: string, ms: number): void {
    const timer = this.#timers.get(key)
    if (this.#waiting.has(key) || (timer !== undefined && timer.atMs <= this.options.clock.now() + ms)) return
    this.addAfter(key, ms)
  }

  /** Adds the key unless it is waiting, in back-off or being worked on. */
  addUnlessKnown(key: string): void {
    if (!this.#timers.has(key) && !this.#working.has(key)) this.add(key)
  }

  /** Begins no new work, and resolves when the running work has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#waiting.clear()
    for (const key of [...this.#timers.keys()]) this.#cancelTimer(key)
    await Promise.all(this.#working.values())
  }

  #cancelTimer(key: string): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }

  /** Schedules the start of waiting keys. If the concurrency is used up, the end of a running key calls this again. */
  #pump(): void {
    if (this.#isPumpAsked || this.#working.size >= this.options.concurrency) return
    this.#isPumpAsked = true
    this.options.clock.soon(() => {
      this.#isPumpAsked = false
      this.#begin()
    })
  }

  #begin(): void {
    for (const key of this.#waiting) {
      if (this.#stopped || this.#working.size >= this.options.concurrency) return
      if (this.#working.has(key)) continue
      this.#waiting.delete(key)
      // The key is marked before its work starts, because the work may add its own key before its first wait.
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#working.set(key, promise)
      void this.#process(key).finally(resolve)
    }
  }

  async #process(key: string): Promise<void> {
    try {
      await this.options.work(key)
      this.#attempts.delete(key)
    } catch (error) {
      const attempt = (this.#attempts.get(key) ?? 0) + 1
      this.#attempts.set(key, attempt)
      this.options.onError(key, error, attempt)
      if (!this.#waiting.has(key)) this.addAfter(key, this.options.backoffMs(attempt))
    } finally {
      this.#working.delete(key)
      this.#pump()
    }
  }
}

/**
 * The wait after a failed attempt (1 is the first), in milliseconds. It doubles with each attempt within the bounds; the
 * result is a random value between half of that and all of it.
 */
export function backoffMs(
  attempt: number,
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
  random: () => number,
): number {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 16))
  return full / 2 + (full / 2) * random()
}
