/** Where the ports of engines with networks of their own are leased; behind a VPN that is the node, by its name. */
export const HOST_SCOPE = 'host'

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/**
 * The next free port of a range: the first not taken at or after `start` places into the range, going round. A moving
 * start leaves a just released port alone for a while, since the host may still hold it. Null when all are taken.
 */
export function freePort(range: PortRange, isTaken: (port: number) => boolean, start: number): number | null {
  const size = range.last - range.first + 1
  for (let step = 0; step < size; step++) {
    const port = range.first + ((((start + step) % size) + size) % size)
    if (!isTaken(port)) return port
  }
  return null
}

/** Where an engine with a network of its own listens besides, whatever it is told: its API, and its peers. */
export const FIXED_PORTS: readonly number[] = [62_062, 8_621]

/**
 * The ports that can't be the HTTP port of an engine with a network of its own, since another port of it has to be there: the
 * fixed ones, and the only one that the range of HTTPS ports leaves.
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

/** A range as people write it: `19000-19999`. */
export const rangeText = (range: PortRange): string => `${range.first}-${range.last}`
