import type { LoadedConfig } from '../../config/config.ts'
import { counted, fault, ok, type Row, warning } from './row.ts'

/** Warnings about these settings are told in the row of the key. */
const OF_KEY = /^(?:API_KEY|ALLOW_NO_KEY): /

/** Every wrong setting and every probable mistake; one row that says how many there are if there is none. */
export function settingsRows(loaded: LoadedConfig): readonly Row[] {
  const problems = 'problems' in loaded ? loaded.problems : []
  const faults = problems.map(({ variable, value, remedy }) =>
    fault('settings', value === '' ? variable : `${variable}=${JSON.stringify(value)}`, remedy),
  )
  const warnings = loaded.warnings
    .filter((each) => !OF_KEY.test(each))
    .map((each) => warned('settings', each))
  const rows = [...faults, ...warnings]
  if (rows.length > 0 || 'problems' in loaded) return rows
  const set = [...loaded.origins.values()].filter((origin) => origin !== 'default').length
  return [
    ok('settings', `${counted(loaded.origins.size, 'setting')}, ${set} of them set, and all of them right`),
  ]
}

/** The warnings about the key, without its name. */
export const keyWarnings = ({ warnings }: LoadedConfig): readonly string[] =>
  warnings.filter((each) => OF_KEY.test(each)).map((each) => each.replace(OF_KEY, ''))

/** A warning of the configuration is a sentence, mostly with what to do as its end. */
export function warned(check: string, sentence: string): Row {
  for (const mark of ['. ', ': ']) {
    const at = sentence.lastIndexOf(mark)
    if (at > 0) return warning(check, sentence.slice(0, at), sentence.slice(at + mark.length))
  }
  return warning(check, sentence, 'change it, or leave it out')
}
