import { cutOff, type Told } from '../../core/proxies/cut-off.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import type { Engine } from '../../core/types.ts'
import type { Addresses } from '../engines/addresses.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'
import type { Listings } from './listings.ts'
import type { ProxyContacts } from './proxy-contacts.ts'

/** Tells which proxies cannot reach what they are told, by the networks of their containers. */
export class CutOffProxies {
  constructor(
    private readonly deps: {
      readonly rows: FleetRows
      readonly listings: Pick<Listings, 'of'>
      readonly addresses: Pick<Addresses, 'advertised' | 'wayTo'>
      readonly nodes: Pick<VpnNodes, 'get'>
      readonly contacts: Pick<ProxyContacts, 'present'>
      /** Whether a setting says that proxies are told published ports. */
      readonly isHostAdvertised: boolean
    },
  ) {}

  /** The first of them, with the remedy; null if none is known. One that has played a stream from where it is reaches all. */
  warning(): Warning | null {
    const { contacts, isHostAdvertised } = this.deps
    for (const { place, hasPlayed } of contacts.present()) {
      if (place.kind !== 'container' || hasPlayed) continue
      const warning = cutOff(place.container, this.#told(), isHostAdvertised)
      if (warning !== null) return warning
    }
    return null
  }

  /** What the list for proxies says now. */
  #told(): readonly Told[] {
    const { rows, listings } = this.deps
    const { engines, started } = rows.read()
    const listed = engines.filter((engine) => listings.of(engine, started.has(engine.id)).listed)
    return listed.map((engine) => this.#toldOf(engine))
  }

  #toldOf(engine: Engine): Told {
    const { addresses, nodes } = this.deps
    const { vpnNode } = engine
    return {
      listed: addresses.advertised(engine),
      way: addresses.wayTo(engine),
      networks: vpnNode === null ? engine.networks : (nodes.get(vpnNode)?.container?.networks ?? null),
      vpnNode,
    }
  }
}
