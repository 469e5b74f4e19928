/**
 * The range is below the ports that Linux uses for outgoing connections (32768 and up), so that no connection can take one
 * meanwhile. Ports are chosen by chance, so that two calls, or two test runs on one host, seldom choose the same.
 */
const [FIRST, LAST] = rangeOf(process.env.ROUNDHOUSE_TEST_SLOT)

/**
 * Of processes that run side by side each has a sixth, by its slot: the port of a container that is stopped for a while is
 * free, and would be taken.
 */
function rangeOf(slot: string | undefined): readonly [first: number, last: number] {
  const first = 20_000 + 2_000 * Number(slot ?? 0)
  return [first, slot === undefined ? 31_999 : first + 1_999]
}

/** Consecutive ports; both ends are included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** Finds a port on which nobody listens now. */
export const freePort = (): number => freePortRange(1).first

/** Finds this many consecutive ports on which nobody listens now. Throws if there is no such range. */
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

/** Renders a range as the orchestrator's settings expect it. */
export const rangeSetting = ({ first, last }: PortRange): string => `${first}-${last}`

function isFree(port: number): boolean {
  try {
    // Tested on all addresses, as Docker publishes ports.
    Bun.listen({ hostname: '0.0.0.0', port, socket: { data() {} } }).stop(true)
    return true
  } catch {
    return false
  }
}
