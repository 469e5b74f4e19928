import type { ContentBehaviour } from './content.ts'
import type { Faults } from './faults.ts'
import type { Json } from './json.ts'
import { mediaDueMs, paceAt } from './pacing.ts'
import type { Session } from './session.ts'
import type { Settings } from './settings.ts'

/** The engine counts whole pieces of this size. */
const PIECE_BYTES = 16_384
const WINDOW_S = 1800
const PEERS = 7

/** What the statistics depend on besides the session. */
export interface StatisticsInput {
  readonly settings: Settings
  readonly faults: Faults
  readonly behaviour: ContentBehaviour
  readonly connected: boolean
  readonly bytesPerMs: number
  readonly nowMs: number
}

/**
 * The `response` of a `stat` call: `{}` at first, then status `idle`, `prebuf` and `dl` with more and more fields. Speeds
 * are whole KB/s, `downloaded` and `uploaded` are bytes in whole pieces, and the positions are strings of Unix seconds.
 */
export function statistics(session: Session, input: StatisticsInput): Json {
  const { settings, nowMs } = input
  const ageMs = nowMs - session.openedMs
  if (ageMs < settings.statEmptyMs) return {}
  const common = commonFields(session, input)
  if (ageMs < settings.statIdleMs) return { status: 'idle', ...common }
  const transfer = transferFields(session, input)
  if (session.flow.totalMs(nowMs) < settings.statDownloadMs)
    return { status: 'prebuf', ...common, ...transfer }
  return { status: 'dl', ...common, ...transfer, livepos: livePosition(session, nowMs) }
}

/** A flag of the protocol: 1 or 0, or a boolean with the fault `boolean_flags`. */
export const wireFlag = (value: boolean, faults: Faults): Json =>
  faults.boolean_flags ? value : Number(value)

function commonFields(session: Session, { faults }: StatisticsInput): { readonly [name: string]: Json } {
  return {
    infohash: session.infohash,
    playback_session_id: session.current.playbackSessionId,
    is_live: wireFlag(true, faults),
    is_encrypted: wireFlag(false, faults),
    client_session_id: -1,
    stream_status: -1,
    selected_stream_index: 0,
    selected_file_index: -1,
    manifest_access_mode: -1,
    network_monitor_status: -1,
    network_monitor_started: wireFlag(false, faults),
    debug_level: 0,
    total_progress: 0,
    disk_cache_stats: { avail: 50_000_000_000, disk_cache_limit: 0, inactive_inuse: 0, active_inuse: 0 },
  }
}

function transferFields(session: Session, input: StatisticsInput): { readonly [name: string]: Json } {
  const { settings, faults, bytesPerMs, nowMs } = input
  const flowedMs = session.flow.totalMs(nowMs)
  const bytes = mediaDueMs(flowedMs, settings) * bytesPerMs
  // A KB has 1024 bytes here, so that the speed matches the bytes.
  const speed = session.flow.running ? Math.round((bytesPerMs * 1000 * paceAt(flowedMs, settings)) / 1024) : 0
  const speeds = faults.camel_case_speeds
    ? { speedDown: speed, speedUp: Math.floor(speed / 10) }
    : { speed_down: speed, speed_up: Math.floor(speed / 10) }
  return { ...speeds, peers: peers(input), downloaded: pieces(bytes), uploaded: pieces(bytes / 10) }
}

function peers({ faults, behaviour, connected }: StatisticsInput): number {
  return !connected || faults.no_peers || behaviour === 'no_peers' ? 0 : PEERS
}

const pieces = (bytes: number): number => Math.floor(bytes / PIECE_BYTES) * PIECE_BYTES

/** The window ends at the session's own live position, which stands still while the session stalls. */
function livePosition(session: Session, nowMs: number): Json {
  const lastS = Math.floor((session.openedMs + session.position.totalMs(nowMs)) / 1000)
  const first = String(lastS - WINDOW_S)
  const last = String(lastS)
  return {
    pos: last,
    last,
    live_first: first,
    live_last: last,
    first_ts: first,
    last_ts: last,
    is_live: '1',
    buffer_pieces: '15',
  }
}
