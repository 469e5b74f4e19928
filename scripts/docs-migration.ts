/** The settings of the earlier orchestrator in docs/MIGRATION.md, from their table. */

import { EARLIER_SETTINGS } from '../src/config/earlier-settings.ts'

/** A table with a row for each remedy, and all names that it is for. */
export function migrationPart(): string {
  const remedies = [...new Set(EARLIER_SETTINGS.map(({ remedy }) => remedy))]
  return ['| there | here |', '|---|---|', ...remedies.map(row)].join('\n')
}

function row(remedy: string): string {
  const names = EARLIER_SETTINGS.filter((each) => each.remedy === remedy).map(({ name }) => `\`${name}\``)
  return `| ${names.join(', ')} | ${inCode(remedy)} |`
}

/** Marks settings as code, with their values. */
const inCode = (text: string): string => text.replaceAll(/\b(?:[A-Z]+(?:_[A-Z]+)+(?:=\w+)?|BIND)\b/g, '`$&`')
