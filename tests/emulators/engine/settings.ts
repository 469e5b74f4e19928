import { FaultError } from './fault-rules.ts'
import { type Faults, mergeFaults, NO_FAULTS } from './faults.ts'

/** Everything that is fixed for the life of one emulated engine. Times are milliseconds. */
export interface Settings {
  readonly httpPort: number
  readonly httpsPort: number
  readonly apiPort: number
  readonly p2pPort: number
  /** The port of the tests' own controls; `mayFail` when nobody asked for this very number. */
  readonly control: { readonly port: number; readonly mayFail: boolean }
  readonly bindAll: boolean
  /** The address that the listeners bind. */
  readonly bindAddress: string
  readonly version: string
  /** From the start to the moment when the ports open; connections are refused before. */
  readonly bootApiMs: number
  /** From the start to the moment when the engine is ready. */
  readonly bootMs: number
  /** How long a known content takes to load. */
  readonly loadMs: number
  /** How long an unknown content takes to fail, by the selector it was asked with. */
  readonly loadFailureIdMs: number
  readonly loadFailureInfohashMs: number
  /** Steps of the statistics, counted from the session's start. */
  readonly statEmptyMs: number
  readonly statIdleMs: number
  readonly statDownloadMs: number
  /** Flow of data that a session needs before its playback gets headers and bytes. */
  readonly playbackMs: number
  readonly bitrateKbps: number
  /** For so long a playback runs `burstFactor` times faster than real time. */
  readonly burstMs: number
  readonly burstFactor: number
  readonly sessionIdleMs: number
  /** Whether a call of `stat` keeps its session alive, unless it says `skip_player_activity=1`. */
  readonly statKeepsAlive: boolean
  /** Who says whether traffic passes the network (`{"up": true}`); null where it always does. */
  readonly tunnelUrl: string | null
  /** Whether an engine that lost the tunnel stays disconnected when it is back. */
  readonly stuckAfterOutage: boolean
  /** What is wrong with it from the start. */
  readonly faults: Faults
  /** Every flag as given, those that are not understood included: a test can see what the orchestrator passed. */
  readonly flags: readonly string[]
}

/** A setting that cannot be used; the message names it. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Settings from the environment and the command line, the way the engine images take them: `HTTP_PORT` and its like,
 * `CONF` with flags separated by white space, and the flags of the command. A flag wins over the environment, and
 * the command over `CONF`. Flags and variables that are not known are ignored.
 *
 * @throws {SettingError} for a port, a number or a URL that is none, and for faults that are none.
 */
export function readSettings(env: Environment, args: readonly string[]): Settings {
  const flags = [...(env.CONF ?? '').split(/\s+/).filter((word) => word !== ''), ...args]
  const flagValues = readFlags(flags)
  const port = (flag: string, name: string, fallback: number): number =>
    portNumber(flagValues.get(flag) ?? env[name], name, fallback)
  const number = (name: string, fallback: number): number => wholeNumber(env[name], name, fallback)
  const httpPort = port('http-port', 'HTTP_PORT', 6878)

  return {
    httpPort,
    httpsPort: port('https-port', 'HTTPS_PORT', 6879),
    apiPort: port('api-port', 'API_PORT', 62062),
    p2pPort: port('port', 'P2P_PORT', 8621),
    control: controlPort(env.CONTROL_PORT, httpPort),
    bindAll: flagValues.has('bind-all') || isTrue(env.BIND_ALL),
    bindAddress: env.BIND_ADDRESS || '0.0.0.0',
    version: env.ENGINE_VERSION || '3.2.11',
    bootApiMs: number('BOOT_API_MS', 100),
    bootMs: number('BOOT_MS', 300),
    loadMs: number('LOAD_MS', 500),
    loadFailureIdMs: number('LOAD_FAILURE_ID_MS', 4300),
    loadFailureInfohashMs: number('LOAD_FAILURE_INFOHASH_MS', 28_000),
    statEmptyMs: number('STAT_EMPTY_MS', 100),
    statIdleMs: number('STAT_IDLE_MS', 1000),
    statDownloadMs: number('STAT_DOWNLOAD_MS', 8000),
    playbackMs: number('PLAYBACK_MS', 500),
    bitrateKbps: number('BITRATE_KBPS', 1000),
    burstMs: number('BURST_MS', 12_000),
    burstFactor: number('BURST_FACTOR', 3),
    sessionIdleMs: number('SESSION_IDLE_MS', 60_000),
    statKeepsAlive: isTrue(env.STAT_KEEPS_ALIVE ?? 'true'),
    tunnelUrl: tunnelUrl(env.TUNNEL_URL),
    stuckAfterOutage: isTrue(env.STUCK_AFTER_OUTAGE),
    faults: firstFaults(env.FAULTS),
    flags,
  }
}

/** Takes `--name=value`, `--name value` and the bare `--name` (an empty value). The last one of a name wins. */
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

/** `6870`, or `+20000` for so much above the HTTP port: engines that share a namespace then need no number each. */
function controlPort(text: string | undefined, httpPort: number): Settings['control'] {
  if (text === undefined || text === '') return { port: 6870, mayFail: true }
  const offset = /^\+(\d+)$/.exec(text)?.[1]
  const value = offset === undefined ? text : String(httpPort + Number(offset))
  return { port: portNumber(value, 'CONTROL_PORT', 6870), mayFail: false }
}

function portNumber(text: string | undefined, name: string, fallback: number): number {
  const port = wholeNumber(text, name, fallback)
  if (port > 65_535) throw new SettingError(`${name} is not a port: ${text}`)
  return port
}

function wholeNumber(text: string | undefined, name: string, fallback: number): number {
  if (text === undefined || text === '') return fallback
  if (!/^\d{1,9}$/.test(text)) throw new SettingError(`${name} is not a whole number: ${text}`)
  return Number(text)
}

function tunnelUrl(text: string | undefined): string | null {
  if (text === undefined || text === '') return null
  if (!URL.canParse(text)) throw new SettingError(`TUNNEL_URL is not a URL: ${text}`)
  return text
}

/** In the words of `POST /faults`. */
function firstFaults(text: string | undefined): Faults {
  if (text === undefined || text === '') return NO_FAULTS
  try {
    return mergeFaults(NO_FAULTS, JSON.parse(text))
  } catch (error) {
    if (error instanceof FaultError) throw new SettingError(`FAULTS: ${error.message}`)
    throw new SettingError('FAULTS is not JSON')
  }
}

const isTrue = (text: string | undefined): boolean => /^(1|true|yes|on)$/i.test(text ?? '')
