import { freePort, type PortRange, rangeText } from '../core/ports.ts'
import { leasesIn } from '../store/leases.ts'
import type { Db } from '../store/store.ts'

export const HOST_SCOPE = 'host'

/** For how long a port that the host refused is left alone. */
const QUARANTINE_MS = 60_000

export interface PortRanges {
  readonly host: PortRange
  readonly https: PortRange
}

/**
 * Chooses ports: free is what no engine leases and the host did not just refuse. The leases are in the store; that a
 * stranger holds a port is a passing fact about the outside, so it is kept in memory.
 */
export class PortBook {
  readonly #refusedUntil = new Map<string, number>()

  constructor(readonly ranges: PortRanges) {}

  /** A free port of the range in the scope, or null. `start` moves the search on, so that ports are not reused at once. */
  free(db: Db, scope: string, range: PortRange, start: number, nowMs: number): number | null {
    const leased = new Set(leasesIn(db, scope).map(({ port }) => port))
    return freePort(range, (port) => leased.has(port) || this.#isRefused(scope, port, nowMs), start)
  }

  /** Null when a new engine could have a port (this one, if the caller names one); else what is taken. */
  taken(db: Db, hostPort: number | null, nowMs: number): string | null {
    if (hostPort === null) {
      const isFree = this.free(db, HOST_SCOPE, this.ranges.host, 0, nowMs) !== null
      return isFree ? null : `all ports of PORT_RANGE_HOST ${rangeText(this.ranges.host)} are taken`
    }
    const isLeased = leasesIn(db, HOST_SCOPE).some(({ port }) => port === hostPort)
    return isLeased ? `host_port ${hostPort} is held by another engine` : null
  }

  refuse(scope: string, port: number, nowMs: number): void {
    this.#refusedUntil.set(`${scope}:${port}`, nowMs + QUARANTINE_MS)
  }

  #isRefused(scope: string, port: number, nowMs: number): boolean {
    const key = `${scope}:${port}`
    const until = this.#refusedUntil.get(key)
    if (until !== undefined && until <= nowMs) this.#refusedUntil.delete(key)
    return until !== undefined && until > nowMs
  }
}
