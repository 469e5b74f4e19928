import type { Config, SettingName } from './settings.ts'

/** A check that returns what is wrong and what to do about it, or null if the settings fit together. */
export interface Rule {
  /** All settings that the rule looks at; a problem is reported under the first one. */
  readonly settings: readonly [SettingName, ...SettingName[]]
  readonly check: (config: Config) => string | null
}
