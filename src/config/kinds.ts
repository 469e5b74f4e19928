/** Kinds of settings: how the text of a variable becomes a value, and how a value becomes text. */

/** How values of one kind are read and written. `T` is the type that the rest of the program uses. */
export interface Kind<T> {
  /** The name of the type, as `--help` shows it. */
  readonly type: string
  /** What is accepted, in words that follow "Set X to". */
  readonly expects: string
  readonly unit?: string
  /** Returns undefined if the text is not acceptable. Called with '' only if the setting has no default. */
  readonly parse: (text: string) => T | undefined
  /** The canonical text: `parse(format(value))` equals `value`. */
  readonly format: (value: T) => string
}

interface Bounds {
  readonly min: number
  readonly max?: number
  readonly unit?: string
}

/** The longest delay of a JavaScript timer (2^31 - 1 ms); a timer with a longer delay fires at once. */
const LONGEST_TIMER_S = 2_147_483

/** A whole number within bounds, both included. Only decimal digits are accepted: `1e3` and `0x10` are refused. */
export function integer({ min, max = Number.MAX_SAFE_INTEGER, unit }: Bounds): Kind<number> {
  return {
    type: 'integer',
    expects: `a whole number ${spell(min, max)}`,
    ...(unit === undefined ? {} : { unit }),
    parse: (text) => within(/^\d+$/.test(text) ? Number(text) : undefined, min, max),
    format: String,
  }
}

/** A number with an optional fraction, within bounds, both included. */
export function decimal({ min, max = Number.MAX_SAFE_INTEGER, unit }: Bounds): Kind<number> {
  return {
    type: 'number',
    expects: `a number ${spell(min, max)}`,
    ...(unit === undefined ? {} : { unit }),
    parse: (text) => within(/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined, min, max),
    format: String,
  }
}

/** A TCP or UDP port. */
export const port: Kind<number> = { ...integer({ min: 1, max: 65535 }), type: 'port' }

/** An interval or time-out in seconds, above 0 and no longer than a timer can wait. */
export const seconds: Kind<number> = decimal({ min: 0.001, max: LONGEST_TIMER_S, unit: 's' })

/** Seconds where 0 means "no wait at all". */
export const secondsOrZero: Kind<number> = decimal({ min: 0, max: LONGEST_TIMER_S, unit: 's' })

/** Seconds that acexy receives over the API: it decodes them into a Go `int` and refuses fractions. */
export const wholeSeconds: Kind<number> = integer({ min: 1, max: LONGEST_TIMER_S, unit: 's' })

const BOOLEAN_WORDS: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'yes', 'on'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off'].map((word) => [word, false] as const),
])

/** A switch; upper and lower case are equivalent. */
export const boolean: Kind<boolean> = {
  type: 'boolean',
  expects: 'true or false (also 1/0, yes/no, on/off)',
  parse: (text) => BOOLEAN_WORDS.get(text.toLowerCase()),
  format: String,
}

/** One of the given words; upper and lower case are equivalent. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    type: words.join('|'),
    expects: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text.toLowerCase()),
    format: (word) => word,
  }
}

/** A text that matches the pattern as a whole. */
export function text(type: string, pattern: RegExp, expects: string): Kind<string> {
  return {
    type,
    expects,
    parse: (given) => (pattern.test(given) ? given : undefined),
    format: (value) => value,
  }
}

/** The same kind for an optional setting; its value is null if it is not set. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  return {
    ...kind,
    parse: (given) => (given === '' ? null : kind.parse(given)),
    format: (value) => (value === null ? '' : kind.format(value)),
  }
}

/** One of the given words in upper case, with or without the prefix; upper and lower case are equivalent. */
export function name(words: readonly string[], prefix: string): Kind<string> {
  return {
    type: 'name',
    expects: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => [word, prefix + word].includes(text.toUpperCase())),
    format: (word) => word,
  }
}

/** A comma-separated list of values of another kind; empty if it is not set. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    type: `${kind.type},…`,
    expects: `${kind.expects}, or several separated by commas`,
    parse: (given) => {
      if (given === '') return []
      const items = given.split(',').map((item) => kind.parse(item.trim()))
      const valid = items.filter((item) => item !== undefined)
      return valid.length === items.length ? valid : undefined
    },
    format: (items) => items.map(kind.format).join(','),
  }
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}

function spell(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
}
