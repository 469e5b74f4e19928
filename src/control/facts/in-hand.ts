/**
 * The engines and other containers that this process is making, mending or removing right now; everybody else leaves them alone. An
 * id is held until each piece of work on it has ended.
 */
export class InHand {
  readonly #holders = new Map<string, Set<Promise<void>>>()

  has(id: string): boolean {
    return this.#holders.has(id)
  }

  /** Resolves when the work that holds the id now has ended. */
  async whenFree(id: string): Promise<void> {
    await Promise.allSettled(this.#holders.get(id) ?? [])
  }

  /** Holds the id while the work runs, however that ends. */
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
