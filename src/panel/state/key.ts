import { type Signal, signal } from '@preact/signals'
import type { Texts } from './texts.ts'

const NAME = 'roundhouse-key'

/** The key of the API: in memory, and in the tab's session only if its user wants that. */
export class KeyStore {
  readonly #value: Signal<string | null>

  /** `texts` keeps a text for as long as the browser's tab is open. */
  constructor(private readonly texts: Texts) {
    this.#value = signal(texts.getItem(NAME))
  }

  get value(): string | null {
    return this.#value.value
  }

  take(key: string, isKept: boolean): void {
    this.#value.value = key
    if (isKept) this.texts.setItem(NAME, key)
    else this.texts.removeItem(NAME)
  }

  forget(): void {
    this.#value.value = null
    this.texts.removeItem(NAME)
  }
}
