/** The sources of settings: flags take precedence over the environment, and the environment over defaults. */
import { isOneEditApart, nearest } from '../core/nearest.ts'
import { EARLIER_SETTINGS } from './earlier-settings.ts'
import type { SettingName } from './settings.ts'

/** Environment variables, in the form of `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

export type Origin = 'default' | 'environment' | 'flag' | 'file'

/** A reason why there is no usable configuration, and the remedy. Values of secret settings are masked. */
export interface Problem {
  /** The variable, or the argument as it was given. */
  readonly variable: string
  readonly value: string
  readonly remedy: string
}

/**
 * The text of each setting that was set. Texts are never empty. They are trimmed, except for a blank text of a strict
 * setting.
 */
export type Texts = ReadonlyMap<SettingName, string>

/**
 * Reads `--NAME=value`, `--NAME value` and `--kebab-name value`; if a name is repeated, the last one counts. Unknown flags,
 * words that are no flags, and flags without a value are problems. A value that begins with `--` needs the form with `=`.
 */
export function readFlags(
  argv: readonly string[],
  names: readonly SettingName[],
  strict: ReadonlySet<SettingName>,
): { texts: Texts; problems: readonly Problem[] } {
  const texts = new Map<SettingName, string>()
  const problems: Problem[] = []
  const words = [...argv]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const name = flagName(word, names)
    const value = word.includes('=') ? valuePart(word) : takeValue(words, word)
    if (name === undefined) {
      // The value is not shown: it may be a secret under a misspelt name.
      problems.push({ variable: flagPart(word), value: '', remedy: unknownFlag(word, names) })
      continue
    }
    if (value === undefined) {
      problems.push({ variable: word, value: '', remedy: `Give it a value: ${word}=<value>` })
    } else {
      const text = tidy(value, strict.has(name))
      if (text !== '') texts.set(name, text)
    }
  }
  return { texts, problems }
}

/**
 * Reads the settings from the environment. An empty text counts as not set, and so does a blank text unless the setting is
 * strict.
 */
export function readEnvironment(
  env: Environment,
  names: readonly SettingName[],
  strict: ReadonlySet<SettingName>,
): Texts {
  const set = names.map((name) => [name, tidy(env[name] ?? '', strict.has(name))] as const)
  return new Map(set.filter(([, text]) => text !== ''))
}

/**
 * Warnings about variables that are one edit away from a setting's name, or have it in another case, because an unknown
 * variable is silently ignored.
 * `isTold` says which variables have a warning of their own.
 */
export function probableTypos(
  env: Environment,
  names: readonly SettingName[],
  isTold: (variable: string) => boolean,
): string[] {
  const known: ReadonlySet<string> = new Set(names)
  return Object.keys(env)
    .filter((variable) => !known.has(variable) && !isTold(variable))
    .flatMap((variable) => {
      const upper = variable.toUpperCase()
      const meant = names.find((name) => name === upper || isOneEditApart(upper, name))
      return meant === undefined ? [] : [`${variable} is not a setting and is ignored: ${meant} may be meant`]
    })
}

/**
 * Trims a text. A blank text of a strict setting, such as a secret, is kept: its kind refuses it, so that it never means
 * "none".
 */
function tidy(text: string, isStrict: boolean): string {
  const trimmed = text.trim()
  return trimmed === '' && isStrict ? text : trimmed
}

function flagName(word: string, names: readonly SettingName[]): SettingName | undefined {
  if (!word.startsWith('--')) return undefined
  const given = canonicalName(word)
  return names.find((name) => name === given)
}

function canonicalName(word: string): string {
  return flagPart(word).slice(2).toUpperCase().replaceAll('-', '_')
}

function flagPart(word: string): string {
  return word.split('=', 1).join('')
}

function valuePart(word: string): string {
  const split = word.indexOf('=')
  return split === -1 ? '' : word.slice(split + 1)
}

function takeValue(words: string[], flag: string): string | undefined {
  const isFlag = flag.startsWith('--')
  return !isFlag || words[0] === undefined || words[0].startsWith('--') ? undefined : words.shift()
}

function unknownFlag(word: string, names: readonly SettingName[]): string {
  if (!word.startsWith('--')) return 'Leave it out: settings are given as --NAME=value'
  const earlier = EARLIER_SETTINGS.find(({ name }) => name === canonicalName(word))
  if (earlier !== undefined)
    return `Leave it out: it is a setting of acestream-orchestrator; ${earlier.remedy}`
  // No program but this one reads our flags, so a name that is farther away may be meant as well.
  const meant = nearest(canonicalName(word), names)
  return meant === undefined ? 'Leave it out: --help lists all settings' : `Write --${meant}=<value>`
}
