import { contradicts, type Witnesses, withHeard } from './contradiction.ts'
import {
  called,
  hasStopped,
  type NodeSigns,
  ownSign,
  type Sign,
  startOf,
  statusOf,
  type VpnSettings,
} from './node-signs.ts'
import { isContradicted, type NodeState, unseenNode } from './node-state.ts'
import { tunnelLoss } from './tunnel.ts'

/**
 * Gluetun itself finds a dead tunnel within this time (measured: 177 s, and up to 15 s more for Docker's verdict). If
 * Gluetun still reports no problem after it, Gluetun is right, and the engines have not reconnected.
 */
const DOUBT_MAX_MS = 200_000

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
  const heard = { own, startedMs, witnesses }
  return own?.isHealthCheck && contradicts(witnesses, signs.evidence, nowMs, settings)
    ? contradicted(before, own.reason, heard, nowMs, settings)
    : judgeHeard(before, signs, heard, nowMs, settings)
}

interface Heard {
  readonly own: Sign | null
  readonly startedMs: number
  readonly witnesses: Witnesses
}

function judgeHeard(
  before: NodeState,
  signs: NodeSigns,
  heard: Heard,
  nowMs: number,
  settings: VpnSettings,
): NodeState {
  const { own, startedMs, witnesses } = heard
  const node = called(signs.name, settings.isGluetun)
  const recoveredMs = own === null ? Math.max(before.recoveredMs, startedMs) : nowMs
  const loss = own === null ? tunnelLoss(signs.evidence, recoveredMs, nowMs) : null
  const doubtedSinceMs = loss === null ? null : (before.doubtedSinceMs ?? nowMs)
  if (doubtedSinceMs !== null && nowMs - doubtedSinceMs > DOUBT_MAX_MS)
    return judgeHeard({ ...before, recoveredMs: nowMs, doubtedSinceMs: null }, signs, heard, nowMs, settings)
  const wrong = own ?? (loss === null ? null : { state: 'down' as const, reason: `${node} ${loss}` })
  const wrongMs = wrong === null ? before.wrongMs : nowMs
  const memory = { wrongMs, recoveredMs, doubtedSinceMs, witnesses, contradictedSinceMs: null }
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

/** Notes that the exit address or the forwarded port changed: connections from before are lost. */
export const withReconnect = (before: NodeState, nowMs: number): NodeState => ({
  ...before,
  recoveredMs: nowMs,
  doubtedSinceMs: null,
})

/**
 * The verdict if no worker looks at the node, or if only Docker was asked. Docker alone is not enough: it reports a stopped
 * VPN as healthy and knows no forwarded port. The time of the last problem is kept, so that one look is enough afterwards if
 * there was none.
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
  const { wrongMs, recoveredMs, witnesses } = before
  return { ...unseenNode(name, sinceMs, settings), reason: why, wrongMs, recoveredMs, witnesses }
}

/** What all sources but the health check have said up to now. */
function witnessesOf(
  { witnesses }: NodeState,
  { container, control, evidence }: NodeSigns,
  startedMs: number,
  nowMs: number,
  settings: VpnSettings,
): Witnesses {
  const isRunning = container?.kind === 'seen' && container.container.state === 'running'
  const isWrong = !isRunning || hasStopped(statusOf(control, nowMs, settings))
  const runningMs = control?.status === 'running' ? control.atMs : null
  return withHeard(witnesses, { isWrong, runningMs, startedMs, evidence }, nowMs)
}

/**
 * The verdict while only the health check is against the node. Nothing was lost, so nothing has to recover. A node that was
 * down stays down until this has lasted for the stable time.
 */
function contradicted(
  before: NodeState,
  reason: string,
  { startedMs, witnesses }: Heard,
  nowMs: number,
  settings: VpnSettings,
): NodeState {
  const contradictedSinceMs = before.contradictedSinceMs ?? nowMs
  const isTooShort = before.state === 'down' && nowMs - contradictedSinceMs < settings.stableMs
  const recoveredMs = Math.max(before.recoveredMs, startedMs)
  const memory = { wrongMs: nowMs, recoveredMs, doubtedSinceMs: null, witnesses, contradictedSinceMs }
  const state = isTooShort ? 'down' : 'unknown'
  return next(before, { state, reason, etaSeconds: null }, memory, nowMs, settings)
}

function next(
  before: NodeState,
  verdict: Pick<NodeState, 'state' | 'reason' | 'etaSeconds'>,
  memory: Omit<NodeState, 'state' | 'reason' | 'etaSeconds' | 'sinceMs' | 'isSettled'>,
  nowMs: number,
  { graceMs }: VpnSettings,
): NodeState {
  const after = { ...verdict, ...memory }
  const isSame = verdict.state === before.state && isContradicted(after) === isContradicted(before)
  const sinceMs = isSame ? before.sinceMs : nowMs
  const isSettled = verdict.state !== 'unknown' && nowMs - sinceMs >= graceMs
  return { ...after, sinceMs, isSettled }
}
