import type {
  ContainerObservation,
  HostObservation,
  Hosts,
  WatchHandlers,
} from '../../src/runtime/runtime.ts'
import type { MemorySwarm } from '../support/memory-swarm.ts'
import { SimRuntime, type SimRuntimeDeps } from './sim-runtime.ts'

/** A swarm as one life sees it through its manager. */
export class SimSwarmRuntime extends SimRuntime {
  readonly commands = null
  readonly meters = null
  readonly neighbours = null
  readonly registry = null
  readonly hosts: Hosts = {
    list: (signal) => this.#list(signal),
    watch: (handlers, signal) => this.#watch(handlers, signal),
  }

  /** How often each service had been started again before this life. */
  readonly #before = new Map<string, number>()

  constructor(
    private readonly swarm: MemorySwarm,
    deps: Omit<SimRuntimeDeps, 'host'>,
  ) {
    super({ ...deps, host: swarm })
  }

  /** Swarm keeps no count of restarts, so a life counts those that it has seen itself. */
  override async inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation> {
    const seen = await super.inspect(id, signal)
    const { restarts } = seen
    if (restarts === null) return seen
    const before = Math.min(this.#before.get(seen.id) ?? restarts, restarts)
    this.#before.set(seen.id, before)
    return { ...seen, restarts: restarts - before }
  }

  #list(signal?: AbortSignal): Promise<HostObservation[]> {
    return this.call('hosts', null, () => this.swarm.hosts.list(signal))
  }

  #watch(handlers: WatchHandlers, signal: AbortSignal): Promise<void> {
    const told = this.heard(handlers)
    return this.untilDeath('watchHosts', null, signal, (ended) => this.swarm.hosts.watch(told, ended))
  }
}
