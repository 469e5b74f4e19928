import jsTokens from 'js-tokens'

/** A token of a text that means something to the compiler: no white space, no comment. */
interface Token {
  readonly text: string
  readonly start: number
  readonly end: number
  /** A name or a keyword. */
  readonly isWord: boolean
}

/** A text with its tokens, so that many patterns can be looked for. */
export interface Source {
  readonly file: string
  readonly text: string
  readonly tokens: readonly Token[]
}

/** Where a pattern fits a source, and what its placeholders stand for there. */
export interface Fit {
  readonly source: Source
  readonly start: number
  readonly end: number
  readonly names: Names
}

type Names = ReadonlyMap<string, string>

/** Words that no placeholder stands for: they are the language's, so no rename changes them. */
const KEYWORDS = new Set(
  (
    'as async await break case catch class const continue default delete do else export extends false finally for ' +
    'function if import in instanceof let new null of return static super switch throw true try typeof undefined ' +
    'var void while yield'
  ).split(' '),
)

/** Reads a text; `file` is what a fit in it will be told by. */
export function readSource(file: string, text: string): Source {
  return { file, text, tokens: tokensOf(text) }
}

/**
 * All places in `source` that have the tokens of `pattern`. A word that begins with `$` is a placeholder: it stands for a
 * whole name or chain of names (`engine`, `engine.status`, `this.#engines`), the same one wherever it is repeated. White
 * space, comments and the comma before a closing bracket count for nothing in either text.
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
 * The text of the source with the fit's place taken by `replacement`, whose placeholders stand for what they stand for in the
 * pattern. Throws for one that the pattern does not have.
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

/** Where the source goes on after the wanted tokens from `next` on, if it has them from `at` on. */
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
  // A chain is taken from its first name on, unless the pattern has the dot before it.
  if (next === 0 && isDot(source.tokens[at - 1])) return null
  for (const end of chainEnds(source.tokens, at)) {
    // It is taken to its last name, unless the pattern goes on with a dot.
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
