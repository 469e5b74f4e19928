import type { Warning } from '../../core/reporting/warnings.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { VpnNode, VpnNodes } from './vpn-nodes.ts'

/** Tells users about forwarded ports that do not serve. */
export class PortWarnings {
  constructor(
    private readonly deps: { readonly nodes: Pick<VpnNodes, 'all'>; readonly warnings: Warnings },
  ) {}

  /** Sets or clears the warnings, by what is known of the nodes now. */
  tell(): void {
    const { nodes, warnings } = this.deps
    warnings.tell('forwarded_port_flaps', flapping(nodes.all()))
  }
}

function flapping(nodes: readonly VpnNode[]): Warning | null {
  const told = nodes.flatMap(({ name, portFlaps: flaps }) =>
    flaps === null
      ? []
      : [
          `the forwarded port of ${name} changed ${flaps.changes} times in ${Math.ceil(flaps.withinMs / 60_000)} min`,
        ],
  )
  if (told.length === 0) return null
  return {
    message: `${told.join('; ')}: no engine is renewed for it before it has stood for 3 min, so peers may not reach engines`,
    remedy:
      'see the log of that container for why the provider gives another one each time; try another server of it, ' +
      'or switch VPN_PORT_FORWARDING off there',
  }
}
