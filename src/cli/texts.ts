/** The texts that the command line writes; all of them are generated from the schema of the settings. */

import {
  type Config,
  type Origin,
  type Problem,
  type SettingName,
  settingInfo,
  settingNames,
  settingText,
} from '../config/config.ts'
import { GROUPS, type Group } from '../config/schema.ts'

const COLUMNS = 100

const USAGE = `Usage: roundhouse [--SETTING=value ...]

Keeps a fleet of AceStream engine containers and serves them to the acexy proxy.

Every setting is an environment variable and a flag: MAX_REPLICAS=5, --MAX_REPLICAS=5,
--MAX_REPLICAS 5 and --max-replicas 5 are the same. A flag wins over the environment.

  --help, -h       Show this text.
  --version, -V    Show the version.
  --recipes        Show which images are known, and what their engines are started with.
  --licenses       Show the licences of all that this program holds.
  --print-config   Show the values in force and where each comes from; secrets are masked.
  --healthcheck    Ask the server that runs with these settings for /readyz, show its
                   answer, and exit with 0 or 1.
`

/** The text of `--help`: the usage, then the settings by group. No line is longer than 100 columns. */
export function helpText(): string {
  return [USAGE, ...GROUPS.map(groupText)].join('\n')
}

/** The text of `--print-config`: a line `origin NAME=value` for each setting. */
export function configText(config: Config, origins: ReadonlyMap<SettingName, Origin>): string {
  const lines = settingNames().map((name) => {
    const origin = origins.get(name) ?? 'default'
    return `${origin.padEnd('environment'.length)}  ${name}=${settingText(config, name)}\n`
  })
  return lines.join('')
}

/** The problems, one paragraph each, after a sentence that says how many there are. */
export function problemsText(problems: readonly Problem[]): string {
  const head = problems.length === 1 ? '1 setting is' : `${problems.length} settings are`
  const lines = problems.map(({ variable, value, remedy }) => {
    const given = value === '' ? variable : `${variable}=${JSON.stringify(value)}`
    return `  ${given}\n      ${remedy}.\n`
  })
  return `Cannot start: ${head} not right.\n${lines.join('')}`
}

/** The warnings, one line each; empty if there are none. */
export function warningsText(warnings: readonly string[]): string {
  return warnings.map((warning) => `Warning: ${warning.replace(/\.$/, '')}.\n`).join('')
}

function groupText(group: Group): string {
  const names = settingNames().filter((name) => settingInfo(name).group === group)
  return `${group}\n${names.map(settingHelp).join('')}`
}

function settingHelp(name: SettingName): string {
  const { type, unit, secret, description, default: fallback } = settingInfo(name)
  const kind = [type, ...(unit === undefined ? [] : [unit]), ...(secret ? ['secret'] : [])].join(', ')
  const value = fallback === '' ? 'not set' : `default ${fallback}`
  return `  ${name} (${kind}; ${value})\n${wrap(description, '      ')}`
}

/** Breaks a sentence into lines of at most 100 characters, each with the indent and a newline. */
export function wrap(sentence: string, indent: string): string {
  const lines: string[] = []
  for (const word of sentence.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && `${last} ${word}`.length <= COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`${indent}${word}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}
