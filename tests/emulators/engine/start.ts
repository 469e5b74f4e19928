import { type Environment, isTrue, portNumber } from './setting-values.ts'

/** What an engine was given at its start. */
export interface Start {
  /** Every given flag, including unknown ones, so that a test can see what the orchestrator passed. */
  readonly flags: readonly string[]
  readonly httpPort: number
  readonly httpsPort: number
  readonly apiPort: number
  readonly p2pPort: number
  readonly bindAll: boolean
}

/**
 * Reads `HTTP_PORT` and similar, `CONF` with flags separated by white space, and the flags of the command. A flag overrides
 * the environment, and the command overrides `CONF`.
 *
 * @throws {SettingError} if a port is not valid.
 */
export function readStart(env: Environment, args: readonly string[]): Start {
  const flags = [...(env.CONF ?? '').split(/\s+/).filter((word) => word !== ''), ...args]
  const flagValues = readFlags(flags)
  const port = (flag: string, name: string, fallback: number): number =>
    portNumber(flagValues.get(flag) ?? env[name], name, fallback)
  return {
    flags,
    httpPort: port('http-port', 'HTTP_PORT', 6878),
    httpsPort: port('https-port', 'HTTPS_PORT', 6879),
    apiPort: port('api-port', 'API_PORT', 62062),
    p2pPort: port('port', 'P2P_PORT', 8621),
    bindAll: flagValues.has('bind-all') || isTrue(env.BIND_ALL),
  }
}

/** Accepts `--name=value`, `--name value` and `--name` alone (an empty value). The last one of a name wins. */
function readFlags(words: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [index, word] of words.entries()) {
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/.exec(word) ?? []
    if (name === undefined) continue
    const next = words[index + 1]
    values.set(name, value ?? (next === undefined || next.startsWith('--') ? '' : next))
  }
  return values
}
