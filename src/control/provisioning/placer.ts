import {
  HOST_SCOPE,
  holds,
  NOT_FOR_PEERS,
  neededBesides,
  type PortRange,
  rangeText,
} from '../../core/engines/ports.ts'
import type { EngineHost } from '../../core/types.ts'
import { type NodePlace, placement } from '../../core/vpn/placement.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Db } from '../../store/store.ts'
import type { VpnNode, VpnNodes } from '../vpn/vpn-nodes.ts'
import type { Asking, HostPlaces } from './host-places.ts'
import type { PortBook } from './port-book.ts'

/** Where an engine goes: the scope of its ports, the node whose network it joins, and the host, if there are several. */
export interface Place {
  readonly scope: string
  readonly vpnNode: string | null
  readonly host: EngineHost | null
}

interface Candidate extends NodePlace {
  readonly node: VpnNode
}

/** Chooses the place for another engine: the host, one of several hosts, or the most suitable node of a VPN. */
export class Placer {
  constructor(
    private readonly deps: {
      readonly ports: PortBook
      readonly nodes: VpnNodes
      /** Null if there is one host. */
      readonly hosts: HostPlaces | null
    },
  ) {}

  /**
   * The place for an engine; null if there is none. `taken` and `noHost` say why, unless the VPN is the reason. `preferred`
   * names a node or a host.
   */
  place(db: Db, asking: Asking, preferred: string | null, nowMs: number): Place | null {
    const { nodes, hosts } = this.deps
    if (hosts !== null) {
      const found = hosts.place(db, asking, preferred, nowMs)
      return found && { ...found, vpnNode: null }
    }
    if (nodes.all().length === 0) return { scope: HOST_SCOPE, vpnNode: null, host: null }
    const chosen = placement(this.#candidates(db, asking.request.hostPort, nowMs), preferred)
    return chosen && { scope: chosen.name, vpnNode: chosen.name, host: null }
  }

  /** Whether engines may still be put in this place: behind a configured node, or on the host if there are no nodes. */
  isPlace({ vpnNode, host }: Pick<Place, 'vpnNode' | 'host'>): boolean {
    const { nodes, hosts } = this.deps
    if (hosts !== null && vpnNode === null) return hosts.isPlace({ host })
    return vpnNode === null ? nodes.all().length === 0 : nodes.get(vpnNode) !== undefined
  }

  /** The scope in which the ports of an engine without a VPN are unique. */
  scopeOf(host: EngineHost | null): string {
    return host === null ? HOST_SCOPE : (this.deps.hosts?.scopeOf(host.id) ?? HOST_SCOPE)
  }

  /** Whether callers reach the engine where they look for one that they have just been given. */
  isForCallers(engine: Pick<Place, 'host'>): boolean {
    return this.deps.hosts?.isForCallers(engine) ?? true
  }

  /** Why no host takes another engine; null if one does, or if there is one host only. */
  noHost(db: Db, asking: Asking, nowMs: number): string | null {
    return this.deps.hosts?.missing(db, asking, nowMs) ?? null
  }

  /** Why no port is free for a new engine; null if one is. If the caller names a port, only that one counts. */
  taken(db: Db, asking: Asking, nowMs: number): string | null {
    const { ports, nodes, hosts } = this.deps
    const { hostPort } = asking.request
    if (hosts !== null) return hosts.taken(db, asking, nowMs)
    if (nodes.all().length > 0) return this.#takenBehindVpn(db, hostPort, nowMs)
    const { ranges } = ports
    if (ports.free(db, HOST_SCOPE, ranges.p2p, 0, nowMs, NOT_FOR_PEERS) === null)
      return `all ports of ACE_P2P_RANGE ${rangeText(ranges.p2p)} are taken`
    const needed = this.neededBesides({ vpnNode: null })
    if (hostPort !== null) {
      if (needed.includes(hostPort)) return `host_port ${hostPort} is needed for another port of the engine`
      return ports.isLeased(db, HOST_SCOPE, hostPort)
        ? `host_port ${hostPort} is held by another engine`
        : null
    }
    const isFree = ports.free(db, HOST_SCOPE, ranges.host, 0, nowMs, needed) !== null
    return isFree ? null : `all ports of PORT_RANGE_HOST ${rangeText(ranges.host)} are taken`
  }

  /** The range of an engine's HTTP port. */
  rangeOf({ vpnNode }: Pick<Place, 'vpnNode'>): PortRange {
    const node = vpnNode === null ? undefined : this.deps.nodes.get(vpnNode)
    return node?.ports ?? this.deps.ports.ranges.host
  }

  /**
   * The ports that an engine's HTTP port can't have, because its other ports need them. None in a node's network, where each
   * kind of port has a range of its own.
   */
  neededBesides({ vpnNode }: Pick<Place, 'vpnNode'>): readonly number[] {
    const { https, p2p } = this.deps.ports.ranges
    return vpnNode === null ? neededBesides(https, p2p) : []
  }

  /** The ports that are forwarded to a node; none without a node, or if that is not known. */
  forwardedPorts({ vpnNode }: Pick<Place, 'vpnNode'>): readonly number[] {
    return vpnNode === null ? [] : (this.deps.nodes.get(vpnNode)?.forwardedPorts ?? [])
  }

  /**
   * The ports of a node's network that no engine gets from a range: those that are forwarded, and those at which the node's
   * container itself listens.
   */
  reservedPorts({ vpnNode }: Pick<Place, 'vpnNode'>): readonly number[] {
    const node = vpnNode === null ? undefined : this.deps.nodes.get(vpnNode)
    return node === undefined ? [] : [...node.forwardedPorts, ...node.ownPorts]
  }

  /** The forwarded ports of a node that another engine may get: none that flaps, and none that an engine has. */
  offeredPorts(db: Db, { scope, vpnNode }: Place): readonly number[] {
    const offered = vpnNode === null ? [] : (this.deps.nodes.get(vpnNode)?.offeredPorts ?? [])
    return offered.filter((port) => !this.deps.ports.isLeased(db, scope, port))
  }

  /** Why no port is free behind the VPN; null if one is. Also null if no node is up, because then the VPN is the reason. */
  #takenBehindVpn(db: Db, hostPort: number | null, nowMs: number): string | null {
    const up = this.deps.nodes.all().filter(({ verdict }) => verdict.state === 'up')
    if (up.length === 0 || up.some((node) => this.#hasPort(db, node, hostPort, nowMs))) return null
    if (hostPort !== null) return `host_port ${hostPort} is held by another engine, or its node is down`
    return `all ports of GLUETUN_PORT_RANGE are taken (${up.map(({ ports }) => rangeText(ports)).join(', ')})`
  }

  #candidates(db: Db, hostPort: number | null, nowMs: number): Candidate[] {
    const engines = liveEngines(db)
    return this.deps.nodes.all().map((node) => ({
      node,
      name: node.name,
      state: node.verdict.state,
      engines: engines.filter(({ vpnNode }) => vpnNode === node.name).length,
      hasPort: this.#hasPort(db, node, hostPort, nowMs),
    }))
  }

  #hasPort(db: Db, { name, ports: range }: VpnNode, hostPort: number | null, nowMs: number): boolean {
    const { ports } = this.deps
    return hostPort === null
      ? ports.free(db, name, range, 0, nowMs) !== null
      : holds(range, hostPort) && !ports.isLeased(db, name, hostPort)
  }
}
