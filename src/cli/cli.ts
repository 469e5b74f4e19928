/**
 * The command line: decides what to do for the given arguments and environment, and does the small tasks that need no
 * server.
 */
import { readFileSync, statSync } from 'node:fs'
import packageJson from '../../package.json' with { type: 'json' }
import { type Config, type Environment, type FileText, loadConfig, secretPaths } from '../config/config.ts'
import { addressNote, vpnSentenceNote } from '../config/rules.ts'
import { ask } from '../lib/ask.ts'
import { recipesText } from './recipes-text.ts'
import { configText, helpText, problemsText, warningsText } from './texts.ts'

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
  const asks = (...flags: string[]) => argv.some((word) => flags.includes(word))
  if (asks('--help', '-h')) return exit(0, helpText())
  if (asks('--version', '-V')) return exit(0, `${packageJson.name} ${packageJson.version}\n`)
  if (asks('--recipes')) return exit(0, recipesText())
  if (asks('--licenses')) return { kind: 'licenses' }
  const words = argv.filter((word) => !COMMANDS.has(word))
  const isHealthcheck = asks('--healthcheck') && !asks('--print-config')
  const given = isHealthcheck ? addressOf(env) : env
  const files = new Map(secretPaths(given, words).map((path) => [path, readFile(path)]))
  const loaded = loadConfig(given, words, files)
  if ('problems' in loaded) {
    return exit(USAGE_ERROR, '', problemsText(loaded.problems) + warningsText(loaded.warnings))
  }
  const { config, origins, warnings } = loaded
  if (asks('--print-config')) return exit(0, configText(config, origins), warningsText(warnings))
  if (isHealthcheck) return { kind: 'healthcheck', url: healthUrl(config) }
  const notes = [origins.get('BIND') === 'default' ? addressNote(config) : null, vpnSentenceNote(config)]
  return { kind: 'run', config, warnings, notes: notes.filter((note) => note !== null) }
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
 * The part of the environment that a health check needs. The server may have received its other settings as flags, and its
 * key may be gone by now, so they are not checked.
 */
const addressOf = ({ APP_PORT, BIND }: Environment): Environment => ({ APP_PORT, BIND, ALLOW_NO_KEY: 'true' })

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

const COMMANDS: ReadonlySet<string> = new Set(['--print-config', '--healthcheck'])

/** The URL of the health check. A server that listens on all addresses is asked on the loopback address. */
function healthUrl({ BIND, APP_PORT }: Config): string {
  if (BIND === '0.0.0.0') return `http://127.0.0.1:${APP_PORT}/readyz`
  if (BIND === '::') return `http://[::1]:${APP_PORT}/readyz`
  return `http://${BIND.includes(':') ? `[${BIND}]` : BIND}:${APP_PORT}/readyz`
}

function exit(code: number, stdout: string, stderr = ''): CliOutcome {
  return { kind: 'exit', code, stdout, stderr }
}
