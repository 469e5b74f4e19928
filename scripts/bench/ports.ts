const FIRST = 20_000
const LAST = 31_000

/** Ports in a row, both ends included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/**
 * Finds `size` ports in a row that nobody holds on this host at the moment, below those that the kernel gives out by
 * itself. A taken port would cost the orchestrator a second try, and would be measured with it. Throws where there is
 * no such row.
 */
export function freePortRange(size: number): PortRange {
  // Begun at random, so that two runs on one machine seldom meet.
  const rows = Math.floor((LAST - FIRST) / size)
  const start = Math.floor(Math.random() * rows)
  for (let step = 0; step < rows; step++) {
    const first = FIRST + ((start + step) % rows) * size
    const ports = Array.from({ length: size }, (_, index) => first + index)
    if (ports.every(isFree)) return { first, last: first + size - 1 }
  }
  throw new Error(`no ${size} free ports in a row from ${FIRST} to ${LAST}`)
}

/** As a setting of the orchestrator takes it. */
export const rangeSetting = ({ first, last }: PortRange): string => `${first}-${last}`

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '0.0.0.0', port, socket: { data() {} } }).stop(true)
    return true
  } catch {
    return false
  }
}
