import { testimony, type Witnesses, withHeard } from './contradiction.ts'
import { doubtAfter } from './doubt.ts'
import {
  called,
  isBroken,
  isOverseen,
  type NodeSigns,
  ownSign,
  type Sign,
  startOf,
  type VpnSettings,
} from './node-signs.ts'
import { isContradicted, type NodeState, unseenNode } from './node-state.ts'
import { allDeniedSinceMs, FRESH_MS } from './tunnel.ts'
import { tunnelLoss } from './tunnel-loss.ts'

/**
 * Decides the state of a node from all its signs and the verdict before. Bad signs count at once. Good signs count only
 * after they have lasted for the stable time, counted from the last bad sign or from the start of the node's container,
 * whichever is later.
 */
export function judge(before: NodeState, signs: NodeSigns, nowMs: number, settings: VpnSettings): NodeState {
  if (signs.container === null) return unseen(before, signs, nowMs, settings)
  const own = ownSign(signs, nowMs, settings)
  if (own === null && signs.control === null && settings.isGluetun)
    return unseen(before, signs, nowMs, settings)
  const startedMs = Math.min(startOf(signs), nowMs)
  const witnesses = witnessesOf(before, signs, startedMs, nowMs, settings)
  const undecidedUntilMs = before.undecidedUntilMs ?? nowMs + FRESH_MS
  const heard = { own, startedMs, witnesses, undecidedUntilMs, aloneSinceMs: null }
  return own?.kind === 'health_check'
    ? judgeUnhealthy(before, signs, { ...heard, own }, nowMs, settings)
    : judgeHeard(before, signs, heard, nowMs, settings)
}

interface Heard {
  readonly own: Sign | null
  readonly startedMs: number
  readonly witnesses: Witnesses
  readonly undecidedUntilMs: number
  readonly aloneSinceMs: number | null
}

/**
 * The verdict while the health check fails. Docker's word alone is none: not while all else proves that the node works, and
 * not before the other sources had their say after our start.
 */
function judgeUnhealthy(
  before: NodeState,
  signs: NodeSigns,
  heard: Heard & { readonly own: Sign },
  nowMs: number,
  settings: VpnSettings,
): NodeState {
  const { isAlone, isProven } = testimony(heard.witnesses, signs.evidence, nowMs, settings)
  const aloneSinceMs = isAlone ? (before.aloneSinceMs ?? nowMs) : null
  const isUndecided = nowMs < heard.undecidedUntilMs && allDeniedSinceMs(signs.evidence, nowMs) === null
  const contradictedSinceMs = isProven ? (before.contradictedSinceMs ?? nowMs) : null
  if (!isProven && !isUndecided) return judgeHeard(before, signs, { ...heard, aloneSinceMs }, nowMs, settings)
  // Nothing was lost, so nothing has to recover. A node that was down stays down until this has lasted for the stable time.
  const isTooShort = before.state === 'down' && nowMs - (contradictedSinceMs ?? nowMs) < settings.stableMs
  const { own, startedMs, witnesses, undecidedUntilMs } = heard
  const recoveredMs = Math.max(before.recoveredMs, startedMs)
  const memory = { wrongMs: nowMs, recoveredMs, doubt: null, witnesses, undecidedUntilMs, aloneSinceMs }
  const verdict = { state: isTooShort ? 'down' : 'unknown', reason: own.reason, etaSeconds: null } as const
  return next(before, verdict, { ...memory, contradictedSinceMs }, nowMs, settings)
}

function judgeHeard(
  before: NodeState,
  signs: NodeSigns,
  heard: Heard,
  nowMs: number,
  settings: VpnSettings,
): NodeState {
  const { own, startedMs, ...remembered } = heard
  const { recoveredMs, doubt } = doubted(before, signs, heard, nowMs, settings)
  const node = called(signs.name, settings)
  const wrong = doubt === null ? own : { state: 'down' as const, reason: `${node} ${doubt.words}` }
  const wrongMs = wrong === null ? before.wrongMs : nowMs
  const memory = { ...remembered, wrongMs, recoveredMs, doubt, contradictedSinceMs: null }
  if (wrong !== null) {
    const { state, reason } = wrong
    return next(before, { state, reason, etaSeconds: null }, memory, nowMs, settings)
  }
  const waitMs = Math.max(wrongMs, startedMs) + settings.stableMs - nowMs
  if (waitMs <= 0)
    return next(before, { state: 'up', reason: null, etaSeconds: null }, memory, nowMs, settings)
  // A node that was down stays down until it is certain to be back. A node whose state was unknown stays unknown.
  const state = before.state === 'down' ? 'down' : 'unknown'
  const reason = `${node} has been well for too short a time`
  return next(before, { state, reason, etaSeconds: Math.ceil(waitMs / 1000) }, memory, nowMs, settings)
}

/**
 * What engines and streams say against the tunnel. They are not asked while the node itself is in trouble: what was connected
 * before that proves nothing afterwards.
 */
function doubted(
  before: NodeState,
  signs: NodeSigns,
  { own, startedMs, witnesses }: Heard,
  nowMs: number,
  settings: VpnSettings,
): Pick<NodeState, 'recoveredMs' | 'doubt'> {
  if (own !== null && own.kind !== 'silence') return { recoveredMs: nowMs, doubt: null }
  const { evidence } = signs
  const { movedMs } = witnesses
  const recoveredMs = Math.max(before.recoveredMs, startedMs)
  const loss = tunnelLoss(evidence, recoveredMs, movedMs, nowMs)
  const heard = { loss, evidence, startedMs, movedMs, isOverseen: isOverseen(signs, settings) }
  const doubt = doubtAfter(before.doubt, heard, nowMs)
  return doubt === 'refuted' ? { recoveredMs: nowMs, doubt: null } : { recoveredMs, doubt }
}

/** Notes that the exit address or the forwarded port changed: connections from before are lost. */
export const withReconnect = (before: NodeState, nowMs: number): NodeState => ({
  ...before,
  recoveredMs: nowMs,
  doubt: null,
})

/**
 * The verdict if no worker looks at the node, or if only Docker was asked. Docker alone is not enough: it reports a stopped
 * VPN as healthy and knows no forwarded port. The time of the last problem is kept, so that one look is enough afterwards if
 * there was none; and so is a doubt, which nobody has refuted meanwhile.
 */
function unseen(
  before: NodeState,
  { name, dockerError }: NodeSigns,
  nowMs: number,
  settings: VpnSettings,
): NodeState {
  const { reason } = unseenNode(name, nowMs, settings)
  const why = dockerError === null ? reason : `${reason}: ${dockerError}`
  const sinceMs = before.state === 'unknown' ? before.sinceMs : nowMs
  const { wrongMs, recoveredMs, doubt, witnesses, undecidedUntilMs } = before
  const memory = { wrongMs, recoveredMs, doubt, witnesses, undecidedUntilMs }
  return { ...unseenNode(name, sinceMs, settings), reason: why, ...memory }
}

/** What all sources but the health check have said up to now. */
function witnessesOf(
  { witnesses }: NodeState,
  signs: NodeSigns,
  startedMs: number,
  nowMs: number,
  settings: VpnSettings,
): Witnesses {
  const { control, evidence } = signs
  const isWrong = isBroken(signs, nowMs, settings)
  const runningMs = control?.status === 'running' ? control.atMs : null
  return withHeard(witnesses, { isWrong, runningMs, startedMs, evidence }, nowMs)
}

function next(
  before: NodeState,
  verdict: Pick<NodeState, 'state' | 'reason' | 'etaSeconds'>,
  memory: Omit<NodeState, 'state' | 'reason' | 'etaSeconds' | 'sinceMs' | 'isSettled'>,
  nowMs: number,
  { graceMs }: VpnSettings,
): NodeState {
  const isDecided = verdict.state !== 'unknown'
  const after = { ...verdict, ...memory, ...(isDecided ? { undecidedUntilMs: 0 } : {}) }
  const isSame = verdict.state === before.state && isContradicted(after) === isContradicted(before)
  const sinceMs = isSame ? before.sinceMs : nowMs
  return { ...after, sinceMs, isSettled: isDecided && nowMs - sinceMs >= graceMs }
}
