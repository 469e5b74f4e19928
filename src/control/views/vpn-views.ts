import type { VpnBrief } from '../../core/views/status.ts'
import { bestOf, isContradicted } from '../../core/vpn/node-state.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import { unpublishedPorts } from '../vpn/published-warnings.ts'
import type { VpnNode, VpnNodes } from '../vpn/vpn-nodes.ts'
import { isoOrNull } from './iso.ts'

/** The answers about the VPN, from the store and memory only. */
export class VpnViews {
  constructor(
    private readonly deps: {
      readonly rows: FleetRows
      readonly nodes: VpnNodes
      /** How often each node is looked at. */
      readonly checkIntervalSeconds: number
      /** Whose control server the nodes have. */
      readonly control: 'gluetun' | 'none'
    },
  ) {}

  /** The VPN as the status of the fleet shows it; null without a VPN. */
  brief(): VpnBrief | null {
    const nodes = this.deps.nodes.all()
    const main = mainOf(nodes)
    if (main === null) return null
    const each = nodes.map((node) => ({
      name: node.name,
      connected: isUp(node),
      health: healthOf(node),
      forwardedPort: firstPort(node),
      sinceMs: node.verdict.sinceMs,
      reason: node.verdict.reason,
    }))
    const { name } = main
    return {
      ...{ connected: isUp(main), health: healthOf(main), container: name },
      ...{ forwardedPort: firstPort(main), nodes: each },
    }
  }

  /**
   * `GET /vpn/status`. With several nodes, the top-level members are those of the first node that is up, or of the first
   * node.
   */
  status() {
    const nodes = this.deps.nodes.all()
    const main = mainOf(nodes)
    const engines = Map.groupBy(this.deps.rows.read().engines, ({ vpnNode }) => vpnNode)
    const lastCheck = isoOrNull(main?.seenMs ?? null)
    const error = main === null ? null : bestOf(nodes.map(({ verdict }) => verdict)).reason
    return {
      enabled: main !== null,
      status: main === null ? 'disabled' : statusOf(main),
      container_name: main?.name ?? null,
      container: main?.name ?? null,
      health: main === null ? 'unknown' : healthOf(main),
      connected: main !== null && isUp(main),
      forwarded_port: main === null ? null : firstPort(main),
      forwarded_ports: [...(main?.forwardedPorts ?? [])],
      last_check: lastCheck,
      last_check_at: lastCheck,
      check_interval_s: this.deps.checkIntervalSeconds,
      ...placeOf(main),
      ...(error === null ? {} : { error }),
      nodes: nodes.map((node) => ({
        ...nodeView(node, engines.get(node.name)?.length ?? 0),
        control: this.deps.control,
      })),
    }
  }
}

/** The first node that is up, otherwise the first node; null without nodes. */
const mainOf = (nodes: readonly VpnNode[]): VpnNode | null => nodes.find(isUp) ?? nodes[0] ?? null

const firstPort = ({ forwardedPorts }: VpnNode): number | null => forwardedPorts[0] ?? null

const isUp = ({ verdict }: VpnNode): boolean => verdict.state === 'up'

/** The verdict in the words of a health check. */
function healthOf({ verdict, container }: VpnNode): 'healthy' | 'unhealthy' | 'starting' | 'unknown' {
  if (verdict.state === 'up') return 'healthy'
  if (verdict.state === 'down' || isContradicted(verdict)) return 'unhealthy'
  return container?.state === 'running' && container.health === 'starting' ? 'starting' : 'unknown'
}

/** The state of the node's container as Docker reports it. */
function statusOf({ container, seenMs }: VpnNode): string {
  if (container !== null) return container.state
  return seenMs === null ? 'unknown' : 'missing'
}

/** The location of the node's exit, as its control server last reported it; all null while it is not known. */
const placeOf = (node: VpnNode | null) => ({
  public_ip: node?.control?.publicIp || null,
  country: node?.control?.country ?? null,
  region: node?.control?.region ?? null,
  city: node?.control?.city ?? null,
})

function nodeView(node: VpnNode, engines: number) {
  const { name, verdict, container, control, seenMs, enginesWord: word } = node
  return {
    container: name,
    state: verdict.state,
    connected: isUp(node),
    since: isoOrNull(verdict.sinceMs),
    reason: verdict.reason,
    status: statusOf(node),
    health: healthOf(node),
    docker_health: container?.health ?? null,
    docker_health_text: container?.healthText ?? null,
    vpn_status: control?.status ?? null,
    control_problem: control?.problem ?? null,
    forwarded_port: firstPort(node),
    forwarded_ports: [...node.forwardedPorts],
    no_port_since: isoOrNull(node.noPortSinceMs),
    unpublished_ports: unpublishedPorts(node),
    ...placeOf(node),
    engines,
    last_check: isoOrNull(seenMs),
    last_control_check: isoOrNull(control?.atMs ?? null),
    last_port_check: isoOrNull(node.portToldMs),
    streams_moved: isoOrNull(verdict.witnesses.movedMs),
    engines_say:
      word === null
        ? null
        : { connected: word.connected, asked: word.asked, last_heard: new Date(word.atMs).toISOString() },
  }
}
