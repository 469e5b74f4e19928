import { DIALECT_NAMES, DIALECTS, type Dialect, isDialectName } from './dialect.ts'
import { readEngineFlags } from './engine-flags.ts'
import { type Environment, isTrue, portNumber, SettingError } from './setting-values.ts'

/** What an engine was given at its start. */
export interface Start {
  /** Every given flag, including unknown ones, so that a test can see what the orchestrator passed. */
  readonly flags: readonly string[]
  readonly httpPort: number
  /** Null if the engine does not open it. */
  readonly httpsPort: number | null
  readonly apiPort: number
  readonly p2pPort: number
  readonly bindAll: boolean
  /** The address that the HTTP port binds. The other ports bind `BIND_ADDRESS`. */
  readonly httpAddress: string
  readonly toleratesTakenApi: boolean
}

/**
 * Reads what `EMULATOR_DIALECT` says that an engine reads. Without it, or as `lenient`, that is whatever any image reads.
 *
 * @throws {SettingError} if a value is not valid, and {StartError} if the engine of a dialect would end.
 */
export function readStart(env: Environment, args: readonly string[]): Start {
  const name = env.EMULATOR_DIALECT || 'lenient'
  if (name === 'lenient') return lenientStart(env, args)
  if (isDialectName(name)) return dialectStart(DIALECTS[name], env, args)
  throw new SettingError(`EMULATOR_DIALECT is none of lenient, ${DIALECT_NAMES.join(', ')}: ${name}`)
}

const addressOf = ({ BIND_ADDRESS }: Environment): string => BIND_ADDRESS || '0.0.0.0'

/**
 * Without `--bind-all` an engine since 3.1 listens on all addresses, and refuses clients that are not in a private subnet
 * (its log: `start: addr= port=6878 allow_remote=0 allow_intranet=1`); before, it listened on its own loopback. To the
 * engine, the host is a private client. So that a forgotten `--bind-all` is seen in tests, loopback is the default here, and
 * `WITHOUT_BIND_ALL=intranet` is the newer behaviour.
 *
 * HTTPS needs a certificate, which no image has. Without one, the port is never opened (seen on 3.2.11).
 */
function dialectStart(dialect: Dialect, env: Environment, args: readonly string[]): Start {
  const flags = dialect.words(env, args)
  const read = readEngineFlags(flags, dialect.needsMode)
  const isOpen = read.bindAll || env.WITHOUT_BIND_ALL === 'intranet'
  return {
    ...read,
    flags,
    httpsPort: null,
    httpAddress: isOpen ? addressOf(env) : '127.0.0.1',
    toleratesTakenApi: dialect.toleratesTakenApi,
  }
}

/**
 * Reads `HTTP_PORT` and similar, `CONF` with flags separated by white space, and the flags of the command. A flag overrides
 * the environment, and the command overrides `CONF`.
 */
function lenientStart(env: Environment, args: readonly string[]): Start {
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
    httpAddress: addressOf(env),
    toleratesTakenApi: false,
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
