import { holds, type PortRange } from './ports.ts'

/** A port of a container that is published on the host. */
interface Published {
  readonly containerPort: number
  readonly hostPort: number
  readonly protocol: 'tcp' | 'udp'
}

/**
 * The TCP ports under which a container can be reached at its host: those that are published under their own numbers. Engines
 * behind a VPN are listed with one port, which is the same inside and outside. `all` in the network of the host.
 */
export function reachablePorts(ports: readonly Published[], networks: readonly string[]): 'all' | number[] {
  if (networks.includes('host')) return 'all'
  const same = ports.filter(
    ({ containerPort, hostPort, protocol }) => protocol === 'tcp' && containerPort === hostPort,
  )
  return [...new Set(same.map(({ hostPort }) => hostPort))].toSorted((a, b) => a - b)
}

/** The parts of a range that are not among these ports, in their order; empty if all of the range is. */
export function missingParts(range: PortRange, ports: 'all' | readonly number[]): readonly PortRange[] {
  if (ports === 'all') return []
  const inside = [...new Set(ports)].filter((port) => holds(range, port)).toSorted((a, b) => a - b)
  const bounds = [range.first - 1, ...inside, range.last + 1]
  return bounds.slice(1).flatMap((next, at) => {
    const first = (bounds[at] ?? next) + 1
    return first < next ? [{ first, last: next - 1 }] : []
  })
}
