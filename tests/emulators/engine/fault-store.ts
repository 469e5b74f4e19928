/** Faults in force, of whatever kind. Whoever must act at once on a change listens; requests that hang wait here. */
export class FaultStore<F extends object> {
  #faults: F
  readonly #listeners = new Set<() => void>()

  /** `merge` gives the first faults with what the second names, or throws where that cannot be used. */
  constructor(
    readonly none: F,
    readonly merge: (current: F, input: unknown) => F,
  ) {
    this.#faults = none
  }

  get faults(): F {
    return this.#faults
  }

  /** Sets the fields that `input` names. @throws {FaultError} when it cannot be used; nothing changes then. */
  set(input: unknown): void {
    this.#replace(this.merge(this.#faults, input))
  }

  clear(): void {
    this.#replace(this.none)
  }

  /** Calls `listener` after each change; gives back what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when `condition`, which depends on the faults, holds, or when `signal` aborts. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted || condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const look = () => {
        if (!signal.aborted && !condition()) return
        unlisten()
        signal.removeEventListener('abort', look)
        resolve()
      }
      const unlisten = this.onChange(look)
      signal.addEventListener('abort', look)
    })
  }

  #replace(faults: F): void {
    this.#faults = faults
    for (const listener of [...this.#listeners]) listener()
  }
}
