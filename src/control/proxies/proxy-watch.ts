import { type ServedList, Walks } from '../../core/proxies/walks.ts'
import type { Engine } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { ExpectedStreams } from '../facts/expected-streams.ts'
import type { Caller } from '../reporting/caller.ts'
import type { ProxyContacts } from './proxy-contacts.ts'

/** The `User-Agent` of acexy, which sets none: that of Go's HTTP client. Source: recorded traffic of nine versions. */
const ACEXY = /^Go-http-client\//

/** The most kinds of clients that are remembered. */
const AGENTS_MAX = 64

/** What is known of the clients with one `User-Agent`. */
interface Client {
  readonly agent: string
  isProxy: boolean
  /** How many lists they were served. */
  turn: number
  readonly walks: Walks
}

/**
 * Watches what proxies ask for, and notes which engine one will have chosen. A proxy is acexy, or a client that has reported
 * a stream; whoever only looks counts for nothing. Clients are told apart by their `User-Agent`: all copies of a proxy have
 * the same, and what a panel is shown says nothing about the list of a proxy.
 */
export class ProxyWatch {
  /** By `User-Agent`, the client that was heard of last at the end. */
  readonly #clients = new Map<string, Client>()
  #latest: Client | null = null

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly rows: FleetRows
      readonly expected: ExpectedStreams
      readonly contacts: Pick<ProxyContacts, 'heard' | 'played'>
      /** Learns of each choice, and that it is to tell what it knows. */
      readonly reach: { goesTo(engine: Engine): void; tell(): void }
      /** How many streams a proxy puts on one engine. */
      readonly perEngineMax: number
    },
  ) {}

  /** Counts the lists of a client, from 0. Each has its own turns, so that who only looks turns nothing for a proxy. */
  nextTurn(agent: string): number {
    return this.#client(agent).turn++
  }

  /** Notes that a list of engines was served to a client. */
  served(list: ServedList, agent: string): void {
    const { isProxy, walks } = this.#client(agent)
    if (isProxy) walks.served(list, this.deps.clock.now())
  }

  /** Notes that a client asked for the started streams of one container, and how many it was told of. */
  asked(containerId: string, started: number, agent: string): void {
    const { clock, rows, expected, reach } = this.deps
    const { isProxy, walks } = this.#client(agent)
    if (!isProxy) return
    const chosen = walks.asked(containerId, started, clock.now())
    const engine = chosen && rows.read().engines.find(({ id }) => id === chosen.engineId)
    if (engine) {
      expected.chosen(engine)
      reach.goesTo(engine)
    }
  }

  /** Notes that a client reported a stream, as proxies do. */
  heard(caller: Caller): void {
    this.#client(caller.agent).isProxy = true
    this.noteContact(caller)
  }

  /** Notes that a stream began on one of our engines, as this client reported. */
  played({ address, isForwarded }: Caller): void {
    const { contacts, reach } = this.deps
    contacts.played(isForwarded ? null : address)
    reach.tell()
  }

  /** Notes a request of a client, whatever it is about. */
  noteContact(caller: Caller): void {
    const isProxy = this.#clients.get(caller.agent)?.isProxy ?? ACEXY.test(caller.agent)
    if (isProxy) this.deps.contacts.heard(caller.isForwarded ? null : caller.address)
  }

  #client(agent: string): Client {
    // The client that was heard of last is at the end already.
    if (this.#latest?.agent === agent) return this.#latest
    const walks = () => new Walks(this.deps.perEngineMax)
    const client = this.#clients.get(agent) ?? { agent, isProxy: ACEXY.test(agent), turn: 0, walks: walks() }
    this.#latest = client
    this.#clients.delete(agent)
    this.#clients.set(agent, client)
    const [oldest] = this.#clients.keys()
    if (this.#clients.size > AGENTS_MAX && oldest !== undefined) this.#clients.delete(oldest)
    return client
  }
}
