import { freePort, type PortRange } from '../../core/engines/ports.ts'
import { leasesIn } from '../../store/leases.ts'
import type { Db } from '../../store/store.ts'

/** How long a port that the host refused is left alone. */
const QUARANTINE_MS = 60_000

/** `api` is for engines that share a node's network. */
export interface PortRanges {
  readonly host: PortRange
  readonly https: PortRange
  readonly api: PortRange
  readonly p2p: PortRange
}

/**
 * Chooses ports. A port is free if no engine leases it and the host did not just refuse it. The leases are in the store. A
 * refusal by the host is only temporary, so it is kept in memory.
 */
export class PortBook {
  readonly #refusedUntil = new Map<string, number>()

  constructor(readonly ranges: PortRanges) {}

  /**
   * A port of the range that is free in the scope and not in `except`; null if there is none. `start` moves the beginning of
   * the search, so that ports are not reused at once.
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

  /** Whether an engine leases the port in the scope. */
  isLeased(db: Db, scope: string, port: number): boolean {
    return leasesIn(db, scope).some((lease) => lease.port === port)
  }

  /** Notes that the host refused the port, which is then left alone for a while. */
  refuse(scope: string, port: number, nowMs: number): void {
    // Refusals that are over are dropped here, since their ports may never be asked for again.
    for (const [key, untilMs] of this.#refusedUntil) if (untilMs <= nowMs) this.#refusedUntil.delete(key)
    this.#refusedUntil.set(keyOf(scope, port), nowMs + QUARANTINE_MS)
  }

  #isRefused(scope: string, port: number, nowMs: number): boolean {
    return (this.#refusedUntil.get(keyOf(scope, port)) ?? 0) > nowMs
  }
}

const keyOf = (scope: string, port: number): string => `${scope}:${port}`
