/**
 * The command line: decides what to do for the given arguments and environment, and does the small tasks that need no
 * server.
 */
import { readFileSync, statSync } from 'node:fs'
import packageJson from '../../package.json' with { type: 'json' }
import {
  type Config,
  type Environment,
  type FileText,
  type LoadedConfig,
  loadConfig,
  type Problem,
  secretPaths,
  settingNames,
} from '../config/config.ts'
import { isEarlier } from '../config/earlier.ts'
import { openPortsNote } from '../config/publishing.ts'
import { addressNote, vpnSentenceNote } from '../config/rules.ts'
import { hostInUrl } from '../core/host-port.ts'
import { ask } from '../lib/ask.ts'
import { type Call, callOf } from './calls.ts'
import { type Command, commandNamed } from './commands.ts'
import { recipesText } from './recipes-text.ts'
import { commandHelp, configText, helpText, problemsText, warningsText } from './texts.ts'

/** What the process has to do. */
export type CliOutcome =
  | {
      readonly kind: 'run'
      readonly config: Config
      readonly warnings: readonly string[]
      /** Sentences about effects of the settings that may surprise. */
      readonly notes: readonly string[]
    }
  /** Request this URL with `checkHealth` and exit with its result. */
  | { readonly kind: 'healthcheck'; readonly url: string }
  /** Check everything around a server with these settings. */
  | {
      readonly kind: 'doctor'
      readonly loaded: LoadedConfig
      /** Where the server would answer. */
      readonly url: string
      readonly isJson: boolean
    }
  /** Copy the database to a file that does not exist yet. */
  | { readonly kind: 'backup'; readonly config: Config; readonly file: string }
  /** Put this file in the place of the database. */
  | { readonly kind: 'restore'; readonly config: Config; readonly file: string }
  /** List the containers of this installation, and remove them if that is confirmed. */
  | { readonly kind: 'remove-engines'; readonly config: Config; readonly isConfirmed: boolean }
  /** Write the version with what belongs to it. */
  | { readonly kind: 'version' }
  /** Write the licences of everything that the program contains, and exit. */
  | { readonly kind: 'licenses' }
  /** Write the texts unchanged (each ends with a newline, or is empty) and exit. */
  | { readonly kind: 'exit'; readonly code: number; readonly stdout: string; readonly stderr: string }

/** The exit code for a wrong command line or configuration, by the convention of Unix tools. */
const USAGE_ERROR = 2

/**
 * Decides what a call of the program means. `argv` is without the executable and the script. Never throws: a wrong
 * configuration gives an exit with code 2 and a text that names each variable, its value and the remedy. `readFile` reads
 * the files of secrets.
 */
export function runCli(
  env: Environment,
  argv: readonly string[],
  readFile: (path: string) => FileText,
): CliOutcome {
  const call = callOf(argv)
  if (typeof call === 'string') return exit(USAGE_ERROR, '', `${call}\n`)
  const { command, flags, words } = call
  if (flags.has('--help')) return exit(0, command.name === 'serve' ? helpText() : commandHelp(command))
  if (command.name === 'version' && flags.has('-v')) return { kind: 'version' }
  if (flags.has('--version') || command.name === 'version')
    return exit(0, `${packageJson.name} ${packageJson.version}\n`)
  if (flags.has('--recipes')) return exit(0, recipesText())
  if (flags.has('--licenses')) return { kind: 'licenses' }
  const given = command.reads === null ? env : only(env, command.reads)
  const files = new Map(secretPaths(given, words).map((path) => [path, readFile(path)]))
  const loaded = loadConfig(given, words, files)
  if (command.name === 'doctor') return doctorOf(loaded, flags.has('--json'))
  return 'problems' in loaded ? refusal(loaded, command) : outcomeOf(call, loaded)
}

type Usable = Extract<LoadedConfig, { readonly config: Config }>
type Unusable = Extract<LoadedConfig, { readonly problems: readonly Problem[] }>

function outcomeOf({ command, flags, operands }: Call, { config, origins, warnings }: Usable): CliOutcome {
  const [file = ''] = operands
  switch (command.name) {
    case 'config':
      return exit(0, configText(config, origins), warningsText(warnings))
    case 'healthcheck':
      return { kind: 'healthcheck', url: urlOf(config, '/readyz') }
    case 'backup':
    case 'restore':
      return { kind: command.name, config, file }
    case 'remove-engines':
      return { kind: 'remove-engines', config, isConfirmed: flags.has('--yes') }
    default: {
      const notes = [
        origins.get('BIND') === 'default' ? addressNote(config) : null,
        openPortsNote(config),
        vpnSentenceNote(config),
      ]
      return { kind: 'run', config, warnings, notes: notes.filter((note) => note !== null) }
    }
  }
}

/** A wrong value is a finding of the doctor, but a flag that there is not is a wrong call. */
function doctorOf(loaded: LoadedConfig, isJson: boolean): CliOutcome {
  const isSetting = ({ variable }: Problem) =>
    isEarlier(variable) || settingNames().some((name) => name === variable)
  const wrong = 'problems' in loaded ? loaded.problems.filter((problem) => !isSetting(problem)) : []
  if (wrong.length > 0) return refusal({ problems: wrong, warnings: [] }, commandNamed('doctor'))
  const config = 'problems' in loaded ? loaded.rest : loaded.config
  return { kind: 'doctor', loaded, url: urlOf(config, '/healthz'), isJson }
}

function refusal({ problems, warnings }: Pick<Unusable, 'problems' | 'warnings'>, { name }: Command) {
  const what = name === 'serve' || name === 'config' ? 'start' : `run ${name}`
  return exit(USAGE_ERROR, '', problemsText(problems, what) + warningsText(warnings))
}

/** More than any key has, and small enough to be read at once. */
const SECRET_BYTES_MAX = 65_536

/** The text of a file of secrets, or the remedy if it cannot be read. Never throws. */
export function readSecretFile(path: string): FileText {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) {
      return { remedy: 'Name a file: this is a folder (Docker makes one where the file to mount is missing)' }
    }
    // Reading a pipe or a device might never end.
    if (!stat.isFile() || stat.size > SECRET_BYTES_MAX) {
      return { remedy: `Name an ordinary file of at most ${SECRET_BYTES_MAX} bytes` }
    }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)) }
  } catch (error) {
    return { remedy: remedyOf(error) }
  }
}

function remedyOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'Name a file that exists: there is none of this name'
  if (code === 'EACCES' || code === 'EPERM') return 'Let the user of this process read the file'
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'Write the file as plain text in UTF-8'
  return `Name a file that can be read (${error instanceof Error ? error.message : String(error)})`
}

/**
 * The part of the environment that a command needs. The server may have received its other settings as flags, and its key may
 * be gone by now, so they are not checked.
 */
const only = (env: Environment, names: readonly string[]): Environment => ({
  ...Object.fromEntries(names.map((name) => [name, env[name]])),
  ALLOW_NO_KEY: 'true',
})

/** What a health check found. */
export interface Health {
  /** 0 for a 200 within 3 s, otherwise 1. */
  readonly code: 0 | 1
  /** One line: what the server answered, or why it did not. */
  readonly said: string
}

/** Asks a running server whether it is ready. Never throws. */
export async function checkHealth(url: string): Promise<Health> {
  try {
    const { status, text } = await ask(url, { signal: AbortSignal.timeout(3000), alsoRead: 503 })
    return { code: status === 200 ? 0 : 1, said: `${status} ${text}`.trim() }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { code: 1, said: `no answer from ${url}: ${why}` }
  }
}

/** The URL of a path of the server. One that listens on all addresses is asked on the loopback address. */
function urlOf({ BIND, APP_PORT }: Config, path: '/healthz' | '/readyz'): string {
  const all: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const address = all[BIND] ?? BIND
  return `http://${hostInUrl(address)}:${APP_PORT}${path}`
}

function exit(code: number, stdout: string, stderr = ''): CliOutcome {
  return { kind: 'exit', code, stdout, stderr }
}
