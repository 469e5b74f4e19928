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

/** Whether a port lies in a range. */
export const holds = ({ first, last }: PortRange, port: number): boolean => port >= first && port <= last

/** A range as people write it: `19000-19999`. */
export const rangeText = (range: PortRange): string => `${range.first}-${range.last}`
