import { type ServedList, Walks } from '../../core/proxies/walks.ts'
import type { Clock } from '../../lib/clock.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { ExpectedStreams } from '../facts/expected-streams.ts'

/** The `User-Agent` of acexy, which sets none: that of Go's HTTP client. Source: recorded traffic of nine versions. */
const ACEXY = /^Go-http-client\//

/**
 * How many choices of any other client count that has never reported a stream or asked for an engine. A proxy reports within
 * 25 seconds; a panel or a monitor may look much more often and never does.
 */
const UNPROVEN_MAX = 4

/** The most clients that are remembered, by their `User-Agent`. */
const AGENTS_MAX = 64

/** What is known of the clients with one `User-Agent`. */
interface Client {
  kind: 'unproven' | 'proxy' | 'looker'
  readonly walks: Walks
}

/**
 * Watches what proxies ask for, and notes which engine one will have chosen. Clients are told apart by their `User-Agent`:
 * all copies of a proxy have the same, and what a panel or a monitor is shown says nothing about the list of a proxy.
 */
export class ProxyWatch {
  /** By `User-Agent`, the client that was heard of last at the end. */
  readonly #clients = new Map<string, Client>()

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly rows: FleetRows
      readonly expected: ExpectedStreams
      /** How many streams a proxy puts on one engine. */
      readonly perEngineMax: number
    },
  ) {}

  /** Notes that a list of engines was served to a client. */
  served(list: ServedList, agent: string): void {
    const { kind, walks } = this.#client(agent)
    if (kind !== 'looker') walks.served(list, this.deps.clock.now())
  }

  /** Notes that a client asked for the started streams of one container, and how many it was told of. */
  asked(containerId: string, started: number, agent: string): void {
    const { clock, rows, expected } = this.deps
    const client = this.#client(agent)
    if (client.kind === 'looker') return
    const chosen = client.walks.asked(containerId, started, clock.now())
    const engine = chosen && rows.read().engines.find(({ id }) => id === chosen.engineId)
    if (!engine) return
    const isProxy = client.kind === 'proxy'
    if (isProxy || expected.countOf(agent) < UNPROVEN_MAX) {
      expected.chosen(engine, { agent, isProxy })
    } else {
      client.kind = 'looker'
      expected.forget(agent)
    }
  }

  /** Notes that a client reported a stream or asked for an engine, as proxies do. */
  heard(agent: string): void {
    this.#client(agent).kind = 'proxy'
  }

  #client(agent: string): Client {
    const walks = () => new Walks(this.deps.perEngineMax)
    const client = this.#clients.get(agent) ?? {
      kind: ACEXY.test(agent) ? 'proxy' : 'unproven',
      walks: walks(),
    }
    this.#clients.delete(agent)
    this.#clients.set(agent, client)
    const [oldest] = this.#clients.keys()
    if (this.#clients.size > AGENTS_MAX && oldest !== undefined) this.#clients.delete(oldest)
    return client
  }
}
