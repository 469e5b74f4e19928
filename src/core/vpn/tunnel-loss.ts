import {
  type Connection,
  cutOffSinceMs,
  type Evidence,
  type Flow,
  FRESH_MS,
  freshOf,
  isStillConnected,
  lastCutMs,
} from './tunnel.ts'

/** Why a tunnel counts as dead although neither Docker nor Gluetun says so. */
export interface Loss {
  /** The reason in words that follow the node's name. */
  readonly words: string
  /** Who shows it: engines that lost their connections, or streams that stand still together. */
  readonly by: 'engines' | 'streams'
  /** How many of them show it. */
  readonly count: number
}

/**
 * Why the tunnel counts as dead; null if there is no reason. Evidence is only what worked since `sinceMs` and does not work
 * now: an engine that has not come back from an earlier outage has a problem of its own. `movedMs` says when a stream of the
 * node last moved, also one that has ended since; null for never.
 */
export function tunnelLoss(
  { connections, flows }: Evidence,
  sinceMs: number,
  movedMs: number | null,
  nowMs: number,
): Loss | null {
  const fresh = freshOf(connections, nowMs)
  const cut = fresh.filter((each) => cutOffSinceMs(each) !== null && (each.connectedMs ?? 0) >= sinceMs)
  if (2 * cut.length > fresh.length && !isProven(fresh, lastCutMs(cut) ?? 0, movedMs, nowMs)) {
    const words = `has lost its tunnel: ${cut.length} of ${fresh.length} engines say that they are not connected`
    return { words, by: 'engines', count: cut.length }
  }
  return fresh.some(({ isConnected }) => isConnected) ? null : standstill(flows, sinceMs, nowMs)
}

/**
 * Whether the tunnel works although most engines are cut off, the last one at `cutMs`. That is so if another connected anew
 * after that, or if a stream moved after that and an engine is still connected: engines keep connections for a while that
 * carry nothing, and bytes are seen to have moved some seconds after they did.
 */
function isProven(
  fresh: readonly Connection[],
  cutMs: number,
  movedMs: number | null,
  nowMs: number,
): boolean {
  const well = fresh.filter((each) => cutOffSinceMs(each) === null)
  if (well.some(({ connectedSinceMs }) => (connectedSinceMs ?? 0) > cutMs)) return true
  const hasMoved = movedMs !== null && movedMs > cutMs && nowMs - movedMs <= FRESH_MS
  return hasMoved && well.some(({ connectedMs }) => isStillConnected(connectedMs, cutMs, nowMs))
}

/** A stream that has not moved for this time stands still. */
export const STILL_MS = 15_000

/**
 * Streams that stop within this time stop together, as they do when a tunnel dies. If viewers leave without a report, their
 * streams stop one by one.
 */
const TOGETHER_MS = 10_000

function standstill(flows: readonly Flow[], sinceMs: number, nowMs: number): Loss | null {
  const asked = flows.filter(({ askedMs }) => nowMs - askedMs <= FRESH_MS)
  const stopped = asked.filter(({ askedMs, movedMs }) => movedMs !== null && askedMs - movedMs >= STILL_MS)
  const lastMs = Math.max(...stopped.map(({ movedMs }) => movedMs ?? 0))
  const still = stopped.filter(({ movedMs }) => (movedMs ?? 0) >= lastMs - TOGETHER_MS)
  const isMoving = asked.some(({ askedMs, movedMs }) => movedMs !== null && askedMs - movedMs < STILL_MS)
  const contents = new Set(
    still.filter(({ movedMs }) => (movedMs ?? 0) >= sinceMs).map(({ content }) => content),
  )
  if (isMoving || contents.size < 2) return null
  const words = `has lost its tunnel: ${contents.size} different streams stand still together`
  return { words, by: 'streams', count: contents.size }
}
