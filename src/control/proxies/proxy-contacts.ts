import type { ProxyContainer } from '../../core/proxies/proxy-container.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Warnings } from '../reporting/warnings.ts'

/** An address that a proxy has sent a request from. */
export interface Contact {
  readonly address: string
  readonly lastMs: number
  readonly place: Place
  /** Whether a stream of it has begun since it is in this place. */
  readonly hasPlayed: boolean
}

/** Where an address is, as far as the container engine was asked. `atMs`: when the container was last looked at. */
export type Place =
  | { readonly kind: 'unknown' }
  /** It is no container's: a program on the host, another machine, or whoever passed the request on. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'container'; readonly container: ProxyContainer; readonly atMs: number }

/** The most addresses that are remembered. */
const CONTACTS_MAX = 8

/** For how long an address is remembered of which nothing is heard. */
const REMEMBERED_MS = 3_600_000

/** acexy asks every 30 s: one of which so long nothing was heard is gone, or cannot reach us. */
export const SILENT_MS = 120_000

/** Remembers which proxies were heard, and from where. Kept in memory, and unknown after a restart. */
export class ProxyContacts {
  /** By address, the one that was heard last at the end. */
  readonly #contacts = new Map<string, Contact>()
  #heardMs: number | null = null
  #found = 0

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly warnings: Pick<Warnings, 'tell'>,
  ) {}

  /** Notes that a proxy sent a request. The address is null if the sender's own is not known. */
  heard(address: string | null): void {
    const lastMs = this.clock.now()
    this.#heardMs = lastMs
    this.warnings.tell('no_proxy_heard', null)
    if (address === null) return
    const plain = plainOf(address)
    const known = this.#contacts.get(plain)
    // Another container may have the address by now.
    const isNew = known === undefined || lastMs - known.lastMs >= REMEMBERED_MS
    if (isNew) this.#found++
    this.#contacts.delete(plain)
    this.#contacts.set(plain, isNew ? { address: plain, lastMs, ...NEW } : { ...known, lastMs })
    const [oldest] = this.#contacts.keys()
    if (this.#contacts.size > CONTACTS_MAX && oldest !== undefined) this.#contacts.delete(oldest)
  }

  /** Grows with everything that is shown; of a time that something was heard, only the second is. */
  version(): number {
    return this.#found + Math.floor((this.#heardMs ?? 0) / 1_000)
  }

  /** When a proxy last sent a request, in epoch milliseconds; null if none did since the start of this process. */
  lastHeardMs(): number | null {
    return this.#heardMs
  }

  /** The addresses that were heard within the last hour, the newest first. */
  all(): readonly Contact[] {
    const since = this.clock.now() - REMEMBERED_MS
    return [...this.#contacts.values()].filter(({ lastMs }) => lastMs > since).toReversed()
  }

  /** Those of them that still ask. */
  present(): readonly Contact[] {
    const since = this.clock.now() - SILENT_MS
    return this.all().filter(({ lastMs }) => lastMs > since)
  }

  /** Notes that a stream of a proxy has begun. Null stands for all addresses: nobody knows whose it is. */
  played(address: string | null): void {
    for (const [key, contact] of this.#contacts)
      if (address === null || plainOf(address) === key)
        this.#contacts.set(key, { ...contact, hasPlayed: true })
  }

  /** Notes where an address is. One that was forgotten meanwhile stays so. */
  found(address: string, place: Place): void {
    const known = this.#contacts.get(address)
    if (known === undefined) return
    this.#found++
    const hasMoved = known.place.kind === 'container' && keyOf(known.place) !== keyOf(place)
    this.#contacts.set(address, { ...known, place, hasPlayed: known.hasPlayed && !hasMoved })
  }
}

const NEW = { place: { kind: 'unknown' }, hasPlayed: false } as const

const keyOf = (place: Place): string =>
  place.kind === 'container' ? [place.container.id, ...place.container.networks.toSorted()].join(' ') : ''

const plainOf = (address: string): string => address.replace(MAPPED, '')

/** An IPv4 address as a socket for both kinds of addresses gives it. */
const MAPPED = /^::ffff:(?=\d+\.)/i
