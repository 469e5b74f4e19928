/** Decodes JSON into the values that a Go struct would hold, and refuses what `encoding/json` refuses. */

/**
 * A decoder of one Go type. `merge` receives the field's current value, which a `null` leaves unchanged. `merge` is declared
 * as a method, so that a struct may have fields of all types.
 */
export interface GoType<T> {
  /** Go's zero value of the type. */
  readonly zero: T
  merge(value: GoValue, before: T, path: string): T
}

/** The type of the value that a decoder returns. */
export type GoOf<Type> = Type extends GoType<infer T> ? T : never

/** A parsed value. Numbers keep their text, because `12` and `12.0` are the same number only in JavaScript. */
type GoValue = null | boolean | string | NumberText | readonly GoValue[] | GoObject

interface GoObject {
  readonly [name: string]: GoValue
}

class NumberText {
  constructor(readonly source: string) {}
}

/** A text that Go would not decode. The message names the member and its value. */
export class GoJsonError extends Error {
  override readonly name = 'GoJsonError'
}

/**
 * Decodes one JSON text as `json.Unmarshal` does (https://pkg.go.dev/encoding/json#Unmarshal). Also refuses text after the
 * value, which a `json.Decoder` would leave unread, because a server has no reason to send any.
 *
 * @throws {GoJsonError} if Go gives an error.
 */
export function decodeGoJson<T>(text: string, type: GoType<T>): T {
  return type.merge(parseLossless(text), type.zero, '$')
}

/** Go's `string`. */
export const goString: GoType<string> = scalar('', 'a string', (value) =>
  typeof value === 'string' ? value : undefined,
)

/** Go's `bool`; not 0, 1 or "true". */
export const goBool: GoType<boolean> = scalar(false, 'a bool', (value) =>
  typeof value === 'boolean' ? value : undefined,
)

/** Go's `int` with 64 bits. It accepts digits only, so not 12.0, 1e3 or "12". Values beyond 2^53 are rounded here. */
export const goInt: GoType<number> = scalar(0, 'an int', (value) =>
  value instanceof NumberText && isInt64(value.source) ? Number(value.source) : undefined,
)

/** Go's `time.Time` or `*time.Time`: RFC 3339 with a zone. The zero time is null here. */
export const goTime: GoType<Date | null> = scalar<Date | null>(null, 'an RFC 3339 time', (value) =>
  typeof value === 'string' ? parseRfc3339(value) : undefined,
)

/** Go's `*T`. A null makes it nil again; no other type does that. */
export function goPointer<T>(type: GoType<T>): GoType<T | null> {
  return {
    zero: null,
    merge: (value, before, path) => (value === null ? null : type.merge(value, before ?? type.zero, path)),
  }
}

/** Go's `[]T`. Nil is an empty array here, because code that ranges over it sees no difference. */
export function goSlice<T>(type: GoType<T>): GoType<readonly T[]> {
  return scalar<readonly T[]>([], 'an array', (value, path) =>
    isArray(value) ? value.map((item, index) => type.merge(item, type.zero, `${path}[${index}]`)) : undefined,
  )
}

/** Go's `map[string]T`. Names keep their case. */
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
 * A Go struct, by the JSON names of its members. Unknown members are ignored. Names match in any case, and an exact match
 * comes first. If a name appears twice, the later one wins.
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

/** The only place that asserts the types of a struct's members. Each member was made by the decoder of its field. */
const structOf = <Fields>(members: readonly (readonly [string, unknown])[]): StructOf<Fields> =>
  Object.fromEntries(members) as StructOf<Fields>

/**
 * A type that is set as a whole, and for which null means no change. `read` returns undefined for a value of the wrong kind.
 */
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

/** Since ECMAScript 2026, a reviver receives the text of a number. The compiler's type library does not know that yet. */
function sourceOf(context: unknown): string {
  const isTold = typeof context === 'object' && context !== null && 'source' in context
  if (!isTold || typeof context.source !== 'string') throw new Error('this JSON.parse tells no source texts')
  return context.source
}

/** Go folds ASCII letters and a few similar characters. Names in this API are ASCII. */
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

/**
 * Returns undefined for a text that Go's `time.Time` refuses: without a zone, with a space or small letters, or with a day
 * that does not exist.
 */
function parseRfc3339(text: string): Date | undefined {
  const [, year, month, day] = DATE.exec(text) ?? []
  if (day === undefined || !CLOCK_AND_ZONE.test(text.slice(10))) return undefined
  const daysOfMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  return Number(day) > daysOfMonth ? undefined : new Date(text)
}
