import { type Evidence, freshOf } from './tunnel.ts'
import { type Loss, STILL_MS } from './tunnel-loss.ts'

/** What only the engines and streams of a node say against its tunnel. */
export interface Doubt extends Loss {
  readonly sinceMs: number
  /**
   * Nothing would find a dead tunnel by itself, so that only engines or streams can end the doubt: an engine that connects, or
   * a stream that moves.
   */
  readonly needsProof: boolean
}

/**
 * Gluetun itself finds a dead tunnel within this time (measured: 177 s, and up to 15 s more for Docker's verdict). If
 * Gluetun still reports no problem after it, Gluetun is right, and the engines have not reconnected.
 */
const DOUBT_MAX_MS = 200_000

/** What is heard of a node whose doubt is judged. Times are epoch milliseconds. */
export interface DoubtHeard {
  readonly loss: Loss | null
  readonly evidence: Evidence
  /** When the node's container was started. What was before tells nothing. */
  readonly startedMs: number
  /** When a stream was last seen to move since the doubt began; null for never. */
  readonly movedMs: number | null
  /** Gluetun would find a dead tunnel by itself. */
  readonly isOverseen: boolean
}

/**
 * The doubt from now on; null if there is none. `refuted` if it was wrong: what engines say is no evidence any more then. That
 * is so when streams go on to move, and when Gluetun had its time. Where nothing finds a dead tunnel by itself, time alone
 * proves nothing: the doubt stands until an engine is connected, also while engines say nothing because they are restarted.
 * Streams that stand still are weaker, because their contents may have ended: they count for as long as Gluetun needs.
 */
export function doubtAfter(before: Doubt | null, heard: DoubtHeard, nowMs: number): Doubt | null | 'refuted' {
  const { loss, startedMs, movedMs, isOverseen } = heard
  const earlier = before !== null && before.sinceMs >= startedMs ? before : null
  if (loss === null) return earlier !== null && isStanding(earlier, heard, nowMs) ? earlier : null
  const sinceMs = earlier?.sinceMs ?? nowMs
  const isByEngines = loss.by === 'engines' || earlier?.needsProof === true
  const needsProof = isByEngines && !isOverseen
  const isOver = !needsProof && nowMs - sinceMs > DOUBT_MAX_MS
  if (isOver || hasMovedOn(movedMs, sinceMs)) return 'refuted'
  // Engines that were restarted since say nothing of what they lost.
  const most = earlier !== null && earlier.count > loss.count ? earlier : loss
  return { ...most, sinceMs, needsProof }
}

function isStanding(
  { sinceMs, needsProof }: Doubt,
  { evidence, movedMs, isOverseen }: DoubtHeard,
  nowMs: number,
): boolean {
  const isHeardOf = evidence.engines > 0 && !freshOf(evidence.connections, nowMs).some(isConnected)
  return needsProof && !isOverseen && isHeardOf && !hasMovedOn(movedMs, sinceMs)
}

const isConnected = (connection: { readonly isConnected: boolean }): boolean => connection.isConnected

/** Whether a stream moved so long after a time that its bytes cannot have come before. */
const hasMovedOn = (movedMs: number | null, sinceMs: number): boolean =>
  movedMs !== null && movedMs - sinceMs >= STILL_MS
