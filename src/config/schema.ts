/** Turns a setting into a TypeBox schema that decodes the variable's text and carries what `--help` shows. */
import { type TString, type TTransform, Type } from '@sinclair/typebox'
import type { Kind } from './kinds.ts'

/** The groups of `--help`, in the order in which they are shown. */
export const GROUPS = [
  'Server',
  'Docker',
  'Engines',
  'Ports',
  'Provisioning',
  'Scaling',
  'Health',
  'Streams',
  'Swarm',
  'VPN',
] as const

export type Group = (typeof GROUPS)[number]

/** The description of a setting. */
export interface SettingInfo {
  readonly group: Group
  readonly type: string
  readonly unit?: string
  /** Follows "Set X to" in the remedy for a value that is not acceptable. */
  readonly expects: string
  /** The text that is used if the variable is not set; '' if there is no default. */
  readonly default: string
  readonly description: string
  /**
   * What of the value is never shown, neither by `config` nor in a message about a bad value. `parts`: the values in it whose
   * names say that they are secret.
   */
  readonly secret: 'no' | 'whole' | 'parts'
  /** The setting is accepted from older configurations and has no effect. */
  readonly inert: boolean
}

/** A schema for a setting: a string in the environment, a `T` in the program. */
export type Setting<T> = TTransform<TString, T> & { readonly setting: SettingInfo }

interface Flags {
  readonly secret?: 'whole' | 'parts'
  readonly inert?: boolean
}

/** Returns a function that makes the settings of one group. Its argument `fallback` is the default as text, '' for none. */
export function settingsOf(group: Group) {
  return <T>(kind: Kind<T>, fallback: string, description: string, flags: Flags = {}): Setting<T> => {
    const schema = Type.Transform(Type.String({ default: fallback, description }))
      .Decode((text) => parse(kind, text))
      .Encode((value) => kind.format(value))
    const { type, unit, expects } = kind
    const setting: SettingInfo = {
      group,
      type,
      ...(unit === undefined ? {} : { unit }),
      expects,
      default: fallback,
      description,
      secret: flags.secret ?? 'no',
      inert: flags.inert ?? false,
    }
    return Object.assign(schema, { setting })
  }
}

function parse<T>(kind: Kind<T>, text: string): T {
  const value = kind.parse(text)
  // Throwing is the only way for a TypeBox decoder to refuse; `loadConfig` turns the error into a problem.
  if (value === undefined) throw new RangeError(`Expected ${kind.expects}`)
  return value
}
