import type { ContainerState } from '../types.ts'
import type { ForwardingSettings } from './gluetun-settings.ts'
import type { Evidence } from './tunnel.ts'

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

/** What keeps a node from being up, by the word of Docker or of Gluetun itself. */
export interface Sign {
  /**
   * `trouble`: the node does not work, or is just starting. `health_check`: nothing but Docker's health check says that it
   * does not work. `silence`: neither Docker nor Gluetun can tell whether it works.
   */
  readonly kind: 'trouble' | 'health_check' | 'silence'
  readonly state: 'down' | 'unknown'
  readonly reason: string
}

/** What Docker or Gluetun itself reports against the node; null if they report nothing. */
export function ownSign(signs: NodeSigns, nowMs: number, settings: VpnSettings): Sign | null {
  const { container: sight } = signs
  const node = called(signs.name, settings)
  if (sight?.kind !== 'seen') return trouble('down', `${node} does not exist`)
  const { state, health } = sight.container
  if (state !== 'running') return trouble('down', `${node} is not running (${state})`)
  const status = statusOf(signs.control, nowMs, settings)
  if (hasStopped(status)) return trouble('down', `${node} has its VPN ${status}`)
  if (health === 'unhealthy') return { kind: 'health_check', state: 'down', reason: `${node} is not healthy` }
  if (health === 'starting' || status === 'starting') return trouble('unknown', `${node} is starting`)
  if (health === null && status !== 'running' && settings.isGluetun) {
    const why = signs.control?.problem ?? unansweredWords(signs.control, status)
    return { kind: 'silence', state: 'unknown', reason: `${node} has no health check, and ${why}` }
  }
  return null
}

const trouble = (state: Sign['state'], reason: string): Sign => ({ kind: 'trouble', state, reason })

function unansweredWords(control: ControlSight | null, status: VpnLoopStatus | null): string {
  if (control === null) return 'its control server has not answered yet'
  return status === null ? 'its control server has not answered lately' : `its VPN is ${status}`
}

/** Whether Docker or the control server says that the VPN does not work, the health check aside. */
export function isBroken({ container, control }: NodeSigns, nowMs: number, settings: VpnSettings): boolean {
  const isRunning = container?.kind === 'seen' && container.container.state === 'running'
  return !isRunning || hasStopped(statusOf(control, nowMs, settings))
}

/**
 * Whether Gluetun's health check succeeds, which then finds a dead tunnel by itself. What the health checks of other images
 * ask is not known, and a control server calls a VPN running whose tunnel is dead.
 */
export const isOverseen = ({ container }: NodeSigns, { isGluetun }: VpnSettings): boolean =>
  isGluetun && container?.kind === 'seen' && container.container.health === 'healthy'

/** The state of the VPN as the control server reported it; null if the report is too old. */
function statusOf(control: ControlSight | null, nowMs: number, settings: VpnSettings): VpnLoopStatus | null {
  return control !== null && nowMs - control.atMs <= settings.controlMaxAgeMs ? control.status : null
}

const hasStopped = (status: VpnLoopStatus | null): boolean =>
  status === 'stopped' || status === 'stopping' || status === 'crashed'

/** When the node's container was last started, in epoch milliseconds; 0 if that is not known. */
export const startOf = ({ container }: NodeSigns): number =>
  container?.kind === 'seen' ? (container.container.startedAtMs ?? 0) : 0

/** The node's name with what it is, as sentences begin. */
export const called = (name: string, { isGluetun }: Pick<VpnSettings, 'isGluetun'>): string =>
  `${isGluetun ? 'Gluetun ' : ''}VPN container '${name}'`
