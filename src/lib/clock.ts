/** Time as an argument: the real one in production, a virtual one in tests and simulations. */
export interface Clock {
  /** Whole epoch milliseconds that never go back, so that a difference of two of them is time that went by. */
  now(): number
  /** Resolves after `ms`, or at once when `signal` aborts; the caller looks at the signal to tell. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `work` once after `ms` unless the function it gives back is called first. */
  after(ms: number, work: () => void): () => void
  /** Calls `work` once in a task of its own: after everything that now waits for nothing but its turn, as answers do. */
  soon(work: () => void): void
}

/**
 * Tells the time by what the machine's clock said at first and what has gone by since: whoever sets that clock makes nothing older or
 * younger. Both are told in milliseconds; `monotonic` by a clock that nobody can set.
 */
export function steadyNow(wall: () => number, monotonic: () => number): () => number {
  const originMs = wall() - monotonic()
  return () => Math.floor(originMs + monotonic())
}

export const systemClock: Clock = {
  now: steadyNow(Date.now, () => performance.now()),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const timer = setTimeout(done, ms)
      function done(): void {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      signal?.addEventListener('abort', done)
    }),
  after: (ms, work) => {
    const timer = setTimeout(work, ms)
    return () => clearTimeout(timer)
  },
  soon: (work) => {
    setImmediate(work)
  },
}
