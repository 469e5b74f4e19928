import type { FleetSnapshot } from '../../core/plan/fleet-snapshot.ts'
import type { Engine } from '../../core/types.ts'
import type { Outside } from '../../core/vpn/vpn-membership.ts'
import { VPN_LABELS } from '../engines/template.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { VpnNodes } from './vpn-nodes.ts'

/** How many engines a warning names. All engines may be outside the VPN, and their names would fill a page. */
const NAMED_MAX = 5

/** The longest name that a warning shows. The name may come from a label, which anybody may have written. */
const NAME_LENGTH_MAX = 64

/** Warns users about engines outside the VPN. Uses the same decision that hides these engines. */
export class OutsiderWarnings {
  constructor(
    private readonly deps: { readonly nodes: Pick<VpnNodes, 'all'>; readonly warnings: Warnings },
  ) {}

  /** Sets or clears the warnings for a fleet snapshot. Call it with every snapshot. */
  tell({ engines, policy }: FleetSnapshot): void {
    const { warnings } = this.deps
    const outside = (kind: Outside): readonly Engine[] =>
      engines.filter((each) => each.outside?.kind === kind).map(({ engine }) => engine)
    const alone = outside('own_network')
    const elsewhere = outside('other_network')
    const remedy = policy.isVpnStrict ? STRICT_REMEDY : LENIENT_REMEDY
    warnings.tell(
      'engines_outside_vpn',
      alone.length === 0 ? null : { message: aloneText(alone, policy.isVpnStrict), remedy },
    )
    warnings.tell(
      'engines_in_other_network',
      elsewhere.length === 0 ? null : { message: elsewhereText(elsewhere), remedy: this.#elsewhereRemedy() },
    )
  }

  #elsewhereRemedy(): string {
    const names = this.deps.nodes.all().map(({ name }) => name)
    return (
      `if that is a Gluetun of yours, name it in GLUETUN_CONTAINER_NAME (now ${names.join(',')}); ` +
      'else leave it so: each engine is replaced by one behind the VPN when nobody uses it and a node is up'
    )
  }
}

const STRICT_REMEDY =
  'see that a VPN node is up (GET /vpn/status says why none is); each engine is made anew behind it then, by itself'

const LENIENT_REMEDY =
  'each engine is replaced by one behind the VPN when nobody uses it and a node is up; ' +
  'VPN_STRICT=true would stop them at once, DELETE /containers/{id} stops one'

function aloneText(engines: readonly Engine[], isStrict: boolean): string {
  const whose = engines.length === 1 ? 'its' : 'their'
  const what = isStrict
    ? `stopped, and ${whose} streams ended`
    : `and ${whose} streams go on (VPN_STRICT=false)`
  return `${named(engines)} outside the VPN, in a network of ${whose} own: hidden from proxies, ${what}`
}

function elsewhereText(engines: readonly Engine[]): string {
  const whose = engines.length === 1 ? 'its' : 'their'
  const owners = [...new Set(engines.map(ownerName))].slice(0, NAMED_MAX).join(', ')
  return (
    `${named(engines)} in the network of ${owners}, which is no VPN node of the configuration: ` +
    `hidden from proxies, and ${whose} streams go on`
  )
}

function named(engines: readonly Engine[]): string {
  const names = engines.slice(0, NAMED_MAX).map(({ name }) => name)
  const rest = engines.length - names.length
  const all = `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
  return engines.length === 1 ? `engine ${all} is` : `${engines.length} engines (${all}) are`
}

/**
 * The container that the engine has joined: the node's name from the row or the label, otherwise the beginning of its id.
 */
const ownerName = ({ vpnNode, labels, networkContainerId }: Engine): string =>
  `container '${vpnNode ?? labels[VPN_LABELS.node]?.slice(0, NAME_LENGTH_MAX) ?? networkContainerId?.slice(0, 12) ?? 'unknown'}'`
