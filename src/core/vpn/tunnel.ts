/** A summary of what an engine has answered about its connection to the outside since its process is asked. */
export interface Connection {
  readonly isConnected: boolean
  readonly atMs: number
  /** How many times in a row the engine said that it is not connected, and since when; null while it says that it is. */
  readonly refusals: number
  readonly lostSinceMs: number | null
  /** When the engine last said that it is connected; null if it never did. */
  readonly connectedMs: number | null
  /** When it first said so after its start, or after it was cut off; null if it never did. */
  readonly connectedSinceMs: number | null
}

/** Adds an answer; `before` is null for the first answer since the engine started. */
export function withConnection(before: Connection | null, isConnected: boolean, atMs: number): Connection {
  const { connectedMs = null, connectedSinceMs = null, refusals = 0, lostSinceMs = null } = before ?? {}
  if (!isConnected)
    return {
      ...{ isConnected, atMs, connectedMs, connectedSinceMs },
      ...{ refusals: refusals + 1, lostSinceMs: lostSinceMs ?? atMs },
    }
  const isAnew = connectedSinceMs === null || refusals >= REFUSALS_MIN
  return {
    ...{ isConnected, atMs, refusals: 0, lostSinceMs: null, connectedMs: atMs },
    connectedSinceMs: isAnew ? atMs : connectedSinceMs,
  }
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

/** What the engines and streams of one node tell about its tunnel. */
export interface Evidence {
  /** How many engines are in the node's network, also those that say nothing. */
  readonly engines: number
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

/** The connections of those that were connected at some time, and were asked lately. */
export const freshOf = (connections: readonly Connection[], nowMs: number): readonly Connection[] =>
  connections.filter(({ atMs, connectedMs }) => connectedMs !== null && nowMs - atMs <= FRESH_MS)

/** When one of the streams was last seen to move; null if none was. */
export const lastMovedMs = ({ flows }: Evidence): number | null => latest(flows.map(({ movedMs }) => movedMs))

/** When an engine last said that it is connected; null if none did. */
export const lastConnectedMs = ({ connections }: Evidence): number | null =>
  latest(connections.map(({ connectedMs }) => connectedMs))

/** When the last of these engines was cut off; null if none is. */
export const lastCutMs = (connections: readonly Connection[]): number | null =>
  latest(connections.map(cutOffSinceMs))

/** The latest of some times; null if there is none. */
export const latest = (times: readonly (number | null)[]): number | null =>
  times.reduce((last, each) => (each === null || (last !== null && last > each) ? last : each), null)

/** While an engine is cut off, the others of its node are asked every 2 s, so that an older "connected" is out of date. */
const CONTESTED_MS = 10_000

/**
 * Whether a "connected" still counts: for 45 s, or for 10 s if an engine was cut off after it. Both times may be null, for
 * never.
 */
export function isStillConnected(connectedMs: number | null, cutMs: number | null, nowMs: number): boolean {
  const isContested = cutMs !== null && cutMs > (connectedMs ?? 0)
  return connectedMs !== null && nowMs - connectedMs <= (isContested ? CONTESTED_MS : FRESH_MS)
}

/**
 * Since when all engines of a node that answer have said that they are not connected; null if that is not so. Where none was
 * ever connected, that is no evidence against a tunnel: their image may not know.
 */
export function allDeniedSinceMs({ connections }: Evidence, nowMs: number): number | null {
  const asked = connections.filter(({ atMs }) => nowMs - atMs <= FRESH_MS)
  return asked.every(({ refusals }) => refusals >= REFUSALS_MIN)
    ? latest(asked.map(({ lostSinceMs }) => lostSinceMs))
    : null
}

/** Engines of a node that all say that they are not connected, since the last of them began to, and none of which ever was. */
export interface NeverConnected {
  readonly asked: number
  readonly sinceMs: number
}

/** Those engines; null if an engine was connected at some time, or says nothing. */
export function neverConnected(evidence: Evidence, nowMs: number): NeverConnected | null {
  const sinceMs = allDeniedSinceMs(evidence, nowMs)
  const wasOne = evidence.connections.some(({ connectedMs }) => connectedMs !== null)
  return sinceMs === null || wasOne ? null : { asked: evidence.connections.length, sinceMs }
}
