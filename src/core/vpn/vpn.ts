import type { ContainerState } from '../types.ts'
import { contradicts, NO_WITNESSES, type Witnesses, withHeard } from './contradiction.ts'
import type { ForwardingSettings } from './gluetun-settings.ts'
import { type Evidence, tunnelLoss } from './tunnel.ts'

/** The container of a VPN node as Docker last described it. */
export interface NodeContainer extends ForwardingSettings {
  readonly id: string
  readonly state: ContainerState
  /** The state of the container's health check; null if it has none. */
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null
  /** The latest output of the health check; null if there is none. */
  readonly healthText: string | null
  /** When the container was last started, by Docker's clock, in epoch milliseconds; null if never. */
  readonly startedAtMs: number | null
  readonly addresses: readonly string[]
  readonly networks: readonly string[]
  /** The TCP ports at which the host passes on to the same port of the container; `all` in the network of the host. */
  readonly reachablePorts: 'all' | readonly number[]
}

/** What Docker said about a node: its container, or that there is none. */
export type ContainerSight =
  | { readonly kind: 'seen'; readonly container: NodeContainer; readonly atMs: number }
  | { readonly kind: 'missing'; readonly atMs: number }

/** The states of Gluetun's VPN loop. */
type VpnLoopStatus = 'starting' | 'running' | 'stopping' | 'stopped' | 'crashed' | 'completed'

/** What a node's control server said in one round of questions. */
export interface ControlSight {
  readonly atMs: number
  /** Null if it could not be learned; the same holds for the members below. */
  readonly status: VpnLoopStatus | null
  /** Empty if no port is forwarded now. */
  readonly forwardedPorts: readonly number[] | null
  /** Empty if there is no address now. */
  readonly publicIp: string | null
  readonly country: string | null
  readonly region: string | null
  readonly city: string | null
  /** What could not be learned, and the remedy, in words; null if everything was learned. */
  readonly problem: string | null
}

/** Everything that is known about a node at one moment. */
export interface NodeSigns {
  readonly name: string
  /** Null if Docker has not described the container yet, or if no worker watches the node; `dockerError` may say why. */
  readonly container: ContainerSight | null
  readonly dockerError: string | null
  /** Null if the control server has not answered since its container started. */
  readonly control: ControlSight | null
  readonly evidence: Evidence
}

/** All times are in milliseconds. */
export interface VpnSettings {
  /** How long nothing may be wrong before a node counts as up. */
  readonly stableMs: number
  /**
   * How long a change must last before actions follow from it. Also how long engines may take to answer after a reconnect.
   */
  readonly graceMs: number
  /** How long an answer of a control server stays valid. */
  readonly controlMaxAgeMs: number
  /** Whether nodes are Gluetun containers. Others have no control server, so the other sources are enough. */
  readonly isGluetun: boolean
}

/** The verdict on a node, and what the next verdict needs to know about this one. */
export interface NodeState {
  readonly state: 'up' | 'down' | 'unknown'
  readonly sinceMs: number
  /** Why the node is not up, as a sentence without a full stop; null if it is up. */
  readonly reason: string | null
  /** When the node may be up again, in whole seconds from now; null if that is not known. */
  readonly etaSeconds: number | null
  /** The node has been up, or down, for longer than the grace period, so actions may follow from it. */
  readonly isSettled: boolean
  /** When something was last wrong, in epoch milliseconds; 0 for never. */
  readonly wrongMs: number
  /** When Gluetun last came back, by its own account. What engines said before that tells nothing about the tunnel now. */
  readonly recoveredMs: number
  /** Since when only engines and streams say that the tunnel is dead; null if they do not. */
  readonly doubtedSinceMs: number | null
  readonly witnesses: Witnesses
  /** Since when the health check fails though the node works by every other sign; null if that is not so. */
  readonly contradictedSinceMs: number | null
}

/** The state of a node before the first look. */
export const unseenNode = (
  name: string,
  nowMs: number,
  { isGluetun }: Pick<VpnSettings, 'isGluetun'>,
): NodeState => ({
  state: 'unknown',
  sinceMs: nowMs,
  reason: `the state of ${called(name, isGluetun)} is not known yet`,
  etaSeconds: null,
  isSettled: false,
  wrongMs: 0,
  recoveredMs: 0,
  doubtedSinceMs: null,
  witnesses: NO_WITNESSES,
  contradictedSinceMs: null,
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

/**
 * Gluetun itself finds a dead tunnel within this time (measured: 177 s, and up to 15 s more for Docker's verdict). If
 * Gluetun still reports no problem after it, Gluetun is right, and the engines have not reconnected.
 */
const DOUBT_MAX_MS = 200_000

/** A problem of a node, by the word of Docker or of Gluetun itself. */
interface Sign {
  readonly state: 'down' | 'unknown'
  readonly reason: string
  /** Docker's health check is what fails. */
  readonly isHealthCheck?: true
}

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

/** A problem that Docker or Gluetun itself reports about the node; null if they report none. */
function ownSign(signs: NodeSigns, nowMs: number, settings: VpnSettings): Sign | null {
  const { container: sight } = signs
  const node = called(signs.name, settings.isGluetun)
  if (sight?.kind !== 'seen') return { state: 'down', reason: `${node} does not exist` }
  const { state, health } = sight.container
  if (state !== 'running') return { state: 'down', reason: `${node} is not running (${state})` }
  if (health === 'unhealthy') return { state: 'down', reason: `${node} is not healthy`, isHealthCheck: true }
  const status = statusOf(signs.control, nowMs, settings)
  if (hasStopped(status)) return { state: 'down', reason: `${node} has its VPN ${status}` }
  if (health === 'starting' || status === 'starting')
    return { state: 'unknown', reason: `${node} is starting` }
  if (health === null && status !== 'running' && settings.isGluetun) {
    const why = signs.control?.problem ?? unansweredWords(signs.control, status)
    return { state: 'unknown', reason: `${node} has no health check, and ${why}` }
  }
  return null
}

function unansweredWords(control: ControlSight | null, status: VpnLoopStatus | null): string {
  if (control === null) return 'its control server has not answered yet'
  return status === null ? 'its control server has not answered lately' : `its VPN is ${status}`
}

/** The state of the VPN as the control server reported it; null if the report is too old. */
function statusOf(control: ControlSight | null, nowMs: number, settings: VpnSettings): VpnLoopStatus | null {
  return control !== null && nowMs - control.atMs <= settings.controlMaxAgeMs ? control.status : null
}

const hasStopped = (status: VpnLoopStatus | null): boolean =>
  status === 'stopped' || status === 'stopping' || status === 'crashed'

const startOf = ({ container }: NodeSigns): number =>
  container?.kind === 'seen' ? (container.container.startedAtMs ?? 0) : 0

const called = (name: string, isGluetun: boolean): string =>
  `${isGluetun ? 'Gluetun ' : ''}VPN container '${name}'`

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
