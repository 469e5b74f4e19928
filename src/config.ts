/** The configuration: one schema, read from flags and the environment, with every problem told at once. */
import { TransformDecodeError, Value } from '@sinclair/typebox/value'
import { ADVICE, RULES, type Rule } from './config/rules.ts'
import type { SettingInfo } from './config/schema.ts'
import { type Config, configSchema, type SettingName } from './config/settings.ts'
import {
  type Environment,
  type Origin,
  type Problem,
  probableTypos,
  readEnvironment,
  readFlags,
} from './config/sources.ts'

export type { Config, SettingName } from './config/settings.ts'
export type { Environment, Origin, Problem } from './config/sources.ts'

/** What secret values are replaced by wherever they could be read. */
export const MASK = '********'

/** A usable configuration with the origin of each value, or every reason why there is none. */
export type LoadedConfig =
  | {
      readonly config: Config
      readonly origins: ReadonlyMap<SettingName, Origin>
      /** Sentences about what is probably not meant. */
      readonly warnings: readonly string[]
    }
  | { readonly problems: readonly Problem[]; readonly warnings: readonly string[] }

type Entry = { readonly name: SettingName; readonly text: string; readonly origin: Origin }

/**
 * Reads the configuration from environment variables and from arguments (without those of the executable); a flag
 * wins over a variable, and what is empty counts as not set. Pure: never throws, reads nothing else.
 */
export function loadConfig(env: Environment, argv: readonly string[]): LoadedConfig {
  const names = settingNames()
  const flags = readFlags(argv, names)
  const environment = readEnvironment(env, names)
  const entries = names.map((name): Entry => {
    const flag = flags.texts.get(name)
    if (flag !== undefined) return { name, text: flag, origin: 'flag' }
    const variable = environment.get(name)
    if (variable !== undefined) return { name, text: variable, origin: 'environment' }
    return { name, text: settingInfo(name).default, origin: 'default' }
  })
  const invalid = new Set(entries.filter((entry) => !acceptable(entry)).map(({ name }) => name))
  // A bad value is replaced by its default here, so that the rules about all other settings are still checked.
  const config = decode(entries.filter(({ name }) => !invalid.has(name)))
  const broken = violated(RULES, config, invalid)
  const problems = [
    ...flags.problems,
    ...entries.filter(({ name }) => invalid.has(name)).map(badValue),
    ...broken.map(({ name, text }) => ({ ...shown(entries, name), remedy: text })),
  ]
  const warnings = [
    ...probableTypos(env, names),
    ...entries.filter(({ name, origin }) => origin !== 'default' && settingInfo(name).inert).map(noEffect),
    ...violated(ADVICE, config, invalid).map(({ name, text }) => `${name}: ${text}`),
  ]
  if (problems.length > 0) return { problems, warnings }
  return { config, origins: new Map(entries.map(({ name, origin }) => [name, origin])), warnings }
}

/** All settings, in the order of the schema. */
export function settingNames(): readonly SettingName[] {
  return Object.keys(configSchema.properties).filter(isSettingName)
}

/** What is told about one setting. */
export function settingInfo(name: SettingName): SettingInfo {
  return configSchema.properties[name].setting
}

/** The value as text in its canonical form, '' where it is not set, and masked where it is secret. */
export function settingText(config: Config, name: SettingName): string {
  const text = Value.Encode(configSchema, config)[name]
  return settingInfo(name).secret && text !== '' ? MASK : text
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(configSchema.properties, name)
}

function acceptable({ name, text }: Entry): boolean {
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
  return Value.Decode(configSchema, Object.fromEntries([...defaults, ...texts]))
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
  const { secret, expects } = settingInfo(name)
  return { variable: name, value: secret ? MASK : text, remedy: `Set ${name} to ${expects}` }
}

function shown(entries: readonly Entry[], name: SettingName): { variable: string; value: string } {
  const text = entries.find((entry) => entry.name === name)?.text ?? ''
  return { variable: name, value: settingInfo(name).secret && text !== '' ? MASK : text }
}

function noEffect({ name }: Entry): string {
  return `${name}: ${settingInfo(name).description}`
}
