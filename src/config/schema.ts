/** How a setting becomes a TypeBox schema that decodes the variable's text and carries what `--help` shows. */
import { type TString, type TTransform, Type } from '@sinclair/typebox'
import type { Kind } from './kinds.ts'

/** The groups of `--help`, in their order. */
export const GROUPS = [
  'Server',
  'Docker',
  'Engines',
  'Ports',
  'Provisioning',
  'Scaling',
  'Health',
  'Streams',
  'VPN',
] as const

export type Group = (typeof GROUPS)[number]

/** What is told about a setting. */
export interface SettingInfo {
  readonly group: Group
  readonly type: string
  readonly unit?: string
  /** Follows "Set X to" in the remedy for a value that is not acceptable. */
  readonly expects: string
  /** The text that stands in for a variable that is not set; '' where there is none. */
  readonly default: string
  readonly description: string
  /** Never shown: not by `--print-config`, and not in a message about a bad value. */
  readonly secret: boolean
  /** Accepted from older configurations; nothing reads it. */
  readonly inert: boolean
}

/** A string on the outside, a `T` on the inside. */
export type Setting<T> = TTransform<TString, T> & { readonly setting: SettingInfo }

interface Flags {
  readonly secret?: boolean
  readonly inert?: boolean
}

/** Makes the settings of one group. `fallback` is the default as text, '' for none. */
export function settingsOf(group: Group) {
  return <T>(kind: Kind<T>, fallback: string, description: string, flags: Flags = {}): Setting<T> => {
    const schema = Type.Transform(Type.String({ default: fallback, description }))
      .Decode((text) => parse(kind, text))
      .Encode((value) => kind.format(value))
    const { type, unit, expects } = kind
    const setting = {
      group,
      type,
      ...(unit === undefined ? {} : { unit }),
      expects,
      default: fallback,
      description,
      secret: flags.secret ?? false,
      inert: flags.inert ?? false,
    }
    return Object.assign(schema, { setting })
  }
}

function parse<T>(kind: Kind<T>, text: string): T {
  const value = kind.parse(text)
  // TypeBox has no other way for a decoder to refuse; `loadConfig` turns this into a problem.
  if (value === undefined) throw new RangeError(`Expected ${kind.expects}`)
  return value
}
