import type { PortPeers } from './tcp-table.ts'

/**
 * A connection that was seen for this long belongs to a viewer: each of our own requests has its own connection and is given
 * up after 5 s at the latest.
 */
const HELD_MS = 6_000

/**
 * Traffic above this rate counts as a stream. An idle engine always has some traffic; a stream moves several times this
 * rate.
 */
const STREAM_BYTES_PER_S = 20_000
const TRAFFIC_WINDOW_MS = 30_000

/** What one look at an engine from outside found. */
export interface Look {
  readonly atMs: number
  /** The connections to the engine's HTTP port; null if the TCP tables of its network could not be read. */
  readonly port: PortPeers | null
  /**
   * All bytes that the engine's network has carried since its start. Null if nothing counts them; `unasked` if this look did
   * not ask.
   */
  readonly bytes: number | null | 'unasked'
}

/** The combined findings of all looks at one start of an engine. */
export interface Watched {
  readonly atMs: number
  /** The peers that were connected at the last look, each with the time at which it was first seen. */
  readonly peers: ReadonlyMap<string, number>
  readonly isTableWhole: boolean
  readonly readings: readonly Reading[]
  readonly isCounted: boolean | null
}

interface Reading {
  readonly bytes: number
  readonly atMs: number
}

/**
 * The summary after the last look.
 * connections: `new` means that they may be our own requests, and another look will tell. `unread` means that the TCP tables
 * of the network could not be read. `unseen` means that the container engine lets nobody look.
 * traffic: `open` means that it was not counted for long enough.
 */
export interface Sight {
  readonly atMs: number
  readonly connections: 'none' | 'new' | 'held' | 'unread' | 'unseen'
  readonly traffic: 'moves' | 'still' | 'open' | 'uncounted'
  /** For how long the traffic has been counted, in milliseconds. */
  readonly countedMs: number
}

/** Adds a look to the earlier ones at the same start of the engine; `before` is null for the first look. */
export function withLook(before: Watched | null, { atMs, port, bytes }: Look): Watched {
  const since = (peer: string): number => before?.peers.get(peer) ?? atMs
  const known = before?.readings ?? []
  return {
    atMs,
    peers: new Map((port?.peers ?? []).map((peer) => [peer, since(peer)])),
    isTableWhole: port?.isWhole ?? false,
    readings: typeof bytes === 'number' ? withReading(known, { bytes, atMs }) : known,
    isCounted: bytes === 'unasked' ? (before?.isCounted ?? null) : bytes !== null,
  }
}

/** Keeps the readings that are needed: the newest one that is old enough to compare with, and all later ones. */
function withReading(readings: readonly Reading[], reading: Reading): readonly Reading[] {
  // Counters that went back were reset.
  if (reading.bytes < (readings.at(-1)?.bytes ?? 0)) return [reading]
  const all = [...readings, reading]
  const base = all.findLastIndex(({ atMs }) => reading.atMs - atMs >= TRAFFIC_WINDOW_MS)
  return all.slice(Math.max(0, base))
}

/** The summary where the container engine lets nobody look. */
export const unseenAt = (atMs: number): Sight => ({
  atMs,
  connections: 'unseen',
  traffic: 'uncounted',
  countedMs: 0,
})

/** Summarises all looks so far. */
export function sightIn(watched: Watched): Sight {
  const { atMs, readings } = watched
  const countedMs = (readings.at(-1)?.atMs ?? 0) - (readings.at(0)?.atMs ?? 0)
  return { atMs, connections: connectionsIn(watched), traffic: trafficIn(watched, countedMs), countedMs }
}

function connectionsIn({ atMs, peers, isTableWhole }: Watched): Sight['connections'] {
  if ([...peers.values()].some((sinceMs) => atMs - sinceMs >= HELD_MS)) return 'held'
  if (!isTableWhole) return 'unread'
  return peers.size === 0 ? 'none' : 'new'
}

function trafficIn({ isCounted, readings }: Watched, countedMs: number): Sight['traffic'] {
  if (isCounted === false) return 'uncounted'
  if (countedMs < TRAFFIC_WINDOW_MS) return 'open'
  const bytes = (readings.at(-1)?.bytes ?? 0) - (readings.at(0)?.bytes ?? 0)
  return bytes > (countedMs / 1_000) * STREAM_BYTES_PER_S ? 'moves' : 'still'
}

/** Whether an engine has viewers. `open`: another look will tell. `unknown`: nothing can tell. */
export type Viewers = 'nobody' | 'somebody' | 'open' | 'unknown'

const BY_TRAFFIC = { moves: 'somebody', still: 'nobody', open: 'open', uncounted: 'unknown' } as const

/**
 * Whether an engine has viewers, from what was seen from outside. A held connection means a viewer, unless the engine does
 * not answer (`isMute`): an engine that hangs keeps its connections, so there the traffic decides. Where nobody may look, the
 * engine's own word about its sessions is all there is; it was asked before.
 */
export function viewersIn({ connections, traffic }: Sight, isMute: boolean): Viewers {
  if (connections === 'none' || connections === 'unseen') return 'nobody'
  if (connections === 'new') return 'open'
  return connections === 'held' && !isMute ? 'somebody' : BY_TRAFFIC[traffic]
}

/** How an engine has to be looked at. */
export interface Wanted {
  /** Only a look at or after this time decides. Earlier looks collect connections and traffic for it. */
  readonly fromMs: number
  readonly isMute: boolean
  /** The engine is kept because nothing can tell whether it has viewers. False if not given. */
  readonly isKept?: boolean
}

/** A request for a look at an engine, before an action on it. */
export interface LookRequest extends Required<Wanted> {
  readonly engineId: string
}

/** How long before a decision the looks begin, so that the traffic has been counted for long enough by then. */
export const LOOK_LEAD_MS = TRAFFIC_WINDOW_MS + 2_000

/** A finding that is older than this is no reason for an action any more. */
export const LOOK_FRESH_MS = 10_000

/**
 * How long after a look the next one follows. If nothing can tell whether there are viewers, that hardly changes, so the
 * wait is longer.
 */
const AGAIN_MS = { new: 2_000, usual: 5_000, unknown: 30_000 } as const

/**
 * When the next look at an engine is due, in epoch milliseconds: at once for the first look, then at `fromMs`, then every
 * few seconds.
 */
export function nextLookMs({ fromMs, isMute }: Wanted, sight: Sight | null): number {
  if (sight === null) return 0
  if (sight.atMs < fromMs) return fromMs
  if (sight.connections === 'new') return sight.atMs + AGAIN_MS.new
  const viewers = viewersIn(sight, isMute)
  if (viewers === 'unknown') return sight.atMs + AGAIN_MS.unknown
  const isCounting = viewers === 'open' && sight.countedMs > 0
  return (
    sight.atMs + (isCounting ? Math.min(AGAIN_MS.usual, TRAFFIC_WINDOW_MS - sight.countedMs) : AGAIN_MS.usual)
  )
}
