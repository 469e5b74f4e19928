import { HOST_SCOPE, NOT_FOR_PEERS, neededBesides, rangeText } from '../../core/engines/ports.ts'
import { type Constraint, meets } from '../../core/hosts/constraints.ts'
import { type HostPlace, type HostWish, hostFor, isCalled, whyNoHost } from '../../core/hosts/placement.ts'
import type { Engine, EngineHost, EngineRequest } from '../../core/types.ts'
import type { HostObservation } from '../../runtime/runtime.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Db } from '../../store/store.ts'
import { startedByEngine } from '../../store/streams.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { PortBook } from './port-book.ts'

export interface HostPlacesSettings {
  readonly constraints: readonly Constraint[]
  /** The most engines on one host; null for no limit. */
  readonly maxEngines: number | null
  /**
   * Whether a port is published on the engine's own host (`host`), or on all hosts, which pass connections on (`ingress`).
   * Each port is unique there.
   */
  readonly publish: 'host' | 'ingress'
  /** The host, by id or name, of the engines that callers ask for; null for any. */
  readonly callersHost: string | null
}

/** Where an engine goes among several hosts. */
interface HostChoice {
  readonly host: EngineHost
  readonly scope: string
}

/** How an engine is asked for. */
export interface Asking {
  readonly request: EngineRequest
  /** Whether Roundhouse starts it by itself, and not for a caller. */
  readonly isOwn: boolean
}

/** Chooses among the hosts of a container engine that has several. */
export class HostPlaces {
  constructor(
    private readonly deps: {
      readonly ports: PortBook
      readonly hosts: Pick<HostFacts, 'all'>
      readonly settings: HostPlacesSettings
    },
  ) {}

  /** The host for another engine, the preferred one if that is possible; null if there is none. */
  place(db: Db, asking: Asking, preferred: string | null, nowMs: number): HostChoice | null {
    const chosen = hostFor(this.#candidates(db, asking, nowMs), this.#wish(asking, preferred))
    if (chosen === null) return null
    const { id, name, address } = chosen
    return { host: { id, name, address }, scope: this.scopeOf(id) }
  }

  /** The scope in which the ports of an engine on this host are unique. */
  scopeOf(hostId: string): string {
    return this.deps.settings.publish === 'ingress' ? HOST_SCOPE : hostId
  }

  /** Whether engines may still be put on the host of this engine. */
  isPlace({ host }: Pick<Engine, 'host'>): boolean {
    const now = this.deps.hosts.all()?.find(({ id }) => id === host?.id)
    return now?.isUp === true && now.availability === 'active'
  }

  /** Whether callers reach the engine where they look for one that they have just been given. */
  isForCallers({ host }: Pick<Engine, 'host'>): boolean {
    const { callersHost } = this.deps.settings
    return callersHost === null || (host !== null && isCalled(host, callersHost))
  }

  /** Why no host takes another engine, whatever its ports; null if one does. */
  missing(db: Db, asking: Asking, nowMs: number): string | null {
    if (this.deps.hosts.all() === null) return 'nobody has seen its nodes yet'
    const places = this.#candidates(db, asking, nowMs).map((place) => ({ ...place, hasPort: true }))
    return whyNoHost(places, this.#wish(asking, null))
  }

  /** Why no port is free although a host would take an engine; null if one is. */
  taken(db: Db, asking: Asking, nowMs: number): string | null {
    const places = this.#candidates(db, asking, nowMs)
    if (places.length === 0 || hostFor(places, this.#wish(asking, null)) !== null) return null
    const { hostPort } = asking.request
    if (hostPort !== null)
      return `host_port ${hostPort} is held by another engine, or needed for another port, on every node that would do`
    const { host, p2p } = this.deps.ports.ranges
    const ranges = `PORT_RANGE_HOST ${rangeText(host)} or of ACE_P2P_RANGE ${rangeText(p2p)}`
    return `all ports of ${ranges} are taken on every node that would do`
  }

  #wish({ isOwn }: Asking, preferred: string | null): HostWish {
    const { maxEngines, callersHost } = this.deps.settings
    return { preferred, only: isOwn ? null : callersHost, maxEngines }
  }

  #candidates(db: Db, { request }: Asking, nowMs: number): HostPlace[] {
    const engines = liveEngines(db)
    const streams = startedByEngine(db)
    return (this.deps.hosts.all() ?? []).map((host) => {
      const here = engines.filter((engine) => engine.host?.id === host.id)
      return {
        ...host,
        isOpen: host.availability === 'active',
        isMeant: meets(host, this.deps.settings.constraints),
        engines: here.length,
        free: here.filter(({ id }) => !streams.has(id)).length,
        hasPort: this.#hasPort(db, host, request, nowMs),
      }
    })
  }

  #hasPort(db: Db, { id }: HostObservation, { hostPort }: EngineRequest, nowMs: number): boolean {
    const { ports } = this.deps
    const scope = this.scopeOf(id)
    if (ports.free(db, scope, ports.ranges.p2p, 0, nowMs, NOT_FOR_PEERS) === null) return false
    const needed = neededBesides(ports.ranges.https, ports.ranges.p2p)
    return hostPort === null
      ? ports.free(db, scope, ports.ranges.host, 0, nowMs, needed) !== null
      : !needed.includes(hostPort) && !ports.isLeased(db, scope, hostPort)
  }
}
