import { rangeText } from '../../core/engines/ports.ts'
import { missingParts } from '../../core/engines/published.ts'
import type { Log } from '../../lib/log.ts'
import type { AddressSettings } from '../engines/addresses.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { VpnNode, VpnNodes } from './vpn-nodes.ts'

/** The ports of a node's range that the host does not pass on to the node, as ranges; null if that is not known. */
export function unpublishedPorts({
  ports,
  container,
}: Pick<VpnNode, 'ports' | 'container'>): string[] | null {
  return container === null ? null : missingParts(ports, container.reachablePorts).map(rangeText)
}

/** Tells users about nodes that do not publish the ports at which proxies are told that engines are. */
export class PublishedWarnings {
  /** The containers, by id, of which it was said that they publish too little and need not. */
  readonly #said = new Set<string>()

  constructor(
    private readonly deps: {
      readonly nodes: Pick<VpnNodes, 'all'>
      readonly advertise: AddressSettings['advertise']
      readonly warnings: Warnings
      readonly log: Log
    },
  ) {}

  /** Sets or clears the warning, by what is known of the nodes now. */
  tell(): void {
    const { nodes, advertise, warnings } = this.deps
    const lacking = nodes.all().flatMap((node) => {
      const parts = unpublishedPorts(node) ?? []
      return parts.length === 0 ? [] : [{ node, parts: parts.join(', ') }]
    })
    // Only these list an engine behind a VPN at a port of the host.
    const isListedThere = advertise === 'host' || advertise === 'ip'
    warnings.tell('vpn_ports_unpublished', isListedThere && lacking.length > 0 ? warningOf(lacking) : null)
    if (!isListedThere) for (const each of lacking) this.#mention(each)
  }

  #mention({ node: { name, container }, parts }: Lacking): void {
    if (container === null || this.#said.has(container.id)) return
    this.#said.add(container.id)
    this.deps.log.info(
      { node: name },
      `${name} does not publish ${parts} of GLUETUN_PORT_RANGE: only proxies in a network of ${name} reach its engines`,
    )
  }
}

interface Lacking {
  readonly node: VpnNode
  readonly parts: string
}

function warningOf(lacking: readonly Lacking[]) {
  const what = lacking.map(({ node, parts }) => `${node.name} does not publish ${parts}`).join('; ')
  const flags = lacking.map(({ node, parts }) => `${node.name} with ports ${sameInside(parts)}`).join('; ')
  return {
    message: `${what} of GLUETUN_PORT_RANGE, where proxies are told that engines are: they cannot reach them`,
    remedy: `create ${flags} anew, or set ENGINE_ADVERTISE=auto if the proxy is in a network of the VPN container`,
  }
}

/** A list of ranges in the way that Docker publishes them under their own numbers. */
const sameInside = (parts: string): string =>
  parts
    .split(', ')
    .map((part) => `${part}:${part}`)
    .join(' ')
