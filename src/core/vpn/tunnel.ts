/** A summary of what an engine has answered about its connection to the outside since its process is asked. */
export interface Connection {
  readonly isConnected: boolean
  readonly atMs: number
  /** How many times in a row the engine said that it is not connected, and since when; null while it says that it is. */
  readonly refusals: number
  readonly lostSinceMs: number | null
  /** When the engine last said that it is connected; null if it never did. */
  readonly connectedMs: number | null
}

/** Adds an answer; `before` is null for the first answer since the engine started. */
export function withConnection(before: Connection | null, isConnected: boolean, atMs: number): Connection {
  const connectedMs = before?.connectedMs ?? null
  if (isConnected) return { isConnected, atMs, refusals: 0, lostSinceMs: null, connectedMs: atMs }
  const refusals = (before?.refusals ?? 0) + 1
  return { isConnected, atMs, refusals, lostSinceMs: before?.lostSinceMs ?? atMs, connectedMs }
}

/** A single "not connected" may be a momentary failure. */
const REFUSALS_MIN = 2

/**
 * Since when an engine that was connected says that it is not; null if it does not say so. An engine that never was
 * connected tells nothing: it may still be booting, or its image may not know.
 */
export const cutOffSinceMs = (connection: Connection | null): number | null =>
  connection !== null && connection.connectedMs !== null && connection.refusals >= REFUSALS_MIN
    ? connection.lostSinceMs
    : null

/**
 * Since when an engine is cut off although the tunnel works; null if it is not cut off, or if that cannot be told yet. The
 * tunnel is known to work if Gluetun came back after the engine was last connected, or if another engine of the node was
 * connected after this one was cut off.
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

/** A started stream behind a node: which content it plays, and when its bytes last moved (see `Session`). */
export interface Flow {
  readonly content: string
  readonly askedMs: number
  readonly movedMs: number | null
}

/**
 * Streams that stop within this time stop together, as they do when a tunnel dies. If viewers leave without a report, their
 * streams stop one by one.
 */
const TOGETHER_MS = 10_000

/** What the engines and streams of one node tell about its tunnel. */
export interface Evidence {
  readonly connections: readonly Connection[]
  readonly flows: readonly Flow[]
}

/** An older answer tells nothing about the present. */
export const FRESH_MS = 45_000

/** What the engines of a node say of their connection, and when one said so last. */
export interface EnginesWord {
  readonly connected: number
  readonly asked: number
  readonly atMs: number
}

/** What engines said lately; null if none did. An engine that never was connected tells nothing. */
export function enginesWord({ connections }: Evidence, nowMs: number): EnginesWord | null {
  const fresh = freshOf(connections, nowMs)
  if (fresh.length === 0) return null
  return {
    connected: fresh.filter(({ isConnected }) => isConnected).length,
    asked: fresh.length,
    atMs: Math.max(...fresh.map(({ atMs }) => atMs)),
  }
}

const freshOf = (connections: readonly Connection[], nowMs: number): readonly Connection[] =>
  connections.filter(({ atMs, connectedMs }) => connectedMs !== null && nowMs - atMs <= FRESH_MS)

/**
 * Whether most engines that were asked lately say that they are connected, and have said so since `sinceMs`. A single "not
 * connected" changes nothing yet.
 */
export function isMostConnected({ connections }: Evidence, sinceMs: number, nowMs: number): boolean {
  const fresh = freshOf(connections, nowMs)
  const well = fresh.filter((each) => cutOffSinceMs(each) === null && (each.connectedMs ?? 0) > sinceMs)
  return 2 * well.length > fresh.length
}

/** When one of the streams was last seen to move; null if none was. */
export const lastMovedMs = ({ flows }: Evidence): number | null =>
  flows.reduce<number | null>(
    (last, { movedMs }) => (movedMs === null ? last : Math.max(last ?? 0, movedMs)),
    null,
  )

/** A stream that has not moved for this time stands still. */
const STILL_MS = 15_000

/**
 * Why the tunnel counts as dead although Gluetun does not say so, in words that follow the node's name; null if there is no
 * reason. Evidence is only what worked since `sinceMs` and does not work now: an engine that has not come back from an
 * earlier outage has a problem of its own.
 */
export function tunnelLoss({ connections, flows }: Evidence, sinceMs: number, nowMs: number): string | null {
  const fresh = freshOf(connections, nowMs)
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
