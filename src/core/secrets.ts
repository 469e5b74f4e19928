/*
 * The one place that knows what is secret and what stands in its place: in the log, in the journal, in answers and in what
 * commands print.
 */

/** Stands in the place of a secret. */
export const MASK = '***'

/** Makes a text fit to be shown: its secrets are masked, and the rest is as it was. */
export type Mask = (text: string) => string

/**
 * A name whose value nobody else should read. Each of the patterns begins where a word does: otherwise a long word would be
 * tried from each of its letters, and callers choose what is in a text.
 */
const NAME = '[\\w-]*(?:token|password|passwd|pass|pwd|secret|key|cookie|authorization)'

/**
 * The value of an `Authorization` header, values in the query of a URL, and a user in a URL. None of them is a part of a
 * sentence of ours.
 */
const IN_REQUESTS = [
  /((?:^|\bauthorization["']?\s*[=:]\s*["']?)(?:bearer|basic)\s+)[^\s"',;]+/gi,
  new RegExp(`([?&]${NAME}=)[^\\s"'&]+`, 'gi'),
  /(\b\w+:\/\/)[^\s/@]+(?=@)/g,
]

/**
 * A secret name and its value, as they stand in settings, JSON and headers; and as a flag, or a well-known name, with its
 * value.
 */
const BY_NAME = [
  new RegExp(`((?<![\\w-])${NAME}["']?\\s*[=:]\\s*["']?(?:(?:bearer|basic)\\s+)?)[^\\s"'&,;]+`, 'gi'),
  new RegExp(`((?:^|\\s)--?${NAME}\\s+)(?!-)[^\\s"']+`, 'gi'),
  /(\b\w*(?:private|preshared|api|access)_(?:key|token)\s+)[^\s"'=:]+/gi,
]

/** How long a value has to be, so that its masking leaves the text readable. */
const SECRET_LENGTH = 4

/** Words that variables with a secret name may well have, and that are none. */
const PLAIN_WORD = /^(?:true|false|null|none|auto)$/i

/**
 * Returns the mask for texts that others wrote: it masks these values wherever they stand, and what looks like a secret by
 * the name before it.
 */
export const maskOf = (values: readonly string[]): Mask => masking(values, [...IN_REQUESTS, ...BY_NAME])

/**
 * Returns the mask for our own sentences, which name settings and may quote requests. A key with a colon behind it is no
 * secret there.
 */
export const sentenceMask = (values: readonly string[]): Mask => masking(values, IN_REQUESTS)

function masking(values: readonly string[], patterns: readonly RegExp[]): Mask {
  const known = knownMask(values)
  return (text) => patterns.reduce((masked, secret) => masked.replace(secret, `$1${MASK}`), known(text))
}

/** Returns the mask for these values alone, also as they stand in JSON and in a URL. */
export function knownMask(values: readonly string[]): Mask {
  const forms = new Set(values.filter(isMaskable).flatMap(formsOf))
  // A secret may be a part of another one, and the longer one has to go first.
  const known = [...forms].toSorted((one, other) => other.length - one.length)
  return (text) => known.reduce((masked, secret) => masked.replaceAll(secret, MASK), text)
}

const isMaskable = (value: string): boolean => value.length >= SECRET_LENGTH && !PLAIN_WORD.test(value)

const formsOf = (value: string): readonly string[] => [
  value,
  JSON.stringify(value).slice(1, -1),
  encodeURIComponent(value.toWellFormed()),
]

const SECRET_NAME = /key|token|pass|pwd|secret|auth(?!or)|credential|cookie/i

/** Whether a text has a name whose value nobody else should read. */
export const namesSecret = (text: string): boolean => SECRET_NAME.test(text)

/** The values of variables whose names say that they are secret. */
export const secretValues = (env: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(env).flatMap(([name, value]) => (namesSecret(name) ? [value] : []))

/** The same names with their values, those masked whose names say that they are secret. */
export const shownValues = (values: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, namesSecret(name) ? MASK : value]))

/** The same words, with the secrets among them masked. */
export const shownWords = (words: readonly string[]): readonly string[] => {
  const mask = maskOf([])
  return words.map((word, at) =>
    secretWords(words.slice(Math.max(0, at - 1), at + 1)).includes(word) ? MASK : mask(word),
  )
}

/** The values of flags whose names say that they are secret, given with `=` or as the next word. */
export const secretWords = (words: readonly string[]): readonly string[] =>
  words.flatMap((word, at) => {
    const [flag = '', ...rest] = word.split('=')
    if (!flag.startsWith('-') || !namesSecret(flag)) return []
    return rest.length > 0
      ? [rest.join('=')]
      : words.slice(at + 1, at + 2).filter((next) => !next.startsWith('-'))
  })
