/** The command line: what to do for given arguments and environment. Does none of it itself. */
import packageJson from '../package.json' with { type: 'json' }
import { configText, helpText, problemsText, warningsText } from './cli-texts.ts'
import { type Config, type Environment, loadConfig } from './config.ts'

/** What the process has to do. */
export type CliOutcome =
  | { readonly kind: 'run'; readonly config: Config; readonly warnings: readonly string[] }
  /** Ask this URL with `checkHealth` and exit by its answer. */
  | { readonly kind: 'healthcheck'; readonly url: string }
  /** Write the texts as they are (each ends with a newline, or is empty) and exit. */
  | { readonly kind: 'exit'; readonly code: number; readonly stdout: string; readonly stderr: string }

/** By convention of Unix tools: the command line or the configuration is wrong. */
const USAGE_ERROR = 2

/**
 * Decides what a call of the program means. `argv` is without the executable and the script. Never throws: a wrong
 * configuration gives an exit with code 2 that names each variable, its value and the remedy.
 */
export function runCli(env: Environment, argv: readonly string[]): CliOutcome {
  const asks = (...flags: string[]) => argv.some((word) => flags.includes(word))
  if (asks('--help', '-h')) return exit(0, helpText())
  if (asks('--version', '-V')) return exit(0, `${packageJson.name} ${packageJson.version}\n`)
  const loaded = loadConfig(
    env,
    argv.filter((word) => !COMMANDS.has(word)),
  )
  if ('problems' in loaded) {
    return exit(USAGE_ERROR, '', problemsText(loaded.problems) + warningsText(loaded.warnings))
  }
  const { config, origins, warnings } = loaded
  if (asks('--print-config')) return exit(0, configText(config, origins), warningsText(warnings))
  if (asks('--healthcheck')) return { kind: 'healthcheck', url: healthUrl(config) }
  return { kind: 'run', config, warnings }
}

/** Asks a running server whether it lives: exit code 0 for a 2xx answer within 3 s, else 1. Never throws. */
export async function checkHealth(url: string): Promise<0 | 1> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3000), redirect: 'error' })
    return response.ok ? 0 : 1
  } catch {
    return 1
  }
}

const COMMANDS: ReadonlySet<string> = new Set(['--print-config', '--healthcheck'])

/** A server that listens on all addresses is asked on the loopback one. */
function healthUrl({ BIND, APP_PORT }: Config): string {
  if (BIND === '0.0.0.0') return `http://127.0.0.1:${APP_PORT}/healthz`
  if (BIND === '::') return `http://[::1]:${APP_PORT}/healthz`
  return `http://${BIND.includes(':') ? `[${BIND}]` : BIND}:${APP_PORT}/healthz`
}

function exit(code: number, stdout: string, stderr = ''): CliOutcome {
  return { kind: 'exit', code, stdout, stderr }
}
