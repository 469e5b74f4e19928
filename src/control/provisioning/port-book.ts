import { freePort, type PortRange } from '../../core/engines/ports.ts'
import { leasesIn } from '../../store/leases.ts'
import type { Db } from '../../store/store.ts'

/** For how long a port that the host refused is left alone. */
const QUARANTINE_MS = 60_000

/** `api` and `p2p` are for engines that share the network of a VPN node. */
export interface PortRanges {
  readonly host: PortRange
  readonly https: PortRange
  readonly api: PortRange
  readonly p2p: PortRange
}

/**
 * Chooses ports: free is what no engine leases and the host did not just refuse. The leases are in the store; that a
 * stranger holds a port is a passing fact about the outside, so it is kept in memory.
 */
export class PortBook {
  readonly #refusedUntil = new Map<string, number>()

  constructor(readonly ranges: PortRanges) {}

  /**
   * A free port of the range in the scope and none of `except`, or null. `start` moves the search on, so that ports are not
   * reused at once.
   */
  free(
    db: Db,
    scope: string,
    range: PortRange,
    start: number,
    nowMs: number,
    except: readonly number[] = [],
  ): number | null {
    const leased = new Set(leasesIn(db, scope).map(({ port }) => port))
    const isTaken = (port: number): boolean =>
      except.includes(port) || leased.has(port) || this.#isRefused(scope, port, nowMs)
    return freePort(range, isTaken, start)
  }

  /** Whether an engine holds the port in the scope. */
  isLeased(db: Db, scope: string, port: number): boolean {
    return leasesIn(db, scope).some((lease) => lease.port === port)
  }

  /** The host refused the port: it is left alone for a while. */
  refuse(scope: string, port: number, nowMs: number): void {
    // Nobody may ask for some of them again.
    for (const [key, untilMs] of this.#refusedUntil) if (untilMs <= nowMs) this.#refusedUntil.delete(key)
    this.#refusedUntil.set(keyOf(scope, port), nowMs + QUARANTINE_MS)
  }

  #isRefused(scope: string, port: number, nowMs: number): boolean {
    return (this.#refusedUntil.get(keyOf(scope, port)) ?? 0) > nowMs
  }
}

const keyOf = (scope: string, port: number): string => `${scope}:${port}`
