import type { Clock } from '../../src/lib/clock.ts'
import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { Books, JournalBook } from './books.ts'
import { isOfOthers } from './owners.ts'
import { GENERIC_LABEL, LABEL } from './scenario.ts'
import type { Server } from './server.ts'
import type { SimHost } from './sim-host.ts'
import { short } from './trace.ts'

/** An engine of `GET /engines`, as far as this reads it. */
interface ListedRow {
  readonly container_id: string | null
  readonly container_name: string
}

/** A node of `GET /vpn/status`, as far as this reads it. */
interface LookedAt {
  readonly last_check: string | null
}

/**
 * How long a container with a network of its own may run on under `VPN_STRICT` while Docker answers: calls that run into their
 * deadlines, their back-offs, and a full pass after a gap.
 */
const STOP_WITHIN_MS = 120_000

export interface OutsideChecksDeps {
  readonly clock: Clock
  readonly host: SimHost
  readonly books: Books
  readonly server: () => Server
  /** When the outage of Docker began that is going on, or has just ended; null without one. */
  readonly outageSinceMs: () => number | null
  readonly onViolation: (text: string) => void
}

/** Promise 6: with a VPN configured, no proxy is told of an engine outside it; and none runs on alone where that is a must. */
export class OutsideChecks {
  /** Since when each container has run outside in spite of `VPN_STRICT`, with nothing in the way of its stop. */
  #aloneSince = new Map<string, number>()

  constructor(private readonly deps: OutsideChecksDeps) {}

  /** How a container is outside the VPN of the configuration in force, by what is true on the host. */
  of(containerId: string | null): 'own_network' | 'other_network' | null {
    const nodes = this.#nodes()
    const seen = this.deps.host.runtime.containers().find(({ id }) => id === containerId)
    if (nodes.length === 0 || seen === undefined) return null
    if (seen.joins === null) return 'own_network'
    const owner = this.deps.host.nodes.ownerOf(seen.joins)
    return owner !== undefined && nodes.includes(owner.name) ? null : 'other_network'
  }

  /** Whether the configuration in force has a node of this name. */
  isNode(name: string): boolean {
    return this.#nodes().includes(name)
  }

  /** Whether it is to be stopped, whoever watches. */
  isForbidden(containerId: string | null): boolean {
    return this.#isStrict() && this.of(containerId) === 'own_network'
  }

  /** Whether it may be called outside: also one that has just been removed, of which nothing is known any more. */
  mayBeOutside(containerId: string): boolean {
    const isGone = !this.deps.host.runtime.containers().some(({ id }) => id === containerId)
    return this.#nodes().length > 0 && (isGone || this.of(containerId) !== null)
  }

  /** A proxy was told of an engine; whose network another has joined is known only once all nodes were looked at. */
  told(rows: readonly ListedRow[], nodes: readonly LookedAt[]): void {
    const areKnown = nodes.every((node) => node.last_check !== null)
    for (const { container_id: id, container_name: name } of rows) {
      const outside = this.of(id)
      if (outside === 'own_network' || (outside === 'other_network' && areKnown))
        this.deps.onViolation(`${name} is listed and is outside the VPN: ${outside}`)
    }
  }

  /** An engine was given to a caller. */
  given(containerId: string): void {
    if (this.of(containerId) === 'own_network')
      this.deps.onViolation(`${short(containerId)} was given to a caller and is outside the VPN`)
  }

  /** An entry of the journal, before anything else has happened: nothing is started again where it must not be. */
  note({ kind, engine_id: id }: JournalBook): void {
    const { books, onViolation } = this.deps
    if (kind !== 'engine.revived' || id === null) return
    const engine = books.byId(id)
    if (this.of(engine?.container_id ?? null) === 'own_network')
      onViolation(`${engine?.name} was started again outside the VPN`)
  }

  /** Looks for containers that run on alone; to be called every few seconds. */
  look(): void {
    const { clock, onViolation } = this.deps
    const since = new Map<string, number>()
    for (const { id, name } of this.#forbidden()) {
      const sinceMs = this.#aloneSince.get(id) ?? clock.now()
      since.set(id, sinceMs)
      if (clock.now() - sinceMs > STOP_WITHIN_MS) onViolation(`${name} runs on outside the VPN`)
    }
    this.#aloneSince = since
  }

  /** None while nobody could stop them. */
  #forbidden(): readonly ContainerObservation[] {
    const { host, books, outageSinceMs } = this.deps
    if (outageSinceMs() !== null || !this.#isStrict()) return []
    return host.runtime
      .containers()
      .filter((each) => isEngine(each) && isUp(each) && each.joins === null && !isOfOthers(each, books))
  }

  #nodes(): readonly string[] {
    return this.deps.server().running?.config.GLUETUN_CONTAINER_NAME ?? []
  }

  #isStrict(): boolean {
    const config = this.deps.server().running?.config
    return config?.VPN_STRICT === true && config.GLUETUN_CONTAINER_NAME.length > 0
  }
}

const isEngine = ({ labels }: ContainerObservation): boolean =>
  labels[LABEL.key] === LABEL.value && labels[GENERIC_LABEL] === undefined

const isUp = ({ state }: ContainerObservation): boolean =>
  state === 'running' || state === 'paused' || state === 'restarting'
