import { FaultError } from './fault-rules.ts'
import { type Faults, mergeFaults, NO_FAULTS } from './faults.ts'
import { type Environment, isTrue, portNumber, SettingError, wholeNumber } from './setting-values.ts'
import { readStart, type Start } from './start.ts'

/** The settings of one emulated engine, fixed for its life. Times are milliseconds. */
export interface Settings extends Start {
  /** The control port for tests. `mayFail` is true if this number was not requested. */
  readonly control: { readonly port: number; readonly mayFail: boolean }
  /** The address that the listeners bind, except that of HTTP. */
  readonly bindAddress: string
  readonly version: string
  /** Time from the start until the ports open. Connections are refused before. */
  readonly bootApiMs: number
  /** Time from the start until the engine is ready. */
  readonly bootMs: number
  /** How long a known content takes to load. */
  readonly loadMs: number
  /** How long an unknown content takes to fail, by selector. */
  readonly loadFailureIdMs: number
  readonly loadFailureInfohashMs: number
  /** Steps of the statistics, counted from the session's start. */
  readonly statEmptyMs: number
  readonly statIdleMs: number
  readonly statDownloadMs: number
  /** How long data must flow before the playback of a session sends headers and bytes. */
  readonly playbackMs: number
  readonly bitrateKbps: number
  /** How long a playback runs `burstFactor` times faster than real time. */
  readonly burstMs: number
  readonly burstFactor: number
  readonly sessionIdleMs: number
  /** Whether a `stat` call keeps its session alive, unless it has `skip_player_activity=1`. */
  readonly statKeepsAlive: boolean
  /** The URL that reports whether traffic passes the network (`{"up": true}`); null if it always does. */
  readonly tunnelUrl: string | null
  /** Whether an engine that lost the tunnel stays disconnected when the tunnel is back. */
  readonly stuckAfterOutage: boolean
  /** Faults that apply from the start. */
  readonly faults: Faults
}

/**
 * Reads settings from the environment and the command line: the ports and flags like the engine images (see `readStart`),
 * and the variables of the emulator. Unknown flags and variables are ignored.
 *
 * @throws {SettingError} if a port, a number, a URL or the faults are not valid, and {StartError} if the engine of a dialect
 * would end.
 */
export function readSettings(env: Environment, args: readonly string[]): Settings {
  const number = (name: string, fallback: number): number => wholeNumber(env[name], name, fallback)
  const start = readStart(env, args)

  return {
    ...start,
    control: controlPort(env.CONTROL_PORT, start.httpPort),
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
  }
}

/** Reads `6870`, or `+20000` as an offset to the HTTP port, so that engines in one namespace need no number each. */
function controlPort(text: string | undefined, httpPort: number): Settings['control'] {
  if (text === undefined || text === '') return { port: 6870, mayFail: true }
  const offset = /^\+(\d+)$/.exec(text)?.[1]
  const value = offset === undefined ? text : String(httpPort + Number(offset))
  return { port: portNumber(value, 'CONTROL_PORT', 6870), mayFail: false }
}

function tunnelUrl(text: string | undefined): string | null {
  if (text === undefined || text === '') return null
  if (!URL.canParse(text)) throw new SettingError(`TUNNEL_URL is not a URL: ${text}`)
  return text
}

/** Reads the faults in the format of `POST /faults`. */
function firstFaults(text: string | undefined): Faults {
  if (text === undefined || text === '') return NO_FAULTS
  try {
    return mergeFaults(NO_FAULTS, JSON.parse(text))
  } catch (error) {
    if (error instanceof FaultError) throw new SettingError(`FAULTS: ${error.message}`)
    throw new SettingError('FAULTS is not JSON')
  }
}
