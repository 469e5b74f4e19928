/** The parts of a JSON schema that say what a value must be. */
interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly format?: string
  /** What is expected, in words, if the schema alone would tell a person little. */
  readonly 'x-expected'?: string
}

/** Says what a value must be to fit a schema, in words that complete "must be …". */
export function expectation(schema: unknown): string {
  const { type, const: constant, anyOf, pattern, 'x-expected': words, ...bounds } = (schema ?? {}) as Schema
  if (words !== undefined) return words
  if (constant !== undefined) return JSON.stringify(constant)
  if (anyOf !== undefined) return anyOf.map(expectation).join(' or ')
  if (pattern !== undefined) return `a text that matches ${pattern}`
  const kind = KINDS[type ?? ''] ?? 'valid'
  return `${kind}${range(bounds)}`
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'null',
}

function range({ minimum, maximum, minLength = 0, maxLength, format }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined) return ` of at least ${minimum}`
  return lengths(minLength, maxLength) + (FORMATS[format ?? ''] ?? '')
}

function lengths(minLength: number, maxLength: number | undefined): string {
  if (maxLength === undefined)
    return minLength === 0 ? '' : ` of at least ${minLength} character${minLength === 1 ? '' : 's'}`
  return minLength === 0
    ? ` of at most ${maxLength} characters`
    : ` of ${minLength} to ${maxLength} characters`
}

/** The formats of `texts`, in words. */
const FORMATS: Readonly<Record<string, string>> = {
  line: ', well-formed and without control characters',
  text: ', well-formed and without NUL',
}
