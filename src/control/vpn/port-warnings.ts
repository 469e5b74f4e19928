import type { Warning } from '../../core/reporting/warnings.ts'
import type { Engine } from '../../core/types.ts'
import { portsInUse } from '../../core/vpn/forwarded-port.ts'
import type { Clock } from '../../lib/clock.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { VpnNode, VpnNodes } from './vpn-nodes.ts'

/** A provider may take some minutes to give out a port. */
const PATIENCE_MS = 300_000

/** Tells users about forwarded ports that do not serve. */
export class PortWarnings {
  constructor(
    private readonly deps: {
      readonly nodes: Pick<VpnNodes, 'all'>
      readonly rows: Pick<FleetRows, 'read'>
      readonly warnings: Warnings
      readonly clock: Clock
    },
  ) {}

  /** Sets or clears the warnings, by what is known of the nodes now. */
  tell(): void {
    const { nodes, rows, warnings, clock } = this.deps
    warnings.tell('forwarded_port_flaps', flapping(nodes.all()))
    warnings.tell('forwarded_port_missing', missing(nodes.all(), clock.now()))
    warnings.tell('forwarded_port_unusable', unusable(nodes.all(), rows.read().engines))
  }
}

function flapping(nodes: readonly VpnNode[]): Warning | null {
  const told = nodes.flatMap(({ name, portFlaps: flaps }) =>
    flaps === null
      ? []
      : `the forwarded port of ${name} changed, or went and came back, ${flaps.changes} times in ${minutes(flaps.withinMs)}`,
  )
  if (told.length === 0) return null
  return {
    message: `${told.join('; ')}: no engine is renewed for it before it has stood for 3 min, so peers may not reach engines`,
    remedy:
      'see the log of that container for why the provider gives another one each time; try another server of it, ' +
      'or switch VPN_PORT_FORWARDING off there',
  }
}

/**
 * A node that never had a port is only missed where Gluetun's own settings ask for one: most providers forward none. While a
 * node is not up, that is the reason.
 */
function missing(nodes: readonly VpnNode[], nowMs: number): Warning | null {
  const told = nodes.flatMap(({ name, noPortSinceMs, verdict, container, hadPort }) => {
    if (noPortSinceMs === null || verdict.state !== 'up') return []
    const forMs = nowMs - Math.max(noPortSinceMs, verdict.sinceMs)
    const why = container?.asksForPort
      ? 'its VPN_PORT_FORWARDING is on'
      : hadPort
        ? 'it had one before'
        : null
    return why === null || forMs < PATIENCE_MS
      ? []
      : [`no port has been forwarded to ${name} for ${minutes(forMs)}, although ${why}`]
  })
  if (told.length === 0) return null
  return {
    message: `${told.join('; ')}: no peer connects to its engines by itself`,
    remedy:
      'see the log of that container for why the provider gives none, and try another server of it; if the provider forwards ' +
      'ports for good, name them in GLUETUN_FIXED_PORTS; if you need none, switch VPN_PORT_FORWARDING off there',
  }
}

/** A port that something else has in the node's network. While ports flap, that is told instead. */
function unusable(nodes: readonly VpnNode[], engines: readonly Engine[]): Warning | null {
  const found = nodes.flatMap((node) => {
    const behind = engines.filter(({ vpnNode }) => vpnNode === node.name)
    return node.portFlaps === null ? portsInUse(node, behind).map((use) => ({ ...use, node: node.name })) : []
  })
  if (found.length === 0) return null
  const told = found.map(({ port, by, node }) => {
    const what =
      by === null ? 'one at which Gluetun itself listens' : `the ${by.interfaceName} port of ${by.engineName}`
    return `port ${port}, which is forwarded to ${node}, is ${what}`
  })
  const users = found.flatMap(({ by }) => by?.engineName ?? [])
  const remedies = [
    ...(found.some(({ by }) => by === null)
      ? [
          'have the provider give another port, by another server of it, or move the server of Gluetun that listens there',
        ]
      : []),
    ...(users.length > 0
      ? [
          `remove ${users.join(', ')} when nobody watches there, and the engine after it makes room for the port`,
        ]
      : []),
  ]
  return { message: `${told.join('; ')}: no engine carries it`, remedy: remedies.join('; ') }
}

const minutes = (ms: number): string => `${Math.max(1, Math.floor(ms / 60_000))} min`
