import type { PortRange } from '../../core/engines/ports.ts'
import type { Engine } from '../../core/types.ts'
import { namespaceOf } from '../../core/vpn/namespace.ts'
import type { Evidence } from '../../core/vpn/tunnel.ts'
import {
  type ContainerSight,
  type ControlSight,
  judge,
  type NodeContainer,
  type NodeState,
  unseenNode,
  type VpnSettings,
  withReconnect,
} from '../../core/vpn/vpn.ts'
import { type NodeNetwork, type Outside, outsideOf } from '../../core/vpn/vpn-membership.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'

/** A Gluetun container that engines join. */
export interface VpnNodeSettings {
  readonly name: string
  /** The ports that it publishes for engines. */
  readonly ports: PortRange
}

/** A node with all that is known of it. */
export interface VpnNode extends VpnNodeSettings {
  readonly verdict: NodeState
  /** As last seen; null when there is none, or none was seen yet. */
  readonly container: NodeContainer | null
  readonly control: ControlSight | null
  /** The port that its VPN provider forwards to it; null when there is none, or it is not known. */
  readonly forwardedPort: number | null
  readonly isPortKnown: boolean
  /** When it was last heard of; null for never. */
  readonly seenMs: number | null
}

/** A change that is worth a line in the books. */
export type VpnNews =
  | { readonly kind: 'reconnected'; readonly publicIp: string }
  | { readonly kind: 'port_changed'; readonly port: number; readonly before: number }

interface Kept {
  readonly settings: VpnNodeSettings
  verdict: NodeState
  sight: ContainerSight | null
  /** Not forgotten with the sight: whose network it is that engines have joined does not change with who looks. */
  network: NodeNetwork
  dockerError: string | null
  control: ControlSight | null
  /** The last ones that were not "none". */
  publicIp: string | null
  port: number | null
  /** What was last said of the port, 0 for none, and when. */
  said: { readonly port: number; readonly atMs: number } | null
  /** As it was when it was last judged. */
  isDoubtful: boolean
}

/** A node that came back within this time is watched closely: its engines show whether they did, too. */
const RECOVERY_MS = 60_000

/**
 * What the VPN nodes were last seen to be like, with the verdicts: kept in memory, unknown after a restart. `version` grows
 * with every change that an answer could show.
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
    this.#nodes = new Map(nodes.map((node) => [node.name, unseen(node, nowMs)]))
  }

  version(): number {
    return this.#version
  }

  /** Calls `listener` when a verdict or a port changed; it must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** In their order in the configuration; none without a VPN. */
  all(): readonly VpnNode[] {
    return [...this.#nodes.values()].map(shown)
  }

  get(name: string): VpnNode | undefined {
    const kept = this.#nodes.get(name)
    return kept && shown(kept)
  }

  /** How an engine is outside the VPN; null for one that is not, as far as is known, and without a VPN. */
  outside(engine: Engine): Outside | null {
    return outsideOf(
      engine,
      [...this.#nodes.values()].map(({ network }) => network),
    )
  }

  /**
   * Whether an engine can't be used for the VPN's sake: it is outside, its node is down, or it has joined an earlier start of
   * that.
   */
  isInWayOf(engine: Engine): boolean {
    if (this.outside(engine) !== null) return true
    const node = engine.vpnNode === null ? undefined : this.get(engine.vpnNode)
    if (node === undefined) return false
    return node.verdict.state === 'down' || namespaceOf(engine, node.container) !== 'alive'
  }

  /** Docker was asked about a node: `container` is null where there is none of that name. */
  noteContainer(name: string, container: NodeContainer | null, atMs: number): void {
    const kept = this.#nodes.get(name)
    if (kept === undefined) return
    const before = containerOf(kept)
    const isFirstLook = kept.network.lookedAt === null
    kept.network = { name, lookedAt: { containerId: container?.id ?? null } }
    kept.sight = container === null ? { kind: 'missing', atMs } : { kind: 'seen', container, atMs }
    kept.dockerError = null
    const isSame = before?.id === container?.id && before?.startedAtMs === container?.startedAtMs
    // What an earlier process said is about that one.
    if (!isSame) {
      kept.control = null
      kept.said = null
    }
    if (!isSame || isFirstLook) this.#tell()
  }

  /** Docker could not be asked: what it said before stands. */
  noteDockerError(name: string, error: string): void {
    const kept = this.#nodes.get(name)
    if (kept !== undefined) kept.dockerError = error
  }

  /** A node's control server was asked; gives what that changed. */
  noteControl(name: string, sight: ControlSight): readonly VpnNews[] {
    const kept = this.#nodes.get(name)
    if (kept === undefined) return []
    kept.control = sight
    const news = [...noteAddress(kept, sight), ...notePort(kept, sight)]
    if (news.length > 0) {
      kept.verdict = withReconnect(kept.verdict, sight.atMs)
      this.#tell()
    }
    this.#version++
    return news
  }

  /** Nobody looks at the nodes any more: nothing is known until somebody does. */
  forgetAll(): void {
    for (const kept of this.#nodes.values()) {
      kept.sight = null
      kept.control = null
      kept.said = null
    }
  }

  /** Judges a node anew; gives the verdict before, or null when nothing changed that could be seen. */
  judge(name: string, evidence: Evidence, nowMs: number): NodeState | null {
    const kept = this.#nodes.get(name)
    if (kept === undefined) return null
    const { sight: container, dockerError, control, verdict: before } = kept
    kept.verdict = judge(before, { name, container, dockerError, control, evidence }, nowMs, this.settings)
    const isPortOld = kept.said !== null && nowMs - kept.said.atMs > this.settings.portMaxAgeMs
    if (isPortOld) kept.said = null
    const isDoubtful = this.isDoubtful(name, nowMs)
    const isDoubtNews = isDoubtful !== kept.isDoubtful
    kept.isDoubtful = isDoubtful
    if (!isPortOld && !isDoubtNews && isSame(before, kept.verdict)) return null
    this.#tell()
    return before
  }

  /** Whether something speaks against a node, or spoke against it a while ago: then its engines are asked more often. */
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

const unseen = (settings: VpnNodeSettings, nowMs: number): Kept => ({
  settings,
  verdict: unseenNode(settings.name, nowMs),
  sight: null,
  network: { name: settings.name, lookedAt: null },
  dockerError: null,
  control: null,
  publicIp: null,
  port: null,
  said: null,
  isDoubtful: true,
})

const containerOf = ({ sight }: Kept): NodeContainer | null =>
  sight?.kind === 'seen' ? sight.container : null

function shown(kept: Kept): VpnNode {
  const { settings, verdict, sight, control, said } = kept
  return {
    ...settings,
    verdict,
    container: containerOf(kept),
    control,
    forwardedPort: said === null || said.port === 0 ? null : said.port,
    isPortKnown: said !== null,
    seenMs: sight?.atMs ?? null,
  }
}

/** Another exit address is another connection; none is one that is being made. */
function noteAddress(kept: Kept, { publicIp }: ControlSight): readonly VpnNews[] {
  if (publicIp === null || publicIp === '') return []
  const before = kept.publicIp
  kept.publicIp = publicIp
  return before === null || before === publicIp ? [] : [{ kind: 'reconnected', publicIp }]
}

function notePort(kept: Kept, { forwardedPort: port, atMs }: ControlSight): readonly VpnNews[] {
  if (port === null) return []
  kept.said = { port, atMs }
  if (port === 0) return []
  const before = kept.port
  kept.port = port
  return before === null || before === port ? [] : [{ kind: 'port_changed', port, before }]
}

const isSame = (one: NodeState, other: NodeState): boolean =>
  one.state === other.state && one.reason === other.reason && one.isSettled === other.isSettled
