import { type ServedList, Walks } from '../../core/proxies/walks.ts'
import type { Clock } from '../../lib/clock.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { ExpectedStreams } from '../facts/expected-streams.ts'

/**
 * How many choices of a client count that has never reported a stream or asked for an engine. A proxy reports within 25
 * seconds; a panel or a monitor may look much more often and never does.
 */
const UNPROVEN_MAX = 4

/** The most clients that are remembered, by their `User-Agent`. */
const AGENTS_MAX = 64

/**
 * Watches what proxies ask for, and notes which engine one will have chosen. A client is known by its `User-Agent`: all
 * copies of a proxy have the same, and nothing else needs to be told apart.
 */
export class ProxyWatch {
  readonly #walks: Walks
  /** What each client is known to be, the one that was heard of last at the end. */
  readonly #agents = new Map<string, 'proxy' | 'looker'>()

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly rows: FleetRows
      readonly expected: ExpectedStreams
      /** How many streams a proxy puts on one engine. */
      readonly perEngineMax: number
    },
  ) {
    this.#walks = new Walks(deps.perEngineMax)
  }

  /** Notes that a list of engines was served to a client. */
  served(list: ServedList, agent: string): void {
    if (this.#agents.get(agent) !== 'looker') this.#walks.served(list, this.deps.clock.now())
  }

  /** Notes that a client asked for the started streams of one container, and how many it was told of. */
  asked(containerId: string, started: number, agent: string): void {
    const { clock, rows, expected } = this.deps
    if (this.#agents.get(agent) === 'looker') return
    const chosen = this.#walks.asked(containerId, started, clock.now())
    if (chosen === null || !rows.read().engines.some(({ id }) => id === chosen.engineId)) return
    if (this.#agents.get(agent) === 'proxy' || expected.countOf(agent) < UNPROVEN_MAX)
      expected.chosen(chosen.engineId, agent)
    else this.#isLooker(agent)
  }

  /** Notes that a client reported a stream or asked for an engine, as proxies do. */
  heard(agent: string): void {
    this.#know(agent, 'proxy')
  }

  #isLooker(agent: string): void {
    this.#know(agent, 'looker')
    this.deps.expected.forget(agent)
  }

  #know(agent: string, as: 'proxy' | 'looker'): void {
    this.#agents.delete(agent)
    this.#agents.set(agent, as)
    const [oldest] = this.#agents.keys()
    if (this.#agents.size > AGENTS_MAX && oldest !== undefined) this.#agents.delete(oldest)
  }
}
