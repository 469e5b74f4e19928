import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'

/** A request that was not let in, whatever its key. */
interface TurnedAwayRequest {
  readonly code: string
  readonly message: string
  readonly method: string
}

/** Anybody can send as many as he likes. */
const TOLD_AGAIN_MS = 60_000

/** What somebody may have meant in earnest: a name that is not set yet, a page behind a proxy that changes the Host. */
const WORTH_TELLING = new Set(['host_not_allowed', 'cross_site'])

/** Tells of requests that were turned away at the doors: one line a minute at most, and all in the debug log. */
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
