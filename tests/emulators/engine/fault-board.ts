import { type Faults, type HangKind, mergeFaults, NO_FAULTS } from './faults.ts'

/** The faults in force. Whoever must act at once on a change listens; requests that hang wait here. */
export class FaultBoard {
  #faults = NO_FAULTS
  readonly #listeners = new Set<() => void>()

  get faults(): Faults {
    return this.#faults
  }

  /** Sets the fields that `input` names. @throws {FaultError} when it cannot be used; nothing changes then. */
  set(input: unknown): void {
    this.#replace(mergeFaults(this.#faults, input))
  }

  clear(): void {
    this.#replace(NO_FAULTS)
  }

  /** Calls `listener` after each change; gives back what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Whether a call of this kind hangs now; `all` includes every kind. */
  hangs(kind: HangKind): boolean {
    return this.#faults.hang.includes('all') || this.#faults.hang.includes(kind)
  }

  /** Resolves when calls of this kind do not hang (mostly at once), or when `signal` aborts. */
  passed(kind: HangKind, signal: AbortSignal): Promise<void> {
    return this.until(() => !this.hangs(kind), signal)
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

  #replace(faults: Faults): void {
    this.#faults = faults
    for (const listener of [...this.#listeners]) listener()
  }
}
