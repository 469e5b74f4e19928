/** What the keys do. None of them starts or cuts anything. */
export type KeyAct =
  | { readonly act: 'find' | 'found' | 'times' | 'help' | 'clear' }
  | { readonly act: 'move'; readonly by: 1 | -1 }
  | { readonly act: 'go'; readonly page: string }

/** The keys for people, in the order in which they are listed. */
export const KEY_WORDS: readonly { readonly keys: readonly string[]; readonly words: string }[] = [
  { keys: ['/'], words: 'find, or filter, on this page' },
  { keys: ['j', 'k'], words: 'next and previous row' },
  { keys: ['Enter'], words: 'open the row, or go to the first one that was found' },
  { keys: ['g', 'o'], words: 'go to the overview' },
  { keys: ['g', 'j'], words: 'go to the journal' },
  { keys: ['g', 'p'], words: 'go to the plan' },
  { keys: ['t'], words: 'exact times, or times in words' },
  { keys: ['?'], words: 'this list' },
  { keys: ['Esc'], words: 'close, or clear what was searched for' },
]

/** A press of a key, and where it happened. */
export interface Press {
  /** The letter that was meant, whatever its place on the keyboard. */
  readonly key: string
  /** Whether Control, Alt or Meta was held down, so that the press is for the browser or the system. */
  readonly isChord: boolean
  readonly isRepeated: boolean
  /** What the press would go to: the field that searches, something else that takes letters, a dialog, or the rest of the page. */
  readonly place: 'search' | 'text' | 'dialog' | 'page'
}

const PAGES: ReadonlyMap<string, string> = new Map([
  ['o', 'overview'],
  ['j', 'journal'],
  ['p', 'plan'],
])

/** After this time a `g` is forgotten. */
const GO_MS = 1_500

const SILENT: ReadonlySet<string> = new Set(['Shift', 'CapsLock', 'NumLock'])

/** Tells what presses of keys mean. It remembers a `g` until the next key. */
export class KeyReader {
  #goUntilMs = Number.NEGATIVE_INFINITY

  /** What to do; null for nothing. `isOn` is whether the user wants single keys. Escape is no letter, and works anyway. */
  read({ key, isChord, isRepeated, place }: Press, isOn: boolean, nowMs: number): KeyAct | null {
    if (SILENT.has(key)) return null
    const isGoing = nowMs < this.#goUntilMs
    this.#goUntilMs = Number.NEGATIVE_INFINITY
    if (isChord || place === 'dialog') return null
    if (key === 'Escape') return { act: 'clear' }
    if (place === 'search') return key === 'Enter' ? { act: 'found' } : null
    if (!isOn || place === 'text') return null
    if (isGoing) {
      const page = PAGES.get(key)
      return page === undefined ? null : { act: 'go', page }
    }
    if (key === 'j') return { act: 'move', by: 1 }
    if (key === 'k') return { act: 'move', by: -1 }
    // A key that is held down would go to and fro.
    return isRepeated ? null : this.#single(key, nowMs)
  }

  #single(key: string, nowMs: number): KeyAct | null {
    if (key === 'g') this.#goUntilMs = nowMs + GO_MS
    if (key === '/') return { act: 'find' }
    if (key === 't') return { act: 'times' }
    return key === '?' ? { act: 'help' } : null
  }
}
