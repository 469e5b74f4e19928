import { guarded, type OnError } from './guard.ts'

/**
 * Calls listeners when something happens. An error of one is reported, and stops neither the other listeners nor the caller.
 */
export class Emitter<News extends readonly unknown[] = []> {
  readonly #listeners: ((...news: News) => void)[] = []

  constructor(private readonly onError: OnError) {}

  /** Calls `listener` at every `emit` from now on; it must be quick. */
  on(listener: (...news: News) => void): void {
    this.#listeners.push(guarded(listener, this.onError))
  }

  emit(...news: News): void {
    for (const listener of this.#listeners) listener(...news)
  }
}
