/**
 * The range is below the ports that Linux uses for outgoing connections (32768 and up), so that no connection can take one
 * meanwhile. The first search begins by chance, so that two test runs on one host seldom find the same.
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

/** Where the next search begins. */
let next = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1))

/** Finds a port on which nobody listens now, and which no other call gets soon. */
export const freePort = (): number => freePortRange(1).first

/**
 * Finds this many consecutive ports on which nobody listens now. Nobody may listen there for a while yet, so each search goes
 * on behind what was found last, and begins anew at the end. Throws if there is no such range.
 */
export function freePortRange(size: number): PortRange {
  const all = LAST - FIRST + 1
  for (let left = size > all ? 0 : all + size; left > 0; ) {
    const first = next + size - 1 > LAST ? FIRST : next
    const busy = lastBusyOf(first, size)
    next = (busy ?? first + size - 1) + 1
    if (busy === null) return { first, last: first + size - 1 }
    left -= next - first
  }
  throw new Error(`no ${size} free ports in a row from ${FIRST} to ${LAST}`)
}

function lastBusyOf(first: number, size: number): number | null {
  for (let port = first + size - 1; port >= first; port--) if (!isFree(port)) return port
  return null
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
