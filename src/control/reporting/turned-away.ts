import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'

/** A request that was refused regardless of its key. */
interface TurnedAwayRequest {
  readonly code: string
  readonly message: string
  readonly method: string
}

/** The shortest time between two warnings in the log. Anybody can send any number of such requests. */
const TOLD_AGAIN_MS = 60_000

/**
 * Refusals that a legitimate user may cause: a host name that is not configured yet, or a proxy that changes the `Host`
 * header.
 */
const WORTH_TELLING = new Set(['host_not_allowed', 'cross_site'])

/** Logs requests that were turned away at the entrance: at most one per minute as a warning, the others at debug level. */
export class TurnedAway {
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(private readonly deps: { readonly clock: Clock; readonly log: Log }) {}

  tell({ code, message, method }: TurnedAwayRequest): void {
    const { clock, log } = this.deps
    const now = clock.now()
    const isTold = WORTH_TELLING.has(code) && now - this.#toldMs >= TOLD_AGAIN_MS
    if (isTold) this.#toldMs = now
    log[isTold ? 'warn' : 'debug']({ code, method }, `a request was turned away: ${message}`)
  }
}
