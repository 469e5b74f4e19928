import jsTokens from 'js-tokens'

/** A token that matters to the compiler, so neither white space nor a comment. */
interface Token {
  readonly text: string
  readonly start: number
  readonly end: number
  /** Whether the token is a name or a keyword. */
  readonly isWord: boolean
}

/** A text with its tokens, so that many patterns can be searched in it. */
export interface Source {
  readonly file: string
  readonly text: string
  readonly tokens: readonly Token[]
}

/** Where a pattern matches a source, and what its placeholders stand for there. */
export interface Fit {
  readonly source: Source
  readonly start: number
  readonly end: number
  readonly names: Names
}

type Names = ReadonlyMap<string, string>

/** Words that no placeholder matches. They belong to the language, so no rename changes them. */
const KEYWORDS = new Set(
  (
    'as async await break case catch class const continue default delete do else export extends false finally for ' +
    'function if import in instanceof let new null of return static super switch throw true try typeof undefined ' +
    'var void while yield'
  ).split(' '),
)

/** Splits a text into tokens. `file` identifies the source in matches. */
export function readSource(file: string, text: string): Source {
  return { file, text, tokens: tokensOf(text) }
}

/**
 * All places in `source` that have the tokens of `pattern`. A word that begins with `$` is a placeholder: it matches a whole
 * name or chain of names (`engine`, `engine.status`, `this.#engines`), the same one wherever it is repeated. White space,
 * comments and the comma before a closing bracket are ignored in both texts.
 */
export function fitsIn(source: Source, pattern: string): readonly Fit[] {
  const wanted = tokensOf(pattern)
  if (wanted.length === 0) throw new Error('a pattern has a token at least')
  return source.tokens.flatMap((token, at) => {
    const found = follow(source, at, wanted, 0, new Map())
    const last = found === null ? undefined : source.tokens[found.at - 1]
    if (found === null || last === undefined) return []
    return [{ source, start: token.start, end: last.end, names: found.names }]
  })
}

/**
 * Returns the source with the matched place replaced by `replacement`, whose placeholders stand for the same names as in the
 * pattern. Throws if the pattern does not have a placeholder.
 */
export function replaced({ source, start, end, names }: Fit, replacement: string): string {
  const inserted = tokensOf(replacement).reduceRight((text, token) => {
    if (!isPlaceholder(token)) return text
    const name = names.get(token.text)
    if (name === undefined) throw new Error(`${token.text} is not in the pattern`)
    return text.slice(0, token.start) + name + text.slice(token.end)
  }, replacement)
  return source.text.slice(0, start) + inserted + source.text.slice(end)
}

/** Matches the wanted tokens from `next` on with the source from `at` on. Returns where the source continues, or null. */
function follow(
  source: Source,
  at: number,
  wanted: readonly Token[],
  next: number,
  names: Names,
): { readonly at: number; readonly names: Names } | null {
  const want = wanted[next]
  if (want === undefined) return { at, names }
  if (!isPlaceholder(want))
    return source.tokens[at]?.text === want.text ? follow(source, at + 1, wanted, next + 1, names) : null
  // A chain is matched from its first name, unless the pattern has the dot before it.
  if (next === 0 && isDot(source.tokens[at - 1])) return null
  for (const end of chainEnds(source.tokens, at)) {
    // A chain is matched to its last name, unless the pattern continues with a dot.
    if (isDot(source.tokens[end]) && !isDot(wanted[next + 1])) continue
    const name = source.text.slice(source.tokens[at]?.start, source.tokens[end - 1]?.end)
    if ((names.get(want.text) ?? name) !== name) continue
    const found = follow(source, end, wanted, next + 1, new Map([...names, [want.text, name]]))
    if (found !== null) return found
  }
  return null
}

/** Where the chain that begins at `at` may end, the longest first. */
function chainEnds(tokens: readonly Token[], at: number): readonly number[] {
  const ends: number[] = []
  for (let end = at; isName(tokens[end]); end += 2) {
    ends.unshift(end + 1)
    if (!isDot(tokens[end + 1])) break
  }
  return ends
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let start = 0
  for (const { type, value } of jsTokens(text)) {
    const end = start + value.length
    const isWord = type === 'IdentifierName' || type === 'PrivateIdentifier'
    if (!/^(?:WhiteSpace|LineTerminatorSequence|.*Comment)$/.test(type))
      tokens.push({ text: value, start, end, isWord })
    start = end
  }
  return tokens.filter(({ text: each }, at) => each !== ',' || !/^[)\]}]$/.test(tokens[at + 1]?.text ?? ''))
}

function isPlaceholder({ text, isWord }: Token): boolean {
  return isWord && text.startsWith('$')
}

function isName(token: Token | undefined): boolean {
  return token?.isWord === true && !KEYWORDS.has(token.text)
}

function isDot(token: Token | undefined): boolean {
  return token?.text === '.' || token?.text === '?.'
}
