import type { PortRange } from '../../core/engines/ports.ts'
import type { Engine } from '../../core/types.ts'
import { namespaceOf } from '../../core/vpn/namespace.ts'
import {
  type ContainerSight,
  type ControlSight,
  isOverseen,
  type NodeContainer,
  type VpnSettings,
} from '../../core/vpn/node-signs.ts'
import { type NodeState, unseenNode } from '../../core/vpn/node-state.ts'
import {
  type EnginesWord,
  type Evidence,
  enginesWord,
  type NeverConnected,
  neverConnected,
} from '../../core/vpn/tunnel.ts'
import { judge, withReconnect } from '../../core/vpn/vpn.ts'
import { type NodeNetwork, type Outside, outsideOf } from '../../core/vpn/vpn-membership.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import { NodePorts, type PortsNow } from './node-ports.ts'

/** A Gluetun container whose network engines join. */
export interface VpnNodeSettings {
  readonly name: string
  /** The ports that the node publishes for engines. */
  readonly ports: PortRange
  /** The ports that the provider forwards to the node for good; if there are any, no others count. */
  readonly fixedPorts: readonly number[]
  /** The ports at which the node's container itself listens, so that no engine can. */
  readonly ownPorts: readonly number[]
}

/** A node with everything that is known about it. */
export interface VpnNode extends VpnNodeSettings, PortsNow {
  readonly verdict: NodeState
  /** The container as last seen; null if there is none or if it has not been seen yet. */
  readonly container: NodeContainer | null
  readonly control: ControlSight | null
  /**
   * Since when the control server has been asked in vain whether the VPN runs; null while it tells, and before the first
   * question.
   */
  readonly controlSilentSinceMs: number | null
  /** What its engines said of their connection when it was last judged; null if none said anything. */
  readonly enginesWord: EnginesWord | null
  /**
   * Its engines, if none of them was ever connected, no stream has moved meanwhile, and nothing else tells whether its tunnel
   * works; otherwise null.
   */
  readonly neverConnected: NeverConnected | null
  /** When Docker last answered about the container; null if it has not yet. */
  readonly seenMs: number | null
}

/** A change of a node that is written to the journal. */
export type VpnNews =
  | { readonly kind: 'reconnected'; readonly publicIp: string }
  | { readonly kind: 'port_changed'; readonly ports: readonly number[]; readonly before: readonly number[] }

interface Kept {
  readonly settings: VpnNodeSettings
  verdict: NodeState
  sight: ContainerSight | null
  /**
   * The node's network. `forgetAll` keeps it, because an engine stays in the network that it has joined even if nobody
   * looks.
   */
  network: NodeNetwork
  dockerError: string | null
  control: ControlSight | null
  controlSilentSinceMs: number | null
  /** The last public address that the control server gave; "none" is not kept. */
  publicIp: string | null
  readonly ports: NodePorts
  /** What was so when the node was last judged. */
  isDoubtful: boolean
  enginesWord: EnginesWord | null
  neverConnected: NeverConnected | null
}

/** How long a node stays doubtful after it recovered. In this time its engines show whether they recovered, too. */
const RECOVERY_MS = 60_000

/**
 * The last known facts about the VPN nodes, with the verdicts. Kept in memory, unknown after a restart. `version` grows with
 * every change that an API answer could show.
 */
export class VpnNodes {
  readonly #nodes: ReadonlyMap<string, Kept>
  readonly #news: Emitter
  #version = 0

  constructor(
    nodes: readonly VpnNodeSettings[],
    private readonly settings: VpnSettings & { readonly portMaxAgeMs: number; readonly onError: OnError },
    nowMs: number,
  ) {
    this.#news = new Emitter(settings.onError)
    this.#nodes = new Map(nodes.map((node) => [node.name, unseen(node, settings, nowMs)]))
  }

  version(): number {
    return this.#version
  }

  /** Calls `listener` when a node's verdict, container, port or doubtfulness changed. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** All nodes, in the order of the configuration; empty without a VPN. */
  all(): readonly VpnNode[] {
    return [...this.#nodes.values()].map(shown)
  }

  get(name: string): VpnNode | undefined {
    const kept = this.#nodes.get(name)
    return kept && shown(kept)
  }

  /** How an engine is outside the VPN; null if it is not, if that is not known yet, or if no VPN is configured. */
  outside(engine: Engine): Outside | null {
    return outsideOf(
      engine,
      [...this.#nodes.values()].map(({ network }) => network),
    )
  }

  /**
   * Whether the VPN makes an engine unusable: the engine is outside, its node is down, or the network that it joined is
   * gone.
   */
  isInWayOf(engine: Engine): boolean {
    if (this.outside(engine) !== null) return true
    const node = engine.vpnNode === null ? undefined : this.get(engine.vpnNode)
    if (node === undefined) return false
    return node.verdict.state === 'down' || namespaceOf(engine, node.container) !== 'alive'
  }

  /** Notes what Docker said about a node. `container` is null if Docker has none of that name. */
  noteContainer(name: string, container: NodeContainer | null, atMs: number): void {
    const kept = this.#nodes.get(name)
    if (kept === undefined) return
    const before = containerOf(kept)
    const { lookedAt } = kept.network
    const isFirstLook = lookedAt === null
    kept.network = { name, lookedAt: { containerId: container?.id ?? null } }
    kept.sight = container === null ? { kind: 'missing', atMs } : { kind: 'seen', container, atMs }
    kept.dockerError = null
    const isSame = before?.id === container?.id && before?.startedAtMs === container?.startedAtMs
    // What the control server said is about the earlier start of the container.
    if (!isSame) {
      kept.control = null
      kept.controlSilentSinceMs = null
      kept.ports.forget(lookedAt?.containerId !== container?.id)
    }
    if (!isSame || isFirstLook) this.#tell()
  }

  /** Notes that Docker could not be asked. What it said before stays valid. */
  noteDockerError(name: string, error: string): void {
    const kept = this.#nodes.get(name)
    if (kept !== undefined) kept.dockerError = error
  }

  /** Notes what a node's control server said. Returns the resulting changes. */
  noteControl(name: string, sight: ControlSight): readonly VpnNews[] {
    const kept = this.#nodes.get(name)
    if (kept === undefined) return []
    kept.control = sight
    kept.controlSilentSinceMs = sight.status === null ? (kept.controlSilentSinceMs ?? sight.atMs) : null
    const news = [...noteAddress(kept, sight), ...notePorts(kept, sight)]
    if (news.length > 0) {
      kept.verdict = withReconnect(kept.verdict, sight.atMs)
      this.#tell()
    }
    this.#version++
    return news
  }

  /** Forgets what was seen of the nodes. Called when the VPN worker was lost, because no node is looked at then. */
  forgetAll(): void {
    for (const kept of this.#nodes.values()) {
      kept.sight = null
      kept.control = null
      kept.controlSilentSinceMs = null
      kept.ports.forget(false)
    }
  }

  /** Judges a node again. Returns the verdict before, or null if nothing changed that could be seen. */
  judge(name: string, evidence: Evidence, nowMs: number): NodeState | null {
    const kept = this.#nodes.get(name)
    if (kept === undefined) return null
    const { sight: container, dockerError, control, verdict: before } = kept
    const signs = { name, container, dockerError, control, evidence }
    kept.verdict = judge(before, signs, nowMs, this.settings)
    const isPortNews = kept.ports.look(nowMs)
    const isDoubtful = this.isDoubtful(name, nowMs)
    const isDoubtNews = isDoubtful !== kept.isDoubtful
    kept.isDoubtful = isDoubtful
    kept.enginesWord = enginesWord(evidence, nowMs)
    kept.neverConnected = isOverseen(signs, this.settings) ? null : unproven(kept, evidence, nowMs)
    if (!isPortNews && !isDoubtNews && isSame(before, kept.verdict)) return null
    this.#tell()
    return before
  }

  /**
   * Whether there are signs against a node, or were some a short time ago. The engines of a doubtful node are asked more
   * often.
   */
  isDoubtful(name: string, nowMs: number): boolean {
    const kept = this.#nodes.get(name)
    if (kept === undefined) return false
    const { state, recoveredMs } = kept.verdict
    const hasLostAddress = kept.control?.publicIp === '' && kept.publicIp !== null
    return state !== 'up' || hasLostAddress || nowMs - recoveredMs < RECOVERY_MS
  }

  #tell(): void {
    this.#version++
    this.#news.emit()
  }
}

const unseen = (
  settings: VpnNodeSettings,
  vpn: Pick<VpnSettings, 'isGluetun'> & { readonly portMaxAgeMs: number },
  nowMs: number,
): Kept => ({
  settings,
  verdict: unseenNode(settings.name, nowMs, vpn),
  sight: null,
  network: { name: settings.name, lookedAt: null },
  dockerError: null,
  control: null,
  controlSilentSinceMs: null,
  publicIp: null,
  ports: new NodePorts(settings, vpn.portMaxAgeMs),
  isDoubtful: true,
  enginesWord: null,
  neverConnected: null,
})

/** The engines of a node that were never connected, unless a stream has moved since they say so. */
function unproven({ verdict }: Kept, evidence: Evidence, nowMs: number): NeverConnected | null {
  const never = neverConnected(evidence, nowMs)
  return (verdict.witnesses.movedMs ?? 0) > (never?.sinceMs ?? 0) ? null : never
}

const containerOf = ({ sight }: Kept): NodeContainer | null =>
  sight?.kind === 'seen' ? sight.container : null

function shown(kept: Kept): VpnNode {
  const { settings, verdict, sight, control, controlSilentSinceMs, ports, enginesWord, neverConnected } = kept
  return {
    ...settings,
    verdict,
    container: containerOf(kept),
    control,
    controlSilentSinceMs,
    ...ports.now,
    enginesWord,
    neverConnected,
    seenMs: sight?.atMs ?? null,
  }
}

/** Another public address means that the VPN reconnected. An empty address means that it is still connecting. */
function noteAddress(kept: Kept, { publicIp }: ControlSight): readonly VpnNews[] {
  if (publicIp === null || publicIp === '') return []
  const before = kept.publicIp
  kept.publicIp = publicIp
  return before === null || before === publicIp ? [] : [{ kind: 'reconnected', publicIp }]
}

/** Other ports are news; the same ones after there was none are not. */
function notePorts(kept: Kept, { forwardedPorts: ports, atMs }: ControlSight): readonly VpnNews[] {
  if (ports === null) return []
  const before = kept.ports.told(ports, atMs)
  return before === null ? [] : [{ kind: 'port_changed', ports, before }]
}

const isSame = (one: NodeState, other: NodeState): boolean =>
  one.state === other.state && one.reason === other.reason && one.isSettled === other.isSettled
