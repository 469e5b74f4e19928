/** The first JSON value of a text, or what Go's decoder says about it. */
export type Decoded = { readonly value: unknown } | { readonly error: string }

/**
 * Decodes as Go's `encoding/json` does, with its words for what is recorded: an empty body, and a text that is none.
 * Other broken JSON gets the word for a text that ends too early.
 */
export function decodeJson(text: string): Decoded {
  const trimmed = text.trimStart()
  if (trimmed === '') return { error: 'EOF' }
  try {
    return { value: JSON.parse(trimmed) }
  } catch {
    return { error: literalError(trimmed) ?? startError(trimmed) ?? TOO_SHORT }
  }
}

const TOO_SHORT = 'unexpected EOF'

/** `not json` begins like `null`. */
function literalError(text: string): string | null {
  const literal = ['null', 'true', 'false'].find((word) => word[0] === text[0])
  if (literal === undefined) return null
  const index = [...literal].findIndex((letter, at) => letter !== text[at])
  const wrong = text[index]
  if (wrong === undefined) return TOO_SHORT
  return `invalid character '${wrong}' in literal ${literal} (expecting '${literal[index]}')`
}

const startError = (text: string): string | null =>
  /^[{["\d-]/.test(text) ? null : `invalid character '${text[0]}' looking for beginning of value`
