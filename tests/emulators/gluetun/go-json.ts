/** The first JSON value of a text, or the error of Go's decoder. */
export type Decoded = { readonly value: unknown } | { readonly error: string }

/**
 * Decodes like Go's `encoding/json`. The recorded errors have Go's words: an empty body, and a text that is not JSON. Other
 * broken JSON gets the error for a text that ends too early.
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

/** For example, `not json` begins like `null`. */
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
