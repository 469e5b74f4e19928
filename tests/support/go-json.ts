/** Decodes JSON into what a Go struct would hold, refusing what `encoding/json` refuses. */

/**
 * A decoder of one Go type. `merge` gets what the field holds so far: a `null` leaves it as it is. It is a method, so
 * that a struct may have fields of all types.
 */
export interface GoType<T> {
  /** Go's zero value of the type. */
  readonly zero: T
  merge(value: GoValue, before: T, path: string): T
}

/** The value that a decoder of this type gives. */
export type GoOf<Type> = Type extends GoType<infer T> ? T : never

/** What was parsed, its numbers still as they were written: `12` and `12.0` are one number in JavaScript only. */
type GoValue = null | boolean | string | NumberText | readonly GoValue[] | GoObject

interface GoObject {
  readonly [name: string]: GoValue
}

class NumberText {
  constructor(readonly source: string) {}
}

/** Text that Go would not decode; the message names the member and what stands there. */
export class GoJsonError extends Error {
  override readonly name = 'GoJsonError'
}

/**
 * Decodes one JSON text as `json.Unmarshal` does (https://pkg.go.dev/encoding/json#Unmarshal). Refuses text after the
 * value too, which a `json.Decoder` would leave unread: a server has no reason to send any.
 *
 * @throws {GoJsonError} where Go gives an error.
 */
export function decodeGoJson<T>(text: string, type: GoType<T>): T {
  return type.merge(parseLossless(text), type.zero, '$')
}

/** `string`. */
export const goString: GoType<string> = scalar('', 'a string', (value) =>
  typeof value === 'string' ? value : undefined,
)

/** `bool`: neither 0 nor 1 nor "true". */
export const goBool: GoType<boolean> = scalar(false, 'a bool', (value) =>
  typeof value === 'boolean' ? value : undefined,
)

/** `int` of 64 bits: digits only, so neither 12.0 nor 1e3 nor "12". Beyond 2^53 the value given is rounded. */
export const goInt: GoType<number> = scalar(0, 'an int', (value) =>
  value instanceof NumberText && isInt64(value.source) ? Number(value.source) : undefined,
)

/** `time.Time` or `*time.Time`: RFC 3339 with a zone; the zero time is null. */
export const goTime: GoType<Date | null> = scalar<Date | null>(null, 'an RFC 3339 time', (value) =>
  typeof value === 'string' ? parseRfc3339(value) : undefined,
)

/** `*T`: null makes it nil again, which no other type does. */
export function goPointer<T>(type: GoType<T>): GoType<T | null> {
  return {
    zero: null,
    merge: (value, before, path) => (value === null ? null : type.merge(value, before ?? type.zero, path)),
  }
}

/** `[]T`; nil is the empty array here, as nothing that ranges over it sees a difference. */
export function goSlice<T>(type: GoType<T>): GoType<readonly T[]> {
  return scalar<readonly T[]>([], 'an array', (value, path) =>
    isArray(value) ? value.map((item, index) => type.merge(item, type.zero, `${path}[${index}]`)) : undefined,
  )
}

/** `map[string]T`, its names exactly as they are written. */
export function goMap<T>(type: GoType<T>): GoType<ReadonlyMap<string, T>> {
  return scalar<ReadonlyMap<string, T>>(new Map(), 'an object', (value, path) =>
    isObject(value)
      ? new Map(
          Object.entries(value).map(([name, item]) => [name, type.merge(item, type.zero, `${path}.${name}`)]),
        )
      : undefined,
  )
}

/**
 * A struct by its members' JSON names. Members that it does not have are ignored; a name fits whatever its case, one
 * that is equal first; the later of two wins.
 */
export function goStruct<Fields extends Readonly<Record<string, GoType<unknown>>>>(
  fields: Fields,
): GoType<StructOf<Fields>> {
  const names = new Map(Object.keys(fields).map((name) => [fold(name), name]))
  const zero = structOf<Fields>(Object.entries(fields).map(([name, { zero }]) => [name, zero]))
  return scalar(zero, 'an object', (value, path, before) => {
    if (!isObject(value)) return undefined
    const members = new Map<string, unknown>(Object.entries(before))
    for (const [written, item] of Object.entries(value)) {
      const name = Object.hasOwn(fields, written) ? written : names.get(fold(written))
      const type = name === undefined ? undefined : fields[name]
      if (name !== undefined && type !== undefined) {
        members.set(name, type.merge(item, members.get(name), `${path}.${written}`))
      }
    }
    return structOf<Fields>([...members])
  })
}

type StructOf<Fields> = { readonly [Name in keyof Fields]: GoOf<Fields[Name]> }

/** The one place where the members of a struct get their types: each was made by the decoder of its field. */
const structOf = <Fields>(members: readonly (readonly [string, unknown])[]): StructOf<Fields> =>
  Object.fromEntries(members) as StructOf<Fields>

/** A type that takes a value whole, and for which null means no change. `read` gives undefined for a wrong kind. */
function scalar<T>(
  zero: T,
  expected: string,
  read: (value: GoValue, path: string, before: T) => T | undefined,
): GoType<T> {
  return {
    zero,
    merge: (value, before, path) => {
      if (value === null) return before
      const result = read(value, path, before)
      if (result === undefined) throw new GoJsonError(`${path} is ${written(value)}, not ${expected}`)
      return result
    },
  }
}

function written(value: GoValue): string {
  return value instanceof NumberText ? value.source : JSON.stringify(value)
}

function parseLossless(text: string): GoValue {
  try {
    return JSON.parse(text, (...[, value, context]: unknown[]) =>
      typeof value === 'number' ? new NumberText(sourceOf(context)) : value,
    )
  } catch (cause) {
    throw new GoJsonError(`not JSON: ${text.slice(0, 80)}`, { cause })
  }
}

/** Since ECMAScript 2026 a reviver is told the text of a number; the compiler's library does not know it yet. */
function sourceOf(context: unknown): string {
  const isTold = typeof context === 'object' && context !== null && 'source' in context
  if (!isTold || typeof context.source !== 'string') throw new Error('this JSON.parse tells no source texts')
  return context.source
}

/** Go folds ASCII letters and a few look-alikes of them; names on the wire are ASCII. */
const fold = (name: string): string => name.toLowerCase()

const isArray = (value: GoValue): value is readonly GoValue[] => Array.isArray(value)

const isObject = (value: GoValue): value is GoObject =>
  typeof value === 'object' && value !== null && !isArray(value) && !(value instanceof NumberText)

const INT64_MAX = 2n ** 63n - 1n

function isInt64(source: string): boolean {
  if (!/^-?\d+$/.test(source)) return false
  const value = BigInt(source)
  return value >= -INT64_MAX - 1n && value <= INT64_MAX
}

const DATE = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T/
const CLOCK_AND_ZONE = /T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

/** Undefined for what Go's `time.Time` refuses: no zone, a space or small letters, a day that the month has not. */
function parseRfc3339(text: string): Date | undefined {
  const [, year, month, day] = DATE.exec(text) ?? []
  if (day === undefined || !CLOCK_AND_ZONE.test(text.slice(10))) return undefined
  const daysOfMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  return Number(day) > daysOfMonth ? undefined : new Date(text)
}
