import { join } from 'node:path'
import jsTokens, { type Token } from 'js-tokens'
import { SRC, sourceFiles } from './source-imports.ts'

/** A line that the program can write to its log. */
export interface LogLine {
  readonly file: string
  readonly level: 'warn' | 'error'
  /** The message as in the code, with `…` for each part that varies. */
  readonly text: string
}

const LEVELS = ['error', 'warn'] as const

/** What stands for a part of a message that varies. */
const VARIES = '…'

/** Every line of level `warn` or `error` of the sources, also those whose level is decided when they are written. */
export async function severeLines(): Promise<readonly LogLine[]> {
  const found = await Promise.all(
    sourceFiles().map(async (file) => linesIn(file, await Bun.file(join(SRC, file)).text())),
  )
  return found.flat()
}

/** The receivers of every call `x.warn(…)` and `x.error(…)` of the sources. */
export async function severeReceivers(): Promise<ReadonlySet<string>> {
  const texts = await Promise.all(sourceFiles().map((file) => Bun.file(join(SRC, file)).text()))
  const calls = texts.flatMap((text) => [...text.matchAll(/(\w+)\.(?:warn|error|fatal)\(/g)])
  return new Set(calls.map(([, receiver = '']) => receiver))
}

/** The lines in one source. A call is `log.warn(…)`, `console.error(…)` or `log[level](…)`; its last argument is the message. */
export function linesIn(file: string, text: string): readonly LogLine[] {
  const tokens = [...jsTokens(text)].filter(
    ({ type }) => !/^(?:WhiteSpace|LineTerminator|.*Comment)/.test(type),
  )
  return tokens.flatMap((token, at) => {
    if (token.value !== 'log' && token.value !== 'console') return []
    const opening = tokens[at + 1]?.value
    const end = opening === '[' ? closing(tokens, at + 1) : at + 2
    if ((opening !== '.' && opening !== '[') || tokens[end + 1]?.value !== '(') return []
    const level = levelIn(tokens.slice(at + 2, Math.max(end, at + 3)), text)
    const message = argumentsIn(tokens.slice(end + 2, closing(tokens, end + 1))).at(-1)
    return level === null || message === undefined ? [] : [{ file, level, text: messageOf(message) }]
  })
}

/** The most severe level of an expression: that of its texts, of its name, or of the constant that it names. */
function levelIn(expression: readonly Token[], text: string): LogLine['level'] | null {
  const words = expression.map(({ value }) => value.replaceAll("'", ''))
  const [name = ''] = words
  const [, named = ''] = new RegExp(`const ${name} = (.*)`).exec(text) ?? []
  const all = [...words, ...named.split(/\W+/)]
  return LEVELS.find((level) => all.includes(level)) ?? null
}

/** The index of the bracket that closes the one at `at`. Throws if none does. */
function closing(tokens: readonly Token[], at: number): number {
  let depth = 0
  for (let index = at; index < tokens.length; index++) {
    depth += change(tokens[index])
    if (depth === 0) return index
  }
  throw new Error('a bracket is not closed')
}

/** By how much a token changes the depth of brackets. */
function change(token: Token | undefined): number {
  if (token === undefined) return 0
  if (token.type === 'TemplateHead' || /^[([{]$/.test(token.value)) return 1
  return token.type === 'TemplateTail' || /^[)\]}]$/.test(token.value) ? -1 : 0
}

const argumentsIn = (tokens: readonly Token[]): readonly (readonly Token[])[] =>
  splitAt(tokens, ',').filter((each) => each.length > 0)

function splitAt(tokens: readonly Token[], separator: string): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    depth += change(token)
    if (depth === 0 && token.value === separator) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts
}

const messageOf = (tokens: readonly Token[]): string => splitAt(tokens, '+').map(partOf).join('')

/** A text, or a template with `…` for its expressions; everything else varies. */
function partOf(tokens: readonly Token[]): string {
  const [first] = tokens
  if (first?.type === 'StringLiteral' && tokens.length === 1) return first.value.slice(1, -1)
  if (first?.type === 'NoSubstitutionTemplate' && tokens.length === 1) return first.value.slice(1, -1)
  if (first?.type !== 'TemplateHead') return VARIES
  let depth = 0
  let text = ''
  for (const token of tokens) {
    if (token.type === 'TemplateHead' && depth === 0) text += `${token.value.slice(1, -2)}${VARIES}`
    if (token.type === 'TemplateMiddle' && depth === 1) text += `${token.value.slice(1, -2)}${VARIES}`
    if (token.type === 'TemplateTail' && depth === 1) text += token.value.slice(1, -1)
    depth += change(token)
  }
  return text
}
