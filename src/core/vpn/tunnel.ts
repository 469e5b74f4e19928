/** What an engine has said of its connection to the outside, summed up since its process is asked. */
export interface Connection {
  readonly isConnected: boolean
  readonly atMs: number
  /** Times in a row that it said no, and since when; null while it says yes. */
  readonly refusals: number
  readonly lostSinceMs: number | null
  /** When it last said yes; null if it never did. */
  readonly connectedMs: number | null
}

/** Adds an answer; `before` is null for the first one since the engine started. */
export function withConnection(before: Connection | null, isConnected: boolean, atMs: number): Connection {
  const connectedMs = before?.connectedMs ?? null
  if (isConnected) return { isConnected, atMs, refusals: 0, lostSinceMs: null, connectedMs: atMs }
  const refusals = (before?.refusals ?? 0) + 1
  return { isConnected, atMs, refusals, lostSinceMs: before?.lostSinceMs ?? atMs, connectedMs }
}

/** A single no may be the hiccup of one moment. */
const REFUSALS_MIN = 2

/**
 * Since when a process that was connected says that it is not; null when it does not say so. One that never was connected
 * tells nothing: it may still be booting, or of an image that does not know.
 */
export const cutOffSinceMs = (connection: Connection | null): number | null =>
  connection !== null && connection.connectedMs !== null && connection.refusals >= REFUSALS_MIN
    ? connection.lostSinceMs
    : null

/**
 * Since when an engine is cut off though the tunnel works; null when it is not, or when nobody can tell yet. The tunnel works
 * as far as Gluetun came back since the engine was last connected, or another engine of the node was connected later than
 * this one.
 */
export function strandedSinceMs(
  connection: Connection | null,
  others: readonly Connection[],
  recoveredMs: number,
): number | null {
  const sinceMs = cutOffSinceMs(connection)
  if (sinceMs === null) return null
  const isLeftBehind = (connection?.connectedMs ?? 0) < recoveredMs
  return isLeftBehind || others.some(({ connectedMs }) => (connectedMs ?? 0) > sinceMs) ? sinceMs : null
}

/** A started stream behind a node: what it shows, and how its bytes have moved (see `Session`). */
export interface Flow {
  readonly content: string
  readonly askedMs: number
  readonly movedMs: number | null
}

/** Streams whose viewers left one by one without a word stop one by one; a tunnel stops all at once. */
const TOGETHER_MS = 10_000

/** What the engines and streams of one node tell of its tunnel. */
export interface Evidence {
  readonly connections: readonly Connection[]
  readonly flows: readonly Flow[]
}

/** An answer that is older says nothing of now. */
const FRESH_MS = 45_000

/** A stream that has not moved for this time stands still. */
const STILL_MS = 15_000

/**
 * Why the tunnel has to be taken for dead though Gluetun does not say so, in words that go on from the node's name; null
 * when there is no reason to. Only what worked since `sinceMs` and does not any more is evidence: an engine that has not come
 * back from an earlier outage has a trouble of its own.
 */
export function tunnelLoss({ connections, flows }: Evidence, sinceMs: number, nowMs: number): string | null {
  const fresh = connections.filter(
    ({ atMs, connectedMs }) => connectedMs !== null && nowMs - atMs <= FRESH_MS,
  )
  const cut = fresh.filter(
    (each) => cutOffSinceMs(each) !== null && (each.connectedMs ?? 0) >= sinceMs,
  ).length
  if (2 * cut > fresh.length)
    return `has lost its tunnel: ${cut} of ${fresh.length} engines say that they are not connected`
  if (fresh.some(({ isConnected }) => isConnected)) return null
  const asked = flows.filter(({ askedMs }) => nowMs - askedMs <= FRESH_MS)
  const stopped = asked.filter(({ askedMs, movedMs }) => movedMs !== null && askedMs - movedMs >= STILL_MS)
  const lastMs = Math.max(...stopped.map(({ movedMs }) => movedMs ?? 0))
  const still = stopped.filter(({ movedMs }) => (movedMs ?? 0) >= lastMs - TOGETHER_MS)
  const isMoving = asked.some(({ askedMs, movedMs }) => movedMs !== null && askedMs - movedMs < STILL_MS)
  const contents = new Set(
    still.filter(({ movedMs }) => (movedMs ?? 0) >= sinceMs).map(({ content }) => content),
  )
  if (isMoving || contents.size < 2) return null
  return `has lost its tunnel: ${contents.size} different streams stand still together`
}
