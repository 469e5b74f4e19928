/** The configuration: one schema, read from flags and the environment; all problems are reported at once. */
import { TransformDecodeError, Value } from '@sinclair/typebox/value'
import { MASK, namesSecret } from '../core/secrets.ts'
import { certificatePaths, certificateProblems } from './docker-tls.ts'
import { earlierSettings, isEarlier } from './earlier.ts'
import type { Rule } from './rule.ts'
import { ADVICE, defaultAddress, RULES } from './rules.ts'
import type { SettingInfo } from './schema.ts'
import { type FileTexts, type FoundSecret, SECRET_FILES, secretsIn } from './secret-files.ts'
import { shownConfig } from './secrets.ts'
import { type Config, configSchema, type SettingName } from './settings.ts'
import {
  type Environment,
  type Origin,
  type Problem,
  probableTypos,
  readEnvironment,
  readFlags,
} from './sources.ts'

export type { FileText } from './secret-files.ts'
export type { Config, SettingName } from './settings.ts'
export type { Environment, Origin, Problem } from './sources.ts'

/** A usable configuration with the origin of each value, or all reasons why there is none. */
export type LoadedConfig =
  | {
      readonly config: Config
      readonly origins: ReadonlyMap<SettingName, Origin>
      /** Sentences about settings that are probably a mistake. */
      readonly warnings: readonly string[]
    }
  | {
      readonly problems: readonly Problem[]
      readonly warnings: readonly string[]
      /** The configuration with the default in place of every bad value: nothing to run with, but to look around with. */
      readonly rest: Config
    }

type Entry = { readonly name: SettingName; readonly text: string; readonly origin: Origin }

/**
 * Reads the configuration from environment variables and from arguments (without those of the executable). A flag takes
 * precedence over a variable, and an empty text counts as not set. `files` contains the texts of the files from
 * `secretPaths`. Pure: never throws, and reads nothing else.
 */
export function loadConfig(
  env: Environment,
  argv: readonly string[],
  files: FileTexts = new Map(),
): LoadedConfig {
  const given = givenEntries(env, argv)
  const set = given.entries.filter(({ origin }) => origin !== 'default')
  const texts = new Map(set.map(({ name, text }) => [name, text]))
  const secrets = secretsIn(texts, files, secretExpected)
  const entries = given.entries.map((entry) => withSecret(entry, secrets))
  const bad = entries.filter((entry) => !acceptable(entry))
  const unread = secrets.flatMap(({ content, ...rest }) =>
    'remedy' in content ? [{ ...rest, remedy: content.remedy }] : [],
  )
  const invalid = new Set([...bad.map(({ name }) => name), ...unread.map(({ setting }) => setting)])
  // A bad value is replaced by its default here, so that the rules about the other settings are still checked.
  const config = decode(entries.filter(({ name }) => !invalid.has(name)))
  const broken = violated(RULES, config, invalid)
  const earlier = earlierSettings(env, config, invalid)
  const problems = [
    ...given.problems,
    ...bad.map(badValue),
    ...unread.map(({ file, path, remedy }) => ({ variable: file, value: path, remedy })),
    ...certificateProblems(config, files),
    ...broken.map(({ name, text }) => ({ ...shown(entries, name), remedy: text })),
    ...earlier.problems,
  ]
  const warnings = [
    ...probableTypos(env, settingNames(), isEarlier),
    ...earlier.warnings,
    ...entries.filter(({ name, origin }) => origin !== 'default' && settingInfo(name).inert).map(noEffect),
    ...violated(ADVICE, config, invalid).map(({ name, text }) => `${name}: ${text}`),
  ]
  if (problems.length > 0) return { problems, warnings, rest: config }
  return { config, origins: new Map(entries.map(({ name, origin }) => [name, origin])), warnings }
}

/** The paths of the files that settings name; `loadConfig` needs their contents. */
export function secretPaths(env: Environment, argv: readonly string[]): readonly string[] {
  const { entries } = givenEntries(env, argv)
  const named = new Set<SettingName>(SECRET_FILES.map(({ file }) => file))
  const secrets = entries.filter(({ name, text }) => named.has(name) && text !== '').map(({ text }) => text)
  const folder = entries.find(({ name }) => name === 'DOCKER_CERT_PATH')?.text ?? ''
  return folder === '' ? secrets : [...secrets, ...certificatePaths(folder)]
}

/** All settings, in the order of the schema. */
export function settingNames(): readonly SettingName[] {
  return Object.keys(configSchema.properties).filter(isSettingName)
}

/** The description of one setting. */
export function settingInfo(name: SettingName): SettingInfo {
  return configSchema.properties[name].setting
}

/** The value as text in its canonical form: '' if it is not set, and masked if it is secret, or where it is. */
export function settingText(config: Config, name: SettingName): string {
  const text = Value.Encode(configSchema, shownConfig(config))[name]
  return settingInfo(name).secret === 'whole' && text !== '' ? MASK : text
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(configSchema.properties, name)
}

/** Each setting with its given text or its default, and the problems with the arguments. */
function givenEntries(env: Environment, argv: readonly string[]) {
  const names = settingNames()
  const strict = new Set([
    ...names.filter((name) => settingInfo(name).secret === 'whole'),
    ...SECRET_FILES.map(({ file }) => file),
  ])
  const flags = readFlags(argv, names, strict)
  const environment = readEnvironment(env, names, strict)
  const entries = names.map((name): Entry => {
    const flag = flags.texts.get(name)
    if (flag !== undefined) return { name, text: flag, origin: 'flag' }
    const variable = environment.get(name)
    if (variable !== undefined) return { name, text: variable, origin: 'environment' }
    return { name, text: settingInfo(name).default, origin: 'default' }
  })
  return { entries, problems: flags.problems }
}

/** What a secret has to be, in words, if the text is not acceptable; null if it is. */
function secretExpected(name: SettingName, text: string): string | null {
  return acceptable({ name, text }) ? null : settingInfo(name).expects
}

function withSecret(entry: Entry, secrets: readonly FoundSecret[]): Entry {
  const content = secrets.find(({ setting }) => setting === entry.name)?.content
  return content === undefined || 'remedy' in content ? entry : { ...entry, ...content, origin: 'file' }
}

function acceptable({ name, text }: Omit<Entry, 'origin'>): boolean {
  try {
    Value.Decode(configSchema.properties[name], text)
    return true
  } catch (error) {
    if (error instanceof TransformDecodeError) return false
    throw error
  }
}

function decode(entries: readonly Entry[]): Config {
  const defaults = settingNames().map((name) => [name, settingInfo(name).default] as const)
  const texts = entries.map(({ name, text }) => [name, text] as const)
  const config = Value.Decode(configSchema, Object.fromEntries([...defaults, ...texts]))
  const isBound = entries.some(({ name, origin }) => name === 'BIND' && origin !== 'default')
  return isBound ? config : { ...config, BIND: defaultAddress(config) }
}

function violated(
  rules: readonly Rule[],
  config: Config,
  invalid: ReadonlySet<SettingName>,
): { name: SettingName; text: string }[] {
  return rules
    .filter(({ settings }) => !settings.some((name) => invalid.has(name)))
    .flatMap(({ settings: [name], check }) => {
      const text = check(config)
      return text === null ? [] : [{ name, text }]
    })
}

function badValue({ name, text }: Entry): Problem {
  return {
    variable: name,
    value: shownText(name, text),
    remedy: `Set ${name} to ${settingInfo(name).expects}`,
  }
}

function shown(entries: readonly Entry[], name: SettingName): { variable: string; value: string } {
  const text = entries.find((entry) => entry.name === name)?.text ?? ''
  return { variable: name, value: shownText(name, text) }
}

/** A text as it was given. Where it is not right, nobody can tell which part of it is the secret that it names. */
function shownText(name: SettingName, text: string): string {
  const { secret } = settingInfo(name)
  const isMasked = secret === 'whole' || (secret === 'parts' && namesSecret(text))
  return isMasked && text !== '' ? MASK : text
}

function noEffect({ name }: Entry): string {
  return `${name}: ${settingInfo(name).description}`
}
