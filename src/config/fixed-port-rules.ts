/** What makes the ports of GLUETUN_FIXED_PORTS unusable. */
import { holds, type PortRange } from '../core/engines/ports.ts'
import type { Config, SettingName } from './settings.ts'

type Vpn = Pick<Config, 'GLUETUN_CONTAINER_NAME' | 'GLUETUN_FIXED_PORTS'>

/** The remedy if fixed ports are given to a container that is no VPN node, or there is no VPN at all; null if not. */
export function strangerWithPorts({
  GLUETUN_CONTAINER_NAME: names,
  GLUETUN_FIXED_PORTS: fixed,
}: Vpn): string | null {
  const strangers = fixed.map(({ node }) => node).filter((node) => !names.includes(node))
  if (strangers.length === 0) return null
  return names.length > 0
    ? `Name a container of GLUETUN_CONTAINER_NAME (${names.join(',')}) instead of ${strangers[0]}`
    : `Set GLUETUN_CONTAINER_NAME=${strangers.join(',')} too, since engines use no VPN without it; or leave this out if ` +
        'they shall use none'
}

/** The remedy if a fixed port is named twice for one node; null if not. */
export function portNamedTwice({ GLUETUN_FIXED_PORTS: fixed }: Vpn): string | null {
  for (const { node, ports } of fixed) {
    const twice = ports.find((each, index) => ports.indexOf(each) !== index)
    if (twice !== undefined) return `Name port ${twice} of ${node} once`
  }
  return null
}

/** The remedy if a fixed port may be taken by something else in the node's network; null if not, and without a VPN. */
export function portUsedOtherwise(config: Config): string | null {
  const { GLUETUN_CONTAINER_NAME: names, GLUETUN_API_PORT: api } = config
  const others: readonly (readonly [SettingName, PortRange])[] = [
    ...config.GLUETUN_PORT_RANGE.map((range) => ['GLUETUN_PORT_RANGE', range] as const),
    ['ACE_HTTPS_RANGE', config.ACE_HTTPS_RANGE],
    ['ACE_API_RANGE', config.ACE_API_RANGE],
    ...(config.VPN_CONTROL === 'gluetun' ? [['GLUETUN_API_PORT', { first: api, last: api }] as const] : []),
  ]
  const ours = config.GLUETUN_FIXED_PORTS.filter(({ node }) => names.includes(node))
  const fixed = ours.flatMap(({ ports }) => ports)
  for (const [name, range] of others) {
    const clash = fixed.find((each) => holds(range, each))
    if (clash !== undefined)
      return `Give ${name} other ports than ${clash}, since peers have to reach an engine there`
  }
  return null
}
