import type { PortPeers } from './tcp-table.ts'

/**
 * A connection that was seen for so long is somebody who stays: each question of ours has a connection of its own, and is given up
 * after 5 s at the latest.
 */
const HELD_MS = 6_000

/** An idle engine is never wholly silent, and a stream moves several times as much. */
const STREAM_BYTES_PER_S = 20_000
const TRAFFIC_WINDOW_MS = 30_000

/** What one look at an engine from outside found. */
export interface Look {
  readonly atMs: number
  /** Null where the tables of its network could not be read. */
  readonly port: PortPeers | null
  /** All that its network has carried since its start; null where nothing counts that, `unasked` where it was not looked at. */
  readonly bytes: number | null | 'unasked'
}

/** What the looks at one start of an engine have found so far. */
export interface Watched {
  readonly atMs: number
  /** Since when each of those who were connected at the last look has been seen. */
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
 * What the last look says. `new`: connections that may be questions of ours; another look tells. `unread`: the tables of its
 * network could not be read. `open`: its traffic was not counted for long enough.
 */
export interface Sight {
  readonly atMs: number
  readonly connections: 'none' | 'new' | 'held' | 'unread'
  readonly traffic: 'moves' | 'still' | 'open' | 'uncounted'
  /** For how long its traffic has been counted. */
  readonly countedMs: number
}

/** Adds a look to those before at the same start of the engine; `before` is null for the first. */
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

/** The readings that are needed: the newest that is old enough to compare with, and all since. */
function withReading(readings: readonly Reading[], reading: Reading): readonly Reading[] {
  // Counters that went back began anew.
  if (reading.bytes < (readings.at(-1)?.bytes ?? 0)) return [reading]
  const all = [...readings, reading]
  const base = all.findLastIndex(({ atMs }) => reading.atMs - atMs >= TRAFFIC_WINDOW_MS)
  return all.slice(Math.max(0, base))
}

/** What is known by all looks so far. */
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

/** Whether somebody watches at an engine. `open`: another look tells; `unknown`: nothing can. */
export type Viewers = 'nobody' | 'somebody' | 'open' | 'unknown'

const BY_TRAFFIC = { moves: 'somebody', still: 'nobody', open: 'open', uncounted: 'unknown' } as const

/**
 * Whether somebody watches, by what was seen from outside. Who is connected watches, but for an engine that does not answer
 * (`isMute`): one that hangs keeps its connections, so there it is the bytes that tell.
 */
export function viewersIn({ connections, traffic }: Sight, isMute: boolean): Viewers {
  if (connections === 'none') return 'nobody'
  if (connections === 'new') return 'open'
  return connections === 'held' && !isMute ? 'somebody' : BY_TRAFFIC[traffic]
}

/** How an engine is to be looked at. */
export interface Wanted {
  /** A look before this time tells how to look, and does not decide. */
  readonly fromMs: number
  readonly isMute: boolean
  /** Nothing can tell whether it has a viewer, and so it is kept; not without it. */
  readonly isKept?: boolean
}

/** Somebody has to look at an engine, for something to be done about it. */
export interface LookRequest extends Required<Wanted> {
  readonly engineId: string
}

/** How long before a decision the looks begin: so that its traffic was counted for long enough by then. */
export const LOOK_LEAD_MS = TRAFFIC_WINDOW_MS + 2_000

/** What was found out longer ago than this is no reason to do anything any more. */
export const LOOK_FRESH_MS = 10_000

/** How long after a look the next one is: where nothing can tell, that hardly changes. */
const AGAIN_MS = { new: 2_000, usual: 5_000, unknown: 30_000 } as const

/** When an engine is looked at next: at once for the first time, at the time that decides, then some seconds apart. */
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
