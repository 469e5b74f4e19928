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

/** A refusal counts for this time, unless an event of the same address is accepted sooner. */
const OVER_MS = 300_000

interface Refusal {
  readonly why: string
  readonly atMs: number
}

const WHY = { 401: 'no key', 403: 'wrong key' } as const

/**
 * Reports refused stream events. The proxy plays on, but its streams are not in the database, so their engines look idle.
 * Writes one log line per address and minute, counts each event, and keeps a warning until five minutes after the last
 * event, or until an event of each of these addresses was accepted.
 */
export class RefusedEvents {
  readonly #toldMs = new Map<string, number>()
  /** The last refusal of each address. */
  readonly #refusals = new Map<string, Refusal>()
  #isTimed = false

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
    const isNamed = this.#refusals.has(from) || this.#refusals.size < CALLERS_MAX
    this.#refusals.set(isNamed ? from : 'others', { why: WHY[status], atMs: clock.now() })
    if (!this.#isTimed) this.#endAfter(OVER_MS)
    this.#warn()
  }

  /** Notes that an event was accepted from this address: it has the right key by now. */
  accepted(caller: string | null): void {
    if (caller !== null && this.#refusals.delete(caller)) this.#warn()
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
    this.#isTimed = true
    clock.after(
      ms,
      guarded(() => this.#end(), onError),
    )
  }

  #end(): void {
    this.#isTimed = false
    const overMs = this.deps.clock.now() - OVER_MS
    for (const [from, { atMs }] of this.#refusals) if (atMs <= overMs) this.#refusals.delete(from)
    const left = [...this.#refusals.values()].map(({ atMs }) => atMs)
    if (left.length > 0) this.#endAfter(Math.min(...left) - overMs)
    this.#warn()
  }

  #warn(): void {
    const why = [...new Set([...this.#refusals.values()].map((each) => each.why))].toSorted().join(', ')
    const message = `events of streams are refused (${why}), so that these streams are not booked: their engines look idle, and other viewers may be sent to them`
    this.deps.warnings.tell('events_refused', why === '' ? null : { message, remedy: REMEDY })
  }
}

const REMEDY =
  'give the proxy the API_KEY of Roundhouse (acexy: ACEXY_ORCH_APIKEY); the log names the addresses that they come from'
