import { type Evidence, FRESH_MS, isMostConnected, lastMovedMs, tunnelLoss } from './tunnel.ts'

/**
 * What is remembered of a node in order to tell whether its health check is wrong. All times are in epoch milliseconds; null
 * stands for "not since `brokenMs`".
 */
export interface Witnesses {
  /** When anything but the health check was last wrong, or the container was started. What was well before tells nothing. */
  readonly brokenMs: number
  /** When the control server last said that the VPN runs. */
  readonly runningMs: number | null
  /** When a stream was last seen to move, also one that has ended since. */
  readonly movedMs: number | null
}

export const NO_WITNESSES: Witnesses = { brokenMs: 0, runningMs: null, movedMs: null }

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
  const isBroken = isWrong || tunnelLoss(evidence, before.brokenMs, nowMs) !== null
  const brokenMs = isBroken ? nowMs : Math.max(before.brokenMs, startedMs)
  const latest = (one: number | null, other: number | null): number | null => {
    const atMs = Math.max(one ?? 0, other ?? 0)
    return atMs > brokenMs ? atMs : null
  }
  return {
    brokenMs,
    runningMs: latest(before.runningMs, runningMs),
    movedMs: latest(before.movedMs, lastMovedMs(evidence)),
  }
}

/**
 * Whether the node works by every sign but its health check: most of its engines say that they are connected, a stream moved
 * lately, and the control server (if there is one) said lately that the VPN runs. All three are asked for, because each of
 * them alone is late in its own way: Gluetun calls a VPN running whose tunnel is dead, and engines keep connections for a
 * while that carry nothing. Only bytes come through a tunnel that works. `FRESH_MS` is longer than a viewer's change of
 * channel, and much shorter than the time in which a newer Gluetun finds a dead tunnel: what moved in it, moved after the
 * check had begun to fail.
 */
export function contradicts(
  { brokenMs, runningMs, movedMs }: Witnesses,
  evidence: Evidence,
  nowMs: number,
  { isGluetun, controlMaxAgeMs }: { readonly isGluetun: boolean; readonly controlMaxAgeMs: number },
): boolean {
  const isRunning = !isGluetun || (runningMs !== null && nowMs - runningMs <= controlMaxAgeMs)
  const hasMoved = movedMs !== null && nowMs - movedMs <= FRESH_MS
  return isRunning && hasMoved && isMostConnected(evidence, brokenMs, nowMs)
}
