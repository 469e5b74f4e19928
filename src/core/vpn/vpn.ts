import type { ContainerState } from '../types.ts'
import { type Evidence, tunnelLoss } from './tunnel.ts'

/** The container of a VPN node as Docker last described it. */
export interface NodeContainer {
  readonly id: string
  readonly state: ContainerState
  /** The verdict of its health check; null when it has none. */
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null
  /** The last words of the health check; null when there are none. */
  readonly healthText: string | null
  /** When it was last started, by Docker's clock; null if never. */
  readonly startedAtMs: number | null
  readonly addresses: readonly string[]
}

/** What Docker said of a node: its container, that there is none, or nothing yet. */
export type ContainerSight =
  | { readonly kind: 'seen'; readonly container: NodeContainer; readonly atMs: number }
  | { readonly kind: 'missing'; readonly atMs: number }

/** The states of Gluetun's VPN loop. */
type VpnLoopStatus = 'starting' | 'running' | 'stopping' | 'stopped' | 'crashed' | 'completed'

/** What a node's control server said in one round. */
export interface ControlSight {
  readonly atMs: number
  /** Null where it could not be learned, as all that follows. */
  readonly status: VpnLoopStatus | null
  /** 0: there is none now. */
  readonly forwardedPort: number | null
  /** Empty: there is none now. */
  readonly publicIp: string | null
  readonly country: string | null
  readonly region: string | null
  readonly city: string | null
  /** What could not be learned, and what to do about it, in words; null when all was. */
  readonly problem: string | null
}

/** All that is known of a node at one moment. */
export interface NodeSigns {
  readonly name: string
  /** Null: not seen yet, or nobody watches; `dockerError` may say why. */
  readonly container: ContainerSight | null
  readonly dockerError: string | null
  /** Null: not heard since its container started. */
  readonly control: ControlSight | null
  readonly evidence: Evidence
}

/** Times in milliseconds. */
export interface VpnSettings {
  /** For how long nothing may be wrong before a node counts as up. */
  readonly stableMs: number
  /** How long a change may last before anything follows from it, and engines get to answer after a reconnect. */
  readonly graceMs: number
  /** For how long what a control server said is believed. */
  readonly controlMaxAgeMs: number
}

/** The verdict on a node, and what the next one needs of this one. */
export interface NodeState {
  readonly state: 'up' | 'down' | 'unknown'
  readonly sinceMs: number
  /** Why it is not up, as a sentence without a full stop; null when it is. */
  readonly reason: string | null
  /** When it may be up again, in whole seconds; null where nobody knows. */
  readonly etaSeconds: number | null
  /** It is up, or down, for longer than the grace: what follows from that may be done. */
  readonly isSettled: boolean
  /** When something was last wrong; 0 for never. */
  readonly wrongMs: number
  /** When Gluetun last came back by its own account: what engines said before says nothing of the tunnel now. */
  readonly recoveredMs: number
  /** Since when engines and streams alone say that the tunnel is dead; null when they do not. */
  readonly doubtedSinceMs: number | null
}

/** What is known of a node before anybody looked. */
export const unseenNode = (name: string, nowMs: number): NodeState => ({
  state: 'unknown',
  sinceMs: nowMs,
  reason: `the state of Gluetun VPN container '${name}' is not known yet`,
  etaSeconds: null,
  isSettled: false,
  wrongMs: 0,
  recoveredMs: 0,
  doubtedSinceMs: null,
})

/**
 * Gluetun finds a dead tunnel within this time by itself (measured: 177 s and up to 15 s more for Docker's verdict). If it
 * still says that all is well, it is right, and the engines have not come back.
 */
const DOUBT_MAX_MS = 200_000

interface Sign {
  readonly state: 'down' | 'unknown'
  readonly reason: string
}

/**
 * Decides how a node is, from all its signs and the verdict before. Bad signs count at once; good ones only when they
 * have lasted for the stable time, counted from the last bad one or the start of its container, whichever is later.
 */
export function judge(before: NodeState, signs: NodeSigns, nowMs: number, settings: VpnSettings): NodeState {
  if (signs.container === null) return unseen(before, signs, nowMs)
  const own = ownSign(signs, nowMs, settings)
  if (own === null && signs.control === null) return unseen(before, signs, nowMs)
  const startedMs = Math.min(startOf(signs), nowMs)
  const recoveredMs = own === null ? Math.max(before.recoveredMs, startedMs) : nowMs
  const loss = own === null ? tunnelLoss(signs.evidence, recoveredMs, nowMs) : null
  const doubtedSinceMs = loss === null ? null : (before.doubtedSinceMs ?? nowMs)
  if (doubtedSinceMs !== null && nowMs - doubtedSinceMs > DOUBT_MAX_MS)
    return judge({ ...before, recoveredMs: nowMs, doubtedSinceMs: null }, signs, nowMs, settings)
  const wrong = own ?? (loss === null ? null : { state: 'down' as const, reason: `${called(signs)} ${loss}` })
  const wrongMs = wrong === null ? before.wrongMs : nowMs
  const memory = { wrongMs, recoveredMs, doubtedSinceMs }
  if (wrong !== null) return next(before, { ...wrong, etaSeconds: null }, memory, nowMs, settings)
  const waitMs = Math.max(wrongMs, startedMs) + settings.stableMs - nowMs
  if (waitMs <= 0)
    return next(before, { state: 'up', reason: null, etaSeconds: null }, memory, nowMs, settings)
  // One that was down stays so until it is sure to be back; of one that was not known nothing is known yet.
  const state = before.state === 'down' ? 'down' : 'unknown'
  const reason = `${called(signs)} has been well for too short a time`
  return next(before, { state, reason, etaSeconds: Math.ceil(waitMs / 1000) }, memory, nowMs, settings)
}

/** The exit address or the forwarded port changed: the connections of before are gone. */
export const withReconnect = (before: NodeState, nowMs: number): NodeState => ({
  ...before,
  recoveredMs: nowMs,
  doubtedSinceMs: null,
})

/**
 * Nobody looks at it, or Docker alone was asked, to which a VPN that was stopped is healthy and which knows no forwarded port.
 * What was bad is remembered, so that one look is enough afterwards if nothing was.
 */
function unseen(before: NodeState, { name, dockerError }: NodeSigns, nowMs: number): NodeState {
  const { reason } = unseenNode(name, nowMs)
  const why = dockerError === null ? reason : `${reason}: ${dockerError}`
  const sinceMs = before.state === 'unknown' ? before.sinceMs : nowMs
  const { wrongMs, recoveredMs } = before
  return { ...unseenNode(name, sinceMs), reason: why, wrongMs, recoveredMs }
}

function next(
  before: NodeState,
  verdict: Pick<NodeState, 'state' | 'reason' | 'etaSeconds'>,
  memory: Pick<NodeState, 'wrongMs' | 'recoveredMs' | 'doubtedSinceMs'>,
  nowMs: number,
  { graceMs }: VpnSettings,
): NodeState {
  const sinceMs = verdict.state === before.state ? before.sinceMs : nowMs
  const isSettled = verdict.state !== 'unknown' && nowMs - sinceMs >= graceMs
  return { ...verdict, ...memory, sinceMs, isSettled }
}

/** What Docker and Gluetun themselves say against it; null when they say nothing against it. */
function ownSign(signs: NodeSigns, nowMs: number, settings: VpnSettings): Sign | null {
  const { container: sight } = signs
  const node = called(signs)
  if (sight?.kind !== 'seen') return { state: 'down', reason: `${node} does not exist` }
  const { state, health } = sight.container
  if (state !== 'running') return { state: 'down', reason: `${node} is not running (${state})` }
  if (health === 'unhealthy') return { state: 'down', reason: `${node} is not healthy` }
  const status = statusOf(signs, nowMs, settings)
  if (status === 'stopped' || status === 'stopping' || status === 'crashed')
    return { state: 'down', reason: `${node} has its VPN ${status}` }
  if (health === 'starting' || status === 'starting')
    return { state: 'unknown', reason: `${node} is starting` }
  if (health === null && status !== 'running') {
    const why = signs.control?.problem ?? 'its control server has not answered yet'
    return { state: 'unknown', reason: `${node} has no health check, and ${why}` }
  }
  return null
}

/** What the control server says of the VPN, if that is not too long ago. */
function statusOf({ control }: NodeSigns, nowMs: number, settings: VpnSettings): VpnLoopStatus | null {
  return control !== null && nowMs - control.atMs <= settings.controlMaxAgeMs ? control.status : null
}

const startOf = ({ container }: NodeSigns): number =>
  container?.kind === 'seen' ? (container.container.startedAtMs ?? 0) : 0

const called = ({ name }: NodeSigns): string => `Gluetun VPN container '${name}'`

/** What the verdicts on all nodes come to: that on the best of them. `reason` names every node while none is up. */
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
