/** The clock as an argument: the real one in production, a virtual one in tests and simulations. */
export interface Clock {
  /** Whole epoch milliseconds that never go back, so that the difference of two readings is the time that passed. */
  now(): number
  /** Resolves after `ms`, or at once if `signal` aborts; the caller checks the signal to tell which. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `work` once after `ms`, unless the returned function is called first. */
  after(ms: number, work: () => void): () => void
  /** Calls `work` once in its own task, after all work that is already queued, such as answers. */
  soon(work: () => void): void
}

/**
 * Returns a clock that starts with the machine's time and then follows a monotonic clock, so that setting the machine's
 * clock makes nothing older or younger. Both arguments return milliseconds; nobody can set `monotonic`.
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
