import type { Clock } from '../../src/lib/clock.ts'
import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { Books, JournalBook } from './books.ts'
import { isOfOthers } from './owners.ts'
import { GENERIC_LABEL, LABEL } from './scenario.ts'
import type { Server } from './server.ts'
import type { SimHost } from './sim-host.ts'
import { short } from './trace.ts'

/** An engine of `GET /engines`, with the members that this file reads. */
interface ListedRow {
  readonly container_id: string | null
  readonly container_name: string
}

/** A node of `GET /vpn/status`, with the members that this file reads. */
interface LookedAt {
  readonly last_check: string | null
}

/**
 * How long a container with a network of its own may run under `VPN_STRICT` while Docker answers: calls that run into their
 * deadlines, their back-offs, and a full pass after a gap.
 */
const STOP_WITHIN_MS = 120_000

export interface OutsideChecksDeps {
  readonly clock: Clock
  readonly host: SimHost
  readonly books: Books
  readonly server: () => Server
  /** When the present outage of Docker, or one that has just ended, began. Null without one. */
  readonly outageSinceMs: () => number | null
  readonly onViolation: (text: string) => void
}

/**
 * Checks promise 6: with a VPN configured, no proxy is given an engine outside it. Under `VPN_STRICT`, no container may keep
 * running with a network of its own.
 */
export class OutsideChecks {
  /** Since when each container has run outside the VPN under `VPN_STRICT`, with nothing that prevents its stop. */
  #aloneSince = new Map<string, number>()

  constructor(private readonly deps: OutsideChecksDeps) {}

  /** How a container is outside the configured VPN, according to the state of the host. Null if it is not outside. */
  of(containerId: string | null): 'own_network' | 'other_network' | null {
    const nodes = this.#nodes()
    const seen = this.deps.host.runtime.containers().find(({ id }) => id === containerId)
    if (nodes.length === 0 || seen === undefined) return null
    if (seen.joins === null) return 'own_network'
    const owner = this.deps.host.nodes.ownerOf(seen.joins)
    return owner !== undefined && nodes.includes(owner.name) ? null : 'other_network'
  }

  /** Whether the present configuration has a node with this name. */
  isNode(name: string): boolean {
    return this.#nodes().includes(name)
  }

  /** Whether a container must be stopped, even with viewers. */
  isForbidden(containerId: string | null): boolean {
    return this.#isStrict() && this.of(containerId) === 'own_network'
  }

  /**
   * Whether the orchestrator may report a container as outside the VPN. This includes a container that was just removed,
   * about which nothing is known any more.
   */
  mayBeOutside(containerId: string): boolean {
    const isGone = !this.deps.host.runtime.containers().some(({ id }) => id === containerId)
    return this.#nodes().length > 0 && (isGone || this.of(containerId) !== null)
  }

  /**
   * Checks engines that were listed to a proxy. Which node owns a joined network is known only after all nodes were
   * inspected.
   */
  told(rows: readonly ListedRow[], nodes: readonly LookedAt[]): void {
    const areKnown = nodes.every((node) => node.last_check !== null)
    for (const { container_id: id, container_name: name } of rows) {
      const outside = this.of(id)
      if (outside === 'own_network' || (outside === 'other_network' && areKnown))
        this.deps.onViolation(`${name} is listed and is outside the VPN: ${outside}`)
    }
  }

  /** Checks an engine that was given to a caller. */
  given(containerId: string): void {
    if (this.of(containerId) === 'own_network')
      this.deps.onViolation(`${short(containerId)} was given to a caller and is outside the VPN`)
  }

  /** Checks a journal entry before anything else happens: an engine outside the VPN must not be started again. */
  note({ kind, engine_id: id }: JournalBook): void {
    const { books, onViolation } = this.deps
    if (kind !== 'engine.revived' || id === null) return
    const engine = books.byId(id)
    if (this.of(engine?.container_id ?? null) === 'own_network')
      onViolation(`${engine?.name} was started again outside the VPN`)
  }

  /** Looks for containers that keep running outside the VPN. Call this every few seconds. */
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

  /** The containers that must be stopped. None while Docker is away, because nobody could stop them. */
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
