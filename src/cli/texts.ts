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
import { COMMANDS, type Command, usageOf } from './commands.ts'

const COLUMNS = 100

const USAGE = `Usage: roundhouse [COMMAND] [--SETTING=value ...]

Keeps a fleet of AceStream engine containers and serves them to the acexy proxy.
`

const SETTINGS = `Every setting is an environment variable and a flag: MAX_REPLICAS=5, --MAX_REPLICAS=5,
--MAX_REPLICAS 5 and --max-replicas 5 are the same. A flag wins over the environment.

  --help, -h       Show this text, or that of the command.
  --version, -V    Show the version.
  --recipes        Show which images are known, and what their engines are started with.
  --licenses       Show the licences of all that this program holds.
  --print-config   The same as config.
  --healthcheck    The same as healthcheck.
`

/** The text of `--help`: the usage, the commands, then the settings by group. No line is longer than 100 columns. */
export function helpText(): string {
  return [USAGE, commandsText(), SETTINGS, ...GROUPS.map(groupText)].join('\n')
}

function commandsText(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  return `Commands\n${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}\n`).join('')}`
}

/** The text of `COMMAND --help`. No line is longer than 100 columns. */
export function commandHelp(command: Command): string {
  const flags = Object.entries(command.flags).map(([flag, text]) => `  ${flag.padEnd(8)} ${text}\n`)
  const paragraphs = [command.summary, ...command.text].map((each) => wrap(each, ''))
  const parts = [`Usage: roundhouse ${usageOf(command)}\n`, ...paragraphs, flags.join('')]
  return parts.filter((part) => part !== '').join('\n')
}

/** The text of `config`: a line `origin NAME=value` for each setting. */
export function configText(config: Config, origins: ReadonlyMap<SettingName, Origin>): string {
  const lines = settingNames().map((name) => {
    const origin = origins.get(name) ?? 'default'
    return `${origin.padEnd('environment'.length)}  ${name}=${settingText(config, name)}\n`
  })
  return lines.join('')
}

/** The problems, one paragraph each, after a sentence that says what can't be done and how many problems there are. */
export function problemsText(problems: readonly Problem[], what = 'start'): string {
  const head = problems.length === 1 ? '1 setting is' : `${problems.length} settings are`
  const lines = problems.map(({ variable, value, remedy }) => {
    const given = value === '' ? variable : `${variable}=${JSON.stringify(value)}`
    return `  ${given}\n      ${remedy}.\n`
  })
  return `Cannot ${what}: ${head} not right.\n${lines.join('')}`
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
  const kind = [type, ...(unit === undefined ? [] : [unit]), ...(secret === 'whole' ? ['secret'] : [])].join(
    ', ',
  )
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

/** Lines of cells, each column as wide as its widest cell. */
export function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  const padded = lines.map((line) => line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '))
  return padded.map((line) => `  ${line.trimEnd()}\n`).join('')
}
