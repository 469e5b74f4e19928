import {
  type Evidence,
  FRESH_MS,
  freshOf,
  isStillConnected,
  lastConnectedMs,
  lastCutMs,
  lastMovedMs,
  latest,
} from './tunnel.ts'
import { tunnelLoss } from './tunnel-loss.ts'

/**
 * What is remembered of a node in order to tell whether its health check is wrong. All times are in epoch milliseconds; null
 * stands for "not since `brokenMs`".
 */
export interface Witnesses {
  /** When anything but the health check was last wrong, or the container was started. What was well before tells nothing. */
  readonly brokenMs: number
  /** When the control server last said that the VPN runs. */
  readonly runningMs: number | null
  /** When an engine last said that it is connected. */
  readonly connectedMs: number | null
  /** When a stream was last seen to move, also one that has ended since. */
  readonly movedMs: number | null
}

export const NO_WITNESSES: Witnesses = { brokenMs: 0, runningMs: null, connectedMs: null, movedMs: null }

/** What is heard of a node besides its health check. */
export interface Heard {
  /** Docker or the control server reports a problem that is not the health check. */
  readonly isWrong: boolean
  /** When the control server said that the VPN runs; null if it did not say so last. */
  readonly runningMs: number | null
  readonly startedMs: number
  readonly evidence: Evidence
}

/** Adds what is heard now. A bad sign makes everything before it worthless, at once. */
export function withHeard(
  before: Witnesses,
  { isWrong, runningMs, startedMs, evidence }: Heard,
  nowMs: number,
): Witnesses {
  const movedMs = latest([before.movedMs, lastMovedMs(evidence)])
  const isBroken = isWrong || tunnelLoss(evidence, before.brokenMs, movedMs, nowMs) !== null
  const brokenMs = isBroken ? nowMs : Math.max(before.brokenMs, startedMs)
  const since = (atMs: number | null): number | null => (atMs !== null && atMs > brokenMs ? atMs : null)
  return {
    brokenMs,
    runningMs: since(latest([before.runningMs, runningMs])),
    connectedMs: since(latest([before.connectedMs, lastConnectedMs(evidence)])),
    movedMs: since(movedMs),
  }
}

/** What is heard against the health check of a node while it fails. */
export interface Testimony {
  /** Nothing but the health check is against the node, and somebody speaks for it. */
  readonly isAlone: boolean
  /** Engines and streams prove that the node works. */
  readonly isProven: boolean
}

/**
 * What all sources but the health check say of a node. It works if the control server (if there is one) said lately that the
 * VPN runs, an engine says that it is connected, and a stream moved lately. All three are asked for, because each of them
 * alone is late in its own way: Gluetun calls a VPN running whose tunnel is dead, and engines keep connections for a while
 * that carry nothing. Only bytes come through a tunnel that works, so engines that are cut off beside one that is not have a
 * problem of their own. `FRESH_MS` is longer than a viewer's change of channel, and much shorter than the time in which a
 * newer Gluetun finds a dead tunnel: what moved in it, moved after the check had begun to fail.
 */
export function testimony(
  { runningMs, connectedMs, movedMs }: Witnesses,
  { connections }: Evidence,
  nowMs: number,
  { isGluetun, controlMaxAgeMs }: { readonly isGluetun: boolean; readonly controlMaxAgeMs: number },
): Testimony {
  const fresh = freshOf(connections, nowMs)
  const isConnected = isStillConnected(connectedMs, lastCutMs(fresh), nowMs)
  const isRunning = runningMs !== null && nowMs - runningMs <= controlMaxAgeMs
  const isAlone = isGluetun ? isRunning && (isConnected || fresh.length === 0) : isConnected
  const hasMoved = movedMs !== null && nowMs - movedMs <= FRESH_MS
  return { isAlone, isProven: isAlone && isConnected && hasMoved }
}
