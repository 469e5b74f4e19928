/**
 * Below the ports that Linux gives to outgoing connections (32768 and up), so that none of those can take one meanwhile;
 * drawn by chance, so that two calls before either is used seldom meet, and two test runs on one host neither.
 */
const FIRST = 20_000
const LAST = 31_999

/** Ports in a row, both ends included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** A port on which nobody listens now. */
export const freePort = (): number => freePortRange(1).first

/** So many ports in a row on which nobody listens now. Throws when there is no such row. */
export function freePortRange(size: number): PortRange {
  const rows = Math.floor((LAST - FIRST + 1) / size)
  const start = Math.floor(Math.random() * rows)
  for (let step = 0; step < rows; step++) {
    const first = FIRST + ((start + step) % rows) * size
    const ports = Array.from({ length: size }, (_, at) => first + at)
    if (ports.every(isFree)) return { first, last: first + size - 1 }
  }
  throw new Error(`no ${size} free ports in a row from ${FIRST} to ${LAST}`)
}

/** As a setting of the orchestrator takes it. */
export const rangeSetting = ({ first, last }: PortRange): string => `${first}-${last}`

function isFree(port: number): boolean {
  try {
    // On all addresses, as Docker publishes.
    Bun.listen({ hostname: '0.0.0.0', port, socket: { data() {} } }).stop(true)
    return true
  } catch {
    return false
  }
}
