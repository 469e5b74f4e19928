import { isLoopback } from '../../core/host-port.ts'
import type { ProxyContainer } from '../../core/proxies/proxy-container.ts'
import type { Clock } from '../../lib/clock.ts'
import {
  type ContainerObservation,
  type Neighbours,
  type Runtime,
  RuntimeFailure,
} from '../../runtime/runtime.ts'
import type { Place, ProxyContacts } from './proxy-contacts.ts'

/** How often a known container is looked at again: somebody may join it to a network, as a remedy says. */
const AGAIN_MS = 10_000

/**
 * Finds out from which containers proxies ask. Docker lists its containers only for an address that is not known yet, once in
 * a round at most; a container that was found is only inspected again.
 */
export class ProxyPlaces {
  constructor(
    private readonly deps: {
      readonly clock: Pick<Clock, 'now'>
      readonly runtime: Pick<Runtime, 'inspect'>
      readonly neighbours: Pick<Neighbours, 'containerAt'>
      readonly contacts: Pick<ProxyContacts, 'present' | 'found'>
      /** Whether addresses that we see are those of this Docker's host: another one has other containers at them. */
      readonly isOurDocker: () => boolean
    },
  ) {}

  /** One round. What Docker does not tell stays as it was. */
  async look(signal: AbortSignal): Promise<void> {
    try {
      await this.#lookAgain(signal)
      await this.#find(signal)
    } catch (error) {
      // Whoever watches Docker tells why it does not answer.
      if (!(error instanceof RuntimeFailure)) throw error
    }
  }

  async #lookAgain(signal: AbortSignal): Promise<void> {
    const { clock, contacts } = this.deps
    for (const { address, place } of contacts.present()) {
      if (place.kind !== 'container' || clock.now() - place.atMs < AGAIN_MS) continue
      const seen = await this.#seen(place.container, signal)
      contacts.found(address, seen !== null && isAt(seen, address) ? this.#at(seen) : { kind: 'unknown' })
    }
  }

  /** The container as it is now; null if it is gone. */
  async #seen({ id }: ProxyContainer, signal: AbortSignal): Promise<ContainerObservation | null> {
    try {
      return await this.deps.runtime.inspect(id, signal)
    } catch (error) {
      if (error instanceof RuntimeFailure && error.code === 'not_found') return null
      throw error
    }
  }

  async #find(signal: AbortSignal): Promise<void> {
    const { neighbours, contacts, isOurDocker } = this.deps
    const unknown = contacts.present().filter(({ place }) => place.kind === 'unknown')
    for (const { address } of unknown.filter((each) => isLoopback(each.address)))
      contacts.found(address, { kind: 'elsewhere' })
    const next = unknown.find(({ address }) => !isLoopback(address))
    if (next === undefined || !isOurDocker()) return
    const found = await neighbours.containerAt(next.address, signal)
    contacts.found(next.address, found === null ? { kind: 'elsewhere' } : this.#at(found))
  }

  #at({ id, name, networks }: ContainerObservation): Place {
    const container: ProxyContainer = { id, name, networks }
    return { kind: 'container', container, atMs: this.deps.clock.now() }
  }
}

/** Whether a container still has the address. An inspection tells no IPv6 address of a network that has IPv4 as well. */
const isAt = ({ state, addresses }: ContainerObservation, address: string): boolean =>
  (state === 'running' || state === 'paused') && (addresses.includes(address) || address.includes(':'))
