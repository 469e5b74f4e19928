/** The present faults, of any kind. Listeners can react to a change at once, and hanging requests wait here. */
export class FaultStore<F extends object> {
  #faults: F
  readonly #listeners = new Set<() => void>()

  /** `merge` returns the first faults with the fields of the second replaced, or throws if they are not valid. */
  constructor(
    readonly none: F,
    readonly merge: (current: F, input: unknown) => F,
  ) {
    this.#faults = none
  }

  get faults(): F {
    return this.#faults
  }

  /** Sets the fields that `input` names. @throws {FaultError} if `input` is not valid; then nothing changes. */
  set(input: unknown): void {
    this.#replace(this.merge(this.#faults, input))
  }

  clear(): void {
    this.#replace(this.none)
  }

  /** Calls `listener` after each change. Returns a function that ends this. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when `condition`, which depends on the faults, is true, or when `signal` aborts. */
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
