/**
 * The engines and other containers that this process is creating, repairing or removing right now. All other code leaves
 * them alone. An id is held until all work on it has ended.
 */
export class InHand {
  readonly #holders = new Map<string, Set<Promise<void>>>()
  readonly #failing = new Set<string>()

  has(id: string): boolean {
    return this.#holders.has(id)
  }

  /** Whether the engine is being removed because it does not work. */
  isFailing(id: string): boolean {
    return this.#failing.has(id)
  }

  /** Resolves when the work that holds the id at this moment has ended. */
  async whenFree(id: string): Promise<void> {
    await Promise.allSettled(this.#holders.get(id) ?? [])
  }

  /** Holds the id while the work removes an engine that does not work. There is one such work at a time for each id. */
  async whileFailing(id: string, work: () => Promise<void>): Promise<void> {
    this.#failing.add(id)
    try {
      await this.during(id, work)
    } finally {
      this.#failing.delete(id)
    }
  }

  /** Holds the id while the work runs, whether it succeeds or fails. */
  async during<T>(id: string, work: () => Promise<T>): Promise<T> {
    const holders = this.#holders.get(id) ?? new Set()
    this.#holders.set(id, holders)
    const { promise, resolve } = Promise.withResolvers<void>()
    holders.add(promise)
    try {
      return await work()
    } finally {
      holders.delete(promise)
      if (holders.size === 0) this.#holders.delete(id)
      resolve()
    }
  }
}
