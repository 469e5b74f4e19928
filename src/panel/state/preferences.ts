import { type Signal, signal } from '@preact/signals'
import type { Texts } from './texts.ts'

/** Light or dark: as the user's system has it, or by choice. */
export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const THEME = 'roundhouse-theme'
const KEYS = 'roundhouse-keys'

/** What one user wants of the page. Only what is not the usual is kept, so a storage without a name means the usual. */
export class Preferences {
  readonly #theme: Signal<Theme>
  readonly #hasKeys: Signal<boolean>

  /** `texts` keeps a text for as long as the browser has it. */
  constructor(private readonly texts: Texts) {
    this.#theme = signal(THEMES.find((each) => each === texts.getItem(THEME)) ?? 'system')
    this.#hasKeys = signal(texts.getItem(KEYS) !== 'off')
  }

  get theme(): Theme {
    return this.#theme.value
  }

  set theme(theme: Theme) {
    this.#theme.value = theme
    this.#keep(THEME, theme === 'system' ? null : theme)
  }

  /** Whether single keys do something. People who speak to their computer, or hit keys by accident, turn them off. */
  get hasKeys(): boolean {
    return this.#hasKeys.value
  }

  set hasKeys(hasKeys: boolean) {
    this.#hasKeys.value = hasKeys
    this.#keep(KEYS, hasKeys ? null : 'off')
  }

  #keep(name: string, text: string | null): void {
    if (text === null) this.texts.removeItem(name)
    else this.texts.setItem(name, text)
  }
}
