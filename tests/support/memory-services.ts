import { type ContainerObservation, type ContainerSpec, RuntimeFailure } from '../../src/runtime/runtime.ts'
import { networkContainerOf, portKey } from './memory-container.ts'
import type { EngineClock } from './memory-engine.ts'
import type { MemoryHost } from './memory-host.ts'
import { MemoryLog } from './memory-log.ts'
import type { FollowedLog } from './memory-log-readers.ts'
import { type MemoryService, newService, observeService } from './memory-service.ts'
import type { EngineNews } from './memory-subscriptions.ts'

/** How long things take in a swarm. */
export interface SwarmPace {
  /** Until a task runs that nothing prevents. */
  taskMs: () => number
  /** Until Swarm replaces a task that has ended. */
  replaceMs: () => number
  /** Until the task of a drained host has ended. */
  drainMs: () => number
  /** How long an obstacle must last before a start fails because of it. */
  verdictMs: () => number
}

export interface ServicesDeps {
  readonly clock: EngineClock
  readonly pace: SwarmPace
  readonly hosts: () => readonly MemoryHost[]
  /** Whether the manager does its work now. */
  readonly isManaged: () => boolean
  readonly tell: (news: EngineNews) => void
}

/** How soon Swarm tries again to run a task that it cannot run yet. */
const RETRY_MS = 1_000
/** How often a call looks whether what it waits for has happened. */
const POLL_MS = 100

/**
 * The services of an in-memory swarm, without the calls to its manager. Behaves like Swarm of Docker 20.10 as far as can be
 * seen through the manager: it runs the task of a service that is scaled to one as soon as its host lets it, and replaces a
 * task that has ended, whoever ended it. While a host is lost, the last that was seen of its tasks is all that is known.
 */
export class MemoryServices {
  readonly #services = new Map<string, MemoryService>()
  #created = 0

  constructor(private readonly deps: ServicesDeps) {}

  create(spec: ContainerSpec): string {
    const namesake = [...this.#services.values()].find((service) => service.spec.name === spec.name)
    if (namesake) throw new RuntimeFailure('conflict', `Service ${namesake.id} has the name ${spec.name}.`)
    if (networkContainerOf(spec.network) !== null)
      throw new RuntimeFailure('refused', 'A service cannot join the network of a container.')
    const host = this.deps.hosts().find(({ facts }) => facts.id === spec.host)
    const service = newService(++this.#created, { spec, host, createdAtMs: this.deps.clock.now() })
    this.#services.set(service.id, service)
    this.#tell('create', service)
    return service.id
  }

  /**
   * Scales a service to one and waits until its task runs. If there is an obstacle, scales it back and fails. Once nobody
   * waits any more, the task stays wanted.
   */
  async start(reference: string, isWaitedFor: () => boolean): Promise<void> {
    const service = this.#get(reference)
    if (service.isLeaving) throw new RuntimeFailure('not_found', `Service ${reference} is being removed.`)
    const { wasStarted } = service
    this.scaleUp(service.id)
    while (!runs(service)) {
      if (!isWaitedFor() || !service.isWanted) return
      const { obstacle } = service
      if (obstacle !== null && this.#hasLasted(obstacle.sinceMs)) {
        unwant(service)
        service.wasStarted = wasStarted
        throw obstacle.failure
      }
      await this.deps.clock.sleep(POLL_MS)
    }
  }

  /** Scales a service to one, without waiting for its task. */
  scaleUp(reference: string): void {
    const service = this.#get(reference)
    if (service.isWanted) return
    Object.assign(service, { isWanted: true, wasStarted: true, placements: 0, obstacle: null })
    const ms = this.deps.pace.taskMs()
    if (ms > 0) this.#later(service, ms, () => this.#advance(service))
    else this.#advance(service)
  }

  /** Scales a service to zero and waits until its task has ended. */
  async stop(reference: string, graceSeconds: number, isWaitedFor: () => boolean): Promise<void> {
    const service = this.#get(reference)
    unwant(service)
    const { host, id } = service
    if (host?.isReachable === true && host.runs(id)) await host.engine.stop(id, graceSeconds)
    await this.#ended(service, isWaitedFor)
  }

  /** Ends the task of a service and removes it. One whose end nobody waits for is only marked. */
  async remove(reference: string, isWaitedFor: () => boolean): Promise<void> {
    const service = this.#find(reference)
    if (service === undefined) return
    service.isLeaving = true
    unwant(service)
    const { host, id } = service
    if (host?.isReachable === true && host.runs(id)) await host.engine.stop(id, 0)
    await this.#ended(service, isWaitedFor)
    if (isWaitedFor()) this.vanish(id)
  }

  /** Removes a service at once, with its task. What runs of it on a lost host ends when the host is back. */
  vanish(reference: string): void {
    const service = this.#find(reference)
    if (service === undefined) return
    const { host, id } = service
    unwant(service)
    if (host?.isReachable === false) host.orphans.add(id)
    else host?.engine.destroy(id)
    this.#services.delete(id)
    this.#tell('destroy', service)
  }

  /** Removes a service that does not run and is not about to. */
  async discard(reference: string, isWaitedFor: () => boolean): Promise<void> {
    const service = this.#find(reference)
    const state = service && observeService(service).state
    if (state === 'running' || state === 'restarting')
      throw new RuntimeFailure('refused', `Service ${reference} is ${state}.`)
    await this.remove(reference, isWaitedFor)
  }

  /** The service as `inspect` shows it. */
  look(reference: string): ContainerObservation {
    return observeService(this.#get(reference))
  }

  /** Every service as `inspect` shows it, the oldest first. */
  lookAtAll(): ContainerObservation[] {
    return [...this.#services.values()].map(observeService)
  }

  specOf(id: string): ContainerSpec | undefined {
    return this.#services.get(id)?.spec
  }

  /** The host of a service; fails with `refused` if its task has never run there. */
  hostOf(reference: string): MemoryHost {
    const { host, id, spec } = this.#get(reference)
    if (host?.engine.specOf(id) === undefined)
      throw new RuntimeFailure('refused', `Service ${spec.name} has no task.`)
    return host
  }

  /** What the tasks of a service wrote. Fails with `unreachable` while its host is lost. */
  followed(reference: string): FollowedLog {
    const { host, id, spec } = this.#get(reference)
    if (host?.isReachable === false)
      throw new RuntimeFailure('unreachable', `The host of service ${reference} gives no log.`)
    if (host?.engine.specOf(id) !== undefined) return host.engine.followed(id)
    return { log: new MemoryLog(spec.env), ended: Promise.resolve() }
  }

  /** Receives what happens to the containers of a host, unless the manager does not reach it. */
  happened(host: MemoryHost, { action, id }: EngineNews): void {
    const service = this.#services.get(id)
    if (service === undefined || !host.isReachable) return
    if (action === 'die') this.#died(service)
    if (action === 'start') this.#tell('start', service)
  }

  /** Keeps what was seen of the services of a host that is lost now. */
  lost(host: MemoryHost): void {
    for (const service of this.#on(host)) service.lastSeen = observeService(service)
  }

  /**
   * Ends what must not run on a host that is back, and runs what must. Swarm replaces the tasks of a host that it took for
   * down; those of another go on if they still run.
   */
  returned(host: MemoryHost, wasDown: boolean): void {
    for (const id of host.orphans) host.engine.destroy(id)
    host.orphans.clear()
    for (const service of this.#on(host)) {
      const wasRunning = service.lastSeen?.state === 'running'
      service.lastSeen = null
      const mayGoOn = !wasDown && service.isWanted && host.availability !== 'drain'
      if (!host.runs(service.id)) {
        if (wasRunning) this.#died(service)
      } else if (!mayGoOn) void host.engine.stop(service.id, 0)
    }
  }

  /** Ends the tasks on a host that its operator wants empty, unless he changes his mind. They stay wanted. */
  drained(host: MemoryHost): void {
    for (const { id } of this.#on(host)) {
      void this.deps.clock.sleep(this.deps.pace.drainMs()).then(() => {
        const isToEnd = host.availability === 'drain' && host.isReachable && this.#services.has(id)
        if (isToEnd && host.runs(id)) void host.engine.stop(id, 0)
      })
    }
  }

  #on(host: MemoryHost): MemoryService[] {
    return [...this.#services.values()].filter((service) => service.host === host)
  }

  #hasLasted(sinceMs: number): boolean {
    const { clock, pace, isManaged } = this.deps
    return isManaged() && clock.now() - sinceMs >= pace.verdictMs()
  }

  /** Waits until the task of a service has ended, but not on a host that the manager takes for down. */
  async #ended({ host, id }: MemoryService, isWaitedFor: () => boolean): Promise<void> {
    while (host?.isUp === true && host.runs(id) && isWaitedFor()) await this.deps.clock.sleep(POLL_MS)
  }

  #died(service: MemoryService): void {
    this.#tell('die', service)
    if (!service.isWanted) return
    service.exitCode = service.host?.engine.look(service.id).exitCode ?? null
    this.#later(service, this.deps.pace.replaceMs(), () => this.#advance(service))
  }

  /** Runs the task of a service if it is wanted, and tries again later while there is an obstacle. */
  #advance(service: MemoryService): void {
    if (!service.isWanted || runs(service)) return
    const { clock, isManaged } = this.deps
    if (isManaged()) {
      const obstacle = this.#unplaced(service) ?? this.#rejected(service)
      service.obstacle = obstacle && { ...obstacle, sinceMs: service.obstacle?.sinceMs ?? clock.now() }
      if (runs(service)) return
    }
    this.#later(service, RETRY_MS, () => this.#advance(service))
  }

  /** Why the scheduler puts the task of a service nowhere; null if it may go to its host. */
  #unplaced({ id, host, spec }: MemoryService) {
    if (host === undefined || !host.isUp || host.availability !== 'active')
      return {
        isUnplaced: true,
        failure: new RuntimeFailure('no_host', `No suitable node for ${spec.name}.`),
      }
    const placed = this.#on(host).filter(
      (other) => other.id !== id && other.isWanted && other.obstacle?.isUnplaced !== true,
    )
    const taken = new Set(placed.flatMap((other) => other.spec.ports.map(portKey)))
    const refused = spec.ports.find((port) => taken.has(portKey(port)))
    if (refused === undefined) return null
    const words = `No suitable node for ${spec.name} (host-mode port ${refused.hostPort} already in use).`
    return { isUnplaced: true, failure: new RuntimeFailure('port_taken', words) }
  }

  /**
   * Puts the task on its host. Returns why the host rejects it; null if it runs, or if the manager does not know yet that it
   * does not reach the host.
   */
  #rejected(service: MemoryService) {
    const { host, id, spec } = service
    if (host?.isReachable !== true) return null
    service.placements += 1
    try {
      if (host.engine.specOf(id) === undefined) host.engine.create(spec, id)
      host.engine.start(id)
      return null
    } catch (error) {
      if (error instanceof RuntimeFailure) return { isUnplaced: false, failure: error }
      throw error
    }
  }

  #find(reference: string): MemoryService | undefined {
    const all = [...this.#services.values()]
    const named = this.#services.get(reference) ?? all.find(({ spec }) => spec.name === reference)
    if (named || reference === '') return named
    const [first, ...others] = all.filter(({ id }) => id.startsWith(reference))
    if (others.length > 0) throw new RuntimeFailure('refused', `Several services begin with ${reference}.`)
    return first
  }

  #get(reference: string): MemoryService {
    const service = this.#find(reference)
    if (!service) throw new RuntimeFailure('not_found', `There is no service ${reference}.`)
    return service
  }

  /** Acts after a while, unless another timer of the service was set meanwhile. */
  #later(service: MemoryService, ms: number, act: () => void): void {
    const turn = ++service.turn
    void this.deps.clock.sleep(ms).then(() => {
      if (service.turn === turn && this.#services.has(service.id)) act()
    })
  }

  #tell(action: 'create' | 'start' | 'die' | 'destroy', { id, spec }: MemoryService): void {
    this.deps.tell({ action, id, name: spec.name, labels: spec.labels, atMs: this.deps.clock.now() })
  }
}

const runs = ({ host, id, lastSeen }: MemoryService): boolean => lastSeen === null && host?.runs(id) === true

function unwant(service: MemoryService): void {
  service.isWanted = false
  service.obstacle = null
  service.turn += 1
}
