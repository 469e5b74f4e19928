import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import type { Warnings } from './warnings.ts'

/** A stream event that was refused because its key was missing or wrong. */
export interface RefusedEvent {
  readonly status: 401 | 403
  readonly path: string
  /** The address that the event came from; null if it is not known. */
  readonly caller: string | null
}

/** How long the log does not name the same address again. */
const TOLD_AGAIN_MS = 60_000

/** The most addresses that the log names in this time. Events from further addresses are only counted. */
const CALLERS_MAX = 100

/** The warning ends when no event was refused for this time. */
const OVER_MS = 300_000

const WHY = { 401: 'no key', 403: 'wrong key' } as const

/**
 * Reports refused stream events. The proxy plays on, but its streams are not in the database, so their engines look idle.
 * Writes one log line per address and minute, counts each event, and keeps a warning until five minutes after the last
 * event.
 */
export class RefusedEvents {
  readonly #toldMs = new Map<string, number>()
  readonly #why = new Set<string>()
  #lastMs = 0

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly log: Log
      readonly warnings: Warnings
      readonly count: (status: RefusedEvent['status']) => void
      readonly onError: OnError
    },
  ) {}

  refused({ status, path, caller }: RefusedEvent): void {
    const { clock, log, count } = this.deps
    const from = caller ?? 'an address that is not known'
    count(status)
    if (this.#isToldNow(from))
      log.warn(
        { status, from: caller },
        `${status} for POST ${path} from ${from}: ${WHY[status]}; its streams are not booked`,
      )
    if (this.#why.size === 0) this.#endAfter(OVER_MS)
    this.#lastMs = clock.now()
    this.#why.add(WHY[status])
    this.#warn()
  }

  #isToldNow(caller: string): boolean {
    const now = this.deps.clock.now()
    for (const [known, atMs] of this.#toldMs) if (now - atMs >= TOLD_AGAIN_MS) this.#toldMs.delete(known)
    if (this.#toldMs.has(caller) || this.#toldMs.size >= CALLERS_MAX) return false
    this.#toldMs.set(caller, now)
    return true
  }

  #endAfter(ms: number): void {
    const { clock, onError } = this.deps
    clock.after(
      ms,
      guarded(() => this.#end(), onError),
    )
  }

  #end(): void {
    const leftMs = this.#lastMs + OVER_MS - this.deps.clock.now()
    if (leftMs > 0) {
      this.#endAfter(leftMs)
      return
    }
    this.#why.clear()
    this.#warn()
  }

  #warn(): void {
    const why = [...this.#why].toSorted().join(', ')
    const message = `events of streams are refused (${why}), so that these streams are not booked: their engines look idle, and other viewers may be sent to them`
    this.deps.warnings.tell('events_refused', why === '' ? null : { message, remedy: REMEDY })
  }
}

const REMEDY =
  'give the proxy the API_KEY of Roundhouse (acexy: ACEXY_ORCH_APIKEY); the log names the addresses that they come from'
