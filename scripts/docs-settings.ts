/** The settings in docs/SETTINGS.md, from their schema. */

import { type SettingName, settingInfo, settingNames } from '../src/config/config.ts'
import { GROUPS, type Group } from '../src/config/schema.ts'
import { item, wrap } from './docs-text.ts'

/** Describes all settings, in the groups and the order of `--help`. */
export const settingsPart = (): string => [contents(), ...GROUPS.map(section)].join('\n\n')

const contents = (): string => wrap(GROUPS.map((group) => `[${group}](#${group.toLowerCase()})`).join(' · '))

function section(group: Group): string {
  const names = settingNames().filter((name) => settingInfo(name).group === group)
  return `## ${group}\n\n${names.map(setting).join('\n')}`
}

function setting(name: SettingName): string {
  const { type, unit, expects, secret, description, default: fallback } = settingInfo(name)
  const kind = [type, ...(unit === undefined ? [] : [unit]), ...(secret === 'whole' ? ['secret'] : [])].join(
    ', ',
  )
  const value = fallback === '' ? 'not set by default' : `default \`${fallback}\``
  return `${item(`**\`${name}\`** (${kind}; ${value}). ${inCode(description)}`)}\n${item(`Takes ${expects}.`, 1)}`
}

/** Marks placeholders as code, because Markdown would take their underscores for emphasis. */
const inCode = (text: string): string => text.replaceAll(/\{\w+\}/g, '`$&`')
