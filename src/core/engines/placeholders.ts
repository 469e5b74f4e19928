/** What the placeholders of a template stand for. Null for a port that the engine does not have. */
export interface PlaceholderValues {
  readonly http_port: number
  /** The port after the HTTP port. */
  readonly 'http_port+1': number
  readonly https_port: number
  readonly api_port: number | null
  readonly p2p_port: number | null
  readonly cache_gb: number
  readonly cache_bytes: number
}

const PLACEHOLDER = /\{(http_port|http_port\+1|https_port|api_port|p2p_port|cache_gb|cache_bytes)\}/g

/** A flag without a value of its own, so that the next word may be its value. */
const FLAG = /^--?[\w-]+$/

/**
 * Fills in the placeholders of a text of one or more words. A word whose placeholder is empty is left out, with the flag
 * before it if the word is only that flag's value: an engine refuses `--port=`. Null if no word is left.
 */
export function filledText(text: string, values: PlaceholderValues): string | null {
  const pieces = text.match(/\s*\S+/g) ?? []
  const words = pieces.map((piece) => piece.trim())
  const kept = pieces.filter((_, index) => !isLeftOut(words, index, values))
  if (kept.length === pieces.length) return filled(text, values)
  return kept.length === 0 ? null : filled(kept.join('').trimStart(), values)
}

/** The words of a command with their placeholders filled in. A word may be a whole script. See `filledText`. */
export const filledWords = (words: readonly string[], values: PlaceholderValues): readonly string[] =>
  words.flatMap((word, index) => {
    const isFlagOfNothing = FLAG.test(word) && isLeftOut(words, index, values)
    return isFlagOfNothing ? [] : (filledText(word, values) ?? [])
  })

/** Variables with their placeholders filled in, without those of which nothing is left. See `filledText`. */
export const filledVariables = (
  variables: Readonly<Record<string, string>>,
  values: PlaceholderValues,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).flatMap(([name, text]) => {
      const value = filledText(text, values)
      return value === null ? [] : [[name, value]]
    }),
  )

/** A text in which a word makes no sense without the others, such as a volume; null if one of its placeholders is empty. */
export const filledWhole = (text: string, values: PlaceholderValues): string | null =>
  hasEmpty(text, values) ? null : filled(text, values)

function isLeftOut(words: readonly string[], index: number, values: PlaceholderValues): boolean {
  const [word = '', next = ''] = words.slice(index, index + 2)
  const isFlagOfNothing = FLAG.test(word) && /^\{[^{}]+\}$/.test(next) && hasEmpty(next, values)
  return isFlagOfNothing || hasEmpty(word, values)
}

const hasEmpty = (text: string, values: PlaceholderValues): boolean =>
  [...text.matchAll(PLACEHOLDER)].some(([, name = '']) => placeholderValue(name, values) === null)

const filled = (text: string, values: PlaceholderValues): string =>
  text.replaceAll(PLACEHOLDER, (_, name: string) => String(placeholderValue(name, values) ?? ''))

const placeholderValue = (name: string, values: PlaceholderValues): number | null =>
  new Map<string, number | null>(Object.entries(values)).get(name) ?? null
