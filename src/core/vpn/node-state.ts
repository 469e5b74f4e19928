import { NO_WITNESSES, type Witnesses } from './contradiction.ts'
import type { Doubt } from './doubt.ts'
import { called, type VpnSettings } from './node-signs.ts'

/** The verdict on a node, and what the next verdict needs to know about this one. Times are epoch milliseconds. */
export interface NodeState {
  readonly state: 'up' | 'down' | 'unknown'
  readonly sinceMs: number
  /** Why the node is not up, as a sentence without a full stop; null if it is up. */
  readonly reason: string | null
  /** When the node may be up again, in whole seconds from now; null if that is not known. */
  readonly etaSeconds: number | null
  /** The node has been up, or down, for longer than the grace period, so actions may follow from it. */
  readonly isSettled: boolean
  /** When something was last wrong; 0 for never. */
  readonly wrongMs: number
  /** When Gluetun last came back, by its own account. What engines said before that tells nothing about the tunnel now. */
  readonly recoveredMs: number
  /** What only engines and streams say against the tunnel; null if they say nothing against it. */
  readonly doubt: Doubt | null
  readonly witnesses: Witnesses
  /** Since when nothing but the health check has been against the node; null if that is not so. */
  readonly aloneSinceMs: number | null
  /** Since when the health check fails though engines and streams prove that the node works; null if that is not so. */
  readonly contradictedSinceMs: number | null
  /**
   * Until when the first verdict may wait for sources that have not answered yet; null before Docker described the container
   * for the first time since our start, and 0 once the node was up or down.
   */
  readonly undecidedUntilMs: number | null
}

/** The state of a node before the first look. */
export const unseenNode = (
  name: string,
  nowMs: number,
  settings: Pick<VpnSettings, 'isGluetun'>,
): NodeState => ({
  state: 'unknown',
  sinceMs: nowMs,
  reason: `the state of ${called(name, settings)} is not known yet`,
  etaSeconds: null,
  isSettled: false,
  wrongMs: 0,
  recoveredMs: 0,
  doubt: null,
  witnesses: NO_WITNESSES,
  aloneSinceMs: null,
  contradictedSinceMs: null,
  undecidedUntilMs: null,
})

/**
 * Whether the node works by every sign but its health check. It is then neither up, because Docker's word is asked for
 * before an engine is started, nor down, because what plays is not hidden.
 */
export const isContradicted = ({
  state,
  contradictedSinceMs,
}: Pick<NodeState, 'state' | 'contradictedSinceMs'>): boolean =>
  state === 'unknown' && contradictedSinceMs !== null

/** A state that is not known for longer than this is no matter of a start any more. */
export const LASTING_MS = 60_000

/** Whether the state of a node has not been known for so long that users are told of it. */
export const isLasting = (verdict: NodeState, nowMs: number): boolean =>
  verdict.state === 'unknown' && !isContradicted(verdict) && nowMs - verdict.sinceMs >= LASTING_MS

/** Combines the verdicts on all nodes into that of the best node. `reason` names every node while none is up. */
export function bestOf(
  verdicts: readonly Pick<NodeState, 'state' | 'reason' | 'etaSeconds'>[],
): Pick<NodeState, 'state' | 'reason' | 'etaSeconds'> {
  if (verdicts.some(({ state }) => state === 'up')) return { state: 'up', reason: null, etaSeconds: null }
  const state = verdicts.some((each) => each.state === 'unknown') ? 'unknown' : 'down'
  const etas = verdicts.flatMap(({ etaSeconds }) => etaSeconds ?? [])
  return {
    state,
    reason: verdicts.flatMap(({ reason }) => reason ?? []).join('; '),
    etaSeconds: etas.length === 0 ? null : Math.min(...etas),
  }
}
