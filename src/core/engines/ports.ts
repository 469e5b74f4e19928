/** The scope in which engines with their own network lease ports. Behind a VPN the scope is the node's name. */
export const HOST_SCOPE = 'host'

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/**
 * The next free port of a range: the search begins `start` places into the range and wraps around at its end. A moving
 * `start` leaves a port that was just released unused for a while, because the host may still hold it. Null if all ports are
 * taken.
 */
export function freePort(range: PortRange, isTaken: (port: number) => boolean, start: number): number | null {
  const size = range.last - range.first + 1
  for (let step = 0; step < size; step++) {
    const port = range.first + ((((start + step) % size) + size) % size)
    if (!isTaken(port)) return port
  }
  return null
}

/** Where an engine with its own network always has its API port. */
const API_PORT = 62_062

/**
 * Ports on which an engine with its own network may listen, whatever it is told: its API port and, if its image cannot set
 * it, its peer-to-peer port.
 */
export const FIXED_PORTS: readonly number[] = [API_PORT, 8_621]

/** The fixed ports that the peer-to-peer port cannot be. */
export const NOT_FOR_PEERS: readonly number[] = [API_PORT]

/**
 * The ports that cannot be the HTTP port of an engine with its own network, because it needs them for something else: the
 * fixed ports, and the last remaining HTTPS or peer-to-peer port if that range has only one.
 */
export function neededBesides(https: PortRange, p2p: PortRange): readonly number[] {
  const only = [onlyPort(https, FIXED_PORTS), onlyPort(p2p, NOT_FOR_PEERS)]
  return [...new Set([...FIXED_PORTS, ...only.filter((port) => port !== null)])]
}

/** The only port of a range that is none of `others`; null if there is none, or if there are more. */
function onlyPort(range: PortRange, others: readonly number[]): number | null {
  const first = freePort(range, (port) => others.includes(port), 0)
  const second = freePort(range, (port) => port === first || others.includes(port), 0)
  return second === null ? first : null
}

/** Whether a port lies in a range. */
export const holds = ({ first, last }: PortRange, port: number): boolean => port >= first && port <= last

/** A range in the notation of the settings: `19000-19999`. */
export const rangeText = (range: PortRange): string => `${range.first}-${range.last}`
