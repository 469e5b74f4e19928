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

/**
 * Ports on which an engine with its own network always listens, whatever its settings: its API port and its peer-to-peer
 * port.
 */
export const FIXED_PORTS: readonly number[] = [62_062, 8_621]

/**
 * The ports that cannot be the HTTP port of an engine with its own network, because it needs them for something else: the
 * fixed ports, and the last remaining HTTPS port if the range of HTTPS ports has only one.
 */
export function neededBesides(https: PortRange): readonly number[] {
  const isFixed = (port: number): boolean => FIXED_PORTS.includes(port)
  const first = freePort(https, isFixed, 0)
  if (first === null) return FIXED_PORTS
  const isOnly = freePort(https, (port) => port === first || isFixed(port), 0) === null
  return isOnly ? [...FIXED_PORTS, first] : FIXED_PORTS
}

/** Whether a port lies in a range. */
export const holds = ({ first, last }: PortRange, port: number): boolean => port >= first && port <= last

/** A range in the notation of the settings: `19000-19999`. */
export const rangeText = (range: PortRange): string => `${range.first}-${range.last}`
