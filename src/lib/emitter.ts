import { guarded, type OnError } from './guard.ts'

/** Tells listeners that something happened. One that fails is reported, and keeps neither the others nor the caller from going on. */
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
