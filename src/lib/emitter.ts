import { guarded, type OnError } from './guard.ts'

/** Tells listeners that something happened. One that fails is reported, and keeps neither the others nor the teller from going on. */
export class Emitter {
  readonly #listeners: (() => void)[] = []

  constructor(private readonly onError: OnError) {}

  /** Calls `listener` at every `emit` from now on; it must be quick. */
  on(listener: () => void): void {
    this.#listeners.push(guarded(listener, this.onError))
  }

  emit(): void {
    for (const listener of this.#listeners) listener()
  }
}
