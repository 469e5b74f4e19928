import type { Clock } from './clock.ts'

export interface WorkQueueOptions {
  readonly clock: Clock
  /** Does the work of one key; a rejection is reported and the key tried again later. */
  readonly work: (key: string) => Promise<void>
  readonly onError: (key: string, error: unknown, attempt: number) => void
  /** Keys worked on at the same time. */
  readonly concurrency: number
  /** The wait before attempt `attempt + 1` of a failing key, in milliseconds. */
  readonly backoffMs: (attempt: number) => number
}

/**
 * A keyed queue in the manner of Kubernetes' controllers.
 *
 * INVARIANTS: a key is worked on by one at a time. A key added while it waits is worked on once; added while it is
 * worked on, once more afterwards. Work begins in a task of its own, so whoever adds a key never does its work, however
 * much of that is synchronous. A failed key comes back after its back-off, a success forgets it. After `stop` nothing new
 * begins.
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

  /** Adds the key after `ms`; an earlier `add` or a later `addAfter` of it takes this one's place. */
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

  /** Adds the key after `ms` at the latest: one that comes earlier anyway stays as it is. */
  addWithin(key: string, ms: number): void {
    const timer = this.#timers.get(key)
    if (this.#waiting.has(key) || (timer !== undefined && timer.atMs <= this.options.clock.now() + ms)) return
    this.addAfter(key, ms)
  }

  /** Adds a key that neither waits, nor for its back-off, nor is worked on. */
  addUnlessKnown(key: string): void {
    if (!this.#timers.has(key) && !this.#working.has(key)) this.add(key)
  }

  /** Begins nothing new and resolves when what runs has ended. */
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

  /** Where no more keys may be worked on, the end of one of them asks again. */
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
      // Marked first: the work may ask for its own key before it waits for anything.
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

/** The wait after a failed attempt (1 is the first), doubled each time within the bounds; half of it is by chance. */
export function backoffMs(
  attempt: number,
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
  random: () => number,
): number {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 16))
  return full / 2 + (full / 2) * random()
}
