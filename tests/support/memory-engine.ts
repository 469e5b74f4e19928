import type { Clock } from '../../src/lib/clock.ts'
import {
  type CommandResult,
  type ContainerObservation,
  type ContainerSpec,
  type Health,
  type LogBounds,
  RuntimeFailure,
  type Traffic,
  type Usage,
} from '../../src/runtime/runtime.ts'
import {
  type Command,
  hasProcess,
  joinedTo,
  KILLED,
  type MemoryContainer,
  NO_TRAFFIC,
  NO_USE,
  networkContainerOf,
  nextRestartWaitMs,
  observe,
  type Program,
  portKey,
  type Used,
} from './memory-container.ts'
import { MemoryImages, type MemoryPull } from './memory-images.ts'
import { MemoryLog } from './memory-log.ts'
import type { EngineNews } from './memory-subscriptions.ts'

/** The part of the clock that is needed here. */
export type EngineClock = Pick<Clock, 'now' | 'sleep'>

const OWN_NETWORKS = ['bridge', 'host', 'none']

/**
 * The state and the behaviour of a container engine, without the calls to it: containers, images, networks and the ports of
 * one host. Behaves like Docker 20.10 as far as can be seen from outside. The restart policy of every container is
 * `unless-stopped`, or there is none, as for the tasks of a swarm. Ports are compared without regard to the host address.
 */
export class MemoryEngine {
  readonly images = new MemoryImages()
  readonly networks = new Set(OWN_NETWORKS)
  readonly #containers = new Map<string, MemoryContainer>()
  readonly #strangersPorts = new Set<string>()
  #created = 0

  constructor(
    private readonly clock: EngineClock,
    private readonly programOf: (spec: ContainerSpec) => Program,
    private readonly emit: (news: EngineNews) => void,
    private readonly policy: 'unless-stopped' | 'no' = 'unless-stopped',
  ) {}

  /** A process outside takes the host port. Containers that already have it keep it. */
  takePort(port: number, protocol: 'tcp' | 'udp' = 'tcp'): void {
    this.#strangersPorts.add(portKey({ protocol, hostPort: port }))
  }

  releasePort(port: number, protocol: 'tcp' | 'udp' = 'tcp'): void {
    this.#strangersPorts.delete(portKey({ protocol, hostPort: port }))
  }

  /** Creates a container, with an id of its own if none is given. */
  create(spec: ContainerSpec, id: string = this.#nextId()): string {
    const { id: imageId } = this.images.look(spec.image)
    this.#checkName(spec.name)
    if (networkContainerOf(spec.network) !== null && spec.ports.length > 0) {
      throw new RuntimeFailure('refused', 'A container in the network of another cannot publish ports.')
    }
    const container: MemoryContainer = {
      id,
      spec,
      network: this.#resolveNetwork(spec.network),
      program: this.programOf(spec),
      imageId,
      createdAtMs: this.clock.now(),
      state: 'created',
      startedAtMs: null,
      exitCode: null,
      address: null,
      health: null,
      healthText: null,
      traffic: NO_TRAFFIC,
      used: NO_USE,
      log: new MemoryLog(spec.env),
      onEnd: new Set(),
      isStoppedByHand: false,
      restarts: 0,
      restartWaitMs: 0,
      turn: 0,
    }
    this.#containers.set(id, container)
    this.#tell('create', container)
    return id
  }

  start(reference: string): void {
    const container = this.#get(reference)
    if (container.state === 'running' || container.state === 'restarting') return
    if (container.state === 'paused') throw new RuntimeFailure('refused', `Container ${reference} is paused.`)
    this.#forgetRestarts(container)
    this.#run(container)
  }

  async stop(reference: string, graceSeconds: number): Promise<void> {
    const container = this.#get(reference)
    if (container.state === 'created' || container.state === 'exited') return
    container.isStoppedByHand = true
    if (container.state === 'restarting') return this.#rest(container)
    if (container.program.onTerm === 'ends') return this.#end(container, 0)
    const { turn } = container
    if (graceSeconds > 0) await this.clock.sleep(graceSeconds * 1000)
    if (container.turn === turn) this.#end(container, KILLED)
  }

  /** Ends a container like `docker kill`: the restart policy leaves it alone. */
  kill(reference: string): void {
    const container = this.#get(reference)
    if (container.state !== 'running')
      throw new RuntimeFailure('refused', `Container ${reference} does not run.`)
    container.isStoppedByHand = true
    this.#end(container, KILLED)
  }

  /**
   * Lets a container's process end by itself. A restart policy starts it again after a while, unless it is being stopped.
   */
  crash(reference: string, exitCode: number): void {
    const container = this.#get(reference)
    if (container.state !== 'running')
      throw new RuntimeFailure('refused', `Container ${reference} does not run.`)
    this.#end(container, exitCode)
    if (container.isStoppedByHand || this.policy === 'no') return
    container.state = 'restarting'
    container.restarts += 1
    container.restartWaitMs = nextRestartWaitMs(container, this.clock.now())
    this.#later(container, container.restartWaitMs, () => this.#runAgain(container))
  }

  pause(reference: string): void {
    this.#turnOver(this.#get(reference), 'running', 'paused')
  }

  unpause(reference: string): void {
    this.#turnOver(this.#get(reference), 'paused', 'running')
  }

  destroy(reference: string): void {
    const container = this.#find(reference)
    if (!container) return
    if (hasProcess(container)) this.#end(container, KILLED)
    container.turn += 1
    this.#containers.delete(container.id)
    this.#tell('destroy', container)
  }

  rename(reference: string, name: string): void {
    const container = this.#get(reference)
    this.#checkName(name)
    container.spec = { ...container.spec, name }
  }

  /** Removes a container that does not run. */
  discard(reference: string): void {
    const container = this.#find(reference)
    if (container && !isAtRest(container))
      throw new RuntimeFailure('refused', `Container ${reference} is ${container.state}.`)
    this.destroy(reference)
  }

  /**
   * Ends the engine, and with it everything that runs. Returns the `die` events without sending them. The restart policy
   * does not take this for a stop by a call.
   */
  shutDown(): EngineNews[] {
    for (const container of this.#all()) if (container.state === 'restarting') this.#rest(container)
    return this.#all()
      .filter(hasProcess)
      .map((container) => this.#die(container, container.program.onTerm === 'ends' ? 0 : KILLED))
  }

  /**
   * Starts the engine again. The restart policy starts every container that no call had stopped and that `isWanted` accepts.
   * Containers that join another's network come last, so that the network container already runs; on Docker that order is
   * not certain.
   */
  restore(isWanted: (id: string) => boolean): void {
    const resting = this.#all().filter((container) => isLeftToPolicy(container) && isWanted(container.id))
    for (const container of resting.toSorted((one, other) => rankOf(one) - rankOf(other))) {
      this.#forgetRestarts(container)
      this.#runAgain(container)
    }
  }

  /** Sets the verdict of the health check; null removes the check. A changed verdict is reported. */
  setHealth(reference: string, health: Health | null, text: string | null): void {
    const container = this.#get(reference)
    const isNews = container.health !== health
    container.health = health
    container.healthText = text
    if (isNews) this.#tell('health_status', container)
  }

  /** Adds bytes to a container's counters. They are not visible if the container joins another's network. */
  addTraffic(reference: string, receivedBytes: number, sentBytes: number): void {
    const container = this.#get(reference)
    if (!hasProcess(container)) throw new RuntimeFailure('refused', `Container ${reference} does not run.`)
    const { traffic } = container
    container.traffic = {
      receivedBytes: traffic.receivedBytes + receivedBytes,
      sentBytes: traffic.sentBytes + sentBytes,
    }
  }

  /** Null for a container that does not run, or has no network of its own. */
  traffic(reference: string): Traffic | null {
    const { address, traffic } = this.#get(reference)
    return address === null ? null : traffic
  }

  /** Sets what a running container has used since its start. */
  use(reference: string, used: Partial<Used>): void {
    const container = this.#get(reference)
    if (!hasProcess(container)) throw new RuntimeFailure('refused', `Container ${reference} does not run.`)
    container.used = { ...container.used, ...used }
  }

  /** Null for a container that does not run. */
  usage(reference: string): Usage | null {
    const container = this.#get(reference)
    if (!hasProcess(container)) return null
    const joined = networkContainerOf(container.network)
    const { address, traffic } = (joined === null ? undefined : this.#find(joined)) ?? container
    return { atMs: this.clock.now(), ...container.used, network: address === null ? null : traffic }
  }

  /** Runs a command in a running container. The command ends with the container at the latest. */
  async exec(reference: string, run: (container: ContainerObservation) => Command): Promise<CommandResult> {
    const container = this.#get(reference)
    if (container.state !== 'running')
      throw new RuntimeFailure('refused', `Container ${reference} is ${container.state}.`)
    const result = run(observe(container))
    if (result !== null) return result
    const ended = Promise.withResolvers<void>()
    container.onEnd.add(ended.resolve)
    await ended.promise
    return { exitCode: KILLED, output: '' }
  }

  /** Adds to what a container wrote. */
  write(reference: string, text: string): void {
    this.#get(reference).log.write(text, this.clock.now())
  }

  logs(reference: string, bounds: LogBounds): string {
    return this.#get(reference).log.last(bounds)
  }

  /** The container whose log is to be followed. `ended` resolves when it has ended, at once if it does not run. */
  followed(reference: string): { readonly log: MemoryLog; readonly ended: Promise<void> } {
    const container = this.#get(reference)
    const { promise, resolve } = Promise.withResolvers<void>()
    if (hasProcess(container)) container.onEnd.add(resolve)
    else resolve()
    return { log: container.log, ended: promise }
  }

  async pull(pull: MemoryPull): Promise<void> {
    await this.images.pull(this.clock, pull)
  }

  /** The container as `inspect` shows it. */
  look(reference: string): ContainerObservation {
    return observe(this.#get(reference))
  }

  /** Every container as `inspect` shows it, the oldest first. */
  lookAtAll(): ContainerObservation[] {
    return this.#all().map(observe)
  }

  specOf(id: string): ContainerSpec | undefined {
    return this.#containers.get(id)?.spec
  }

  #nextId(): string {
    this.#created += 1
    return new Bun.CryptoHasher('sha256').update(`container ${this.#created}`).digest('hex')
  }

  #checkName(name: string): void {
    const namesake = this.#all().find(({ spec }) => spec.name === name)
    if (namesake) throw new RuntimeFailure('conflict', `Container ${namesake.id} has the name ${name}.`)
  }

  #all(): MemoryContainer[] {
    return [...this.#containers.values()]
  }

  #find(reference: string): MemoryContainer | undefined {
    const named = this.#containers.get(reference) ?? this.#all().find(({ spec }) => spec.name === reference)
    if (named || reference === '') return named
    const [first, ...others] = this.#all().filter(({ id }) => id.startsWith(reference))
    if (others.length > 0) throw new RuntimeFailure('refused', `Several containers begin with ${reference}.`)
    return first
  }

  #get(reference: string): MemoryContainer {
    const container = this.#find(reference)
    if (!container) throw new RuntimeFailure('not_found', `There is no container ${reference}.`)
    return container
  }

  #resolveNetwork(network: string | null): string {
    const named = networkContainerOf(network)
    const owner = named === null ? undefined : this.#find(named)
    return owner ? joinedTo(owner.id) : (network ?? 'bridge')
  }

  #run(container: MemoryContainer): void {
    this.#checkNetwork(container.network)
    this.#checkPorts(container)
    const { refusal, endsByItself, says } = container.program
    if (refusal !== null) throw new RuntimeFailure('unrunnable', refusal)
    container.turn += 1
    container.state = 'running'
    container.startedAtMs = this.clock.now()
    container.exitCode = null
    container.address = this.#freeAddress(container.network)
    container.traffic = NO_TRAFFIC
    container.used = NO_USE
    if (container.health !== null) container.health = 'starting'
    container.healthText = null
    for (const output of ['stdout', 'stderr'] as const)
      container.log.write(says?.[output] ?? '', this.clock.now(), output)
    this.#tell('start', container)
    if (endsByItself) {
      this.#later(container, endsByItself.afterMs, () => this.crash(container.id, endsByItself.exitCode))
    }
  }

  #runAgain(container: MemoryContainer): void {
    try {
      this.#run(container)
    } catch {
      // Docker gives up on a container if its restart is refused.
      this.#rest(container)
    }
  }

  #checkNetwork(network: string): void {
    const named = networkContainerOf(network)
    if (named === null) {
      if (!this.networks.has(network)) throw new RuntimeFailure('refused', `Network ${network} is not known.`)
      return
    }
    const owner = this.#find(named)
    if (!owner) throw new RuntimeFailure('no_network_container', `There is no container ${named} to join.`)
    if (!hasProcess(owner))
      throw new RuntimeFailure(
        'no_network_container',
        `Container ${owner.spec.name}, to be joined, does not run.`,
      )
  }

  #checkPorts(container: MemoryContainer): void {
    const taken = new Set(this.#strangersPorts)
    for (const other of this.#all()) {
      if (hasProcess(other)) for (const port of other.spec.ports) taken.add(portKey(port))
    }
    const refused = container.spec.ports.find((port) => taken.has(portKey(port)))
    if (refused) throw new RuntimeFailure('port_taken', `The host port ${refused.hostPort} is taken.`)
  }

  #freeAddress(network: string): string | null {
    if (networkContainerOf(network) !== null || network === 'host' || network === 'none') return null
    const used = new Set(this.#all().map(({ address }) => address))
    for (let host = 2; ; host += 1) {
      const address = `172.17.${Math.floor(host / 256)}.${host % 256}`
      if (!used.has(address)) return address
    }
  }

  #end(container: MemoryContainer, exitCode: number): void {
    this.emit(this.#die(container, exitCode))
  }

  /** Ends a container and returns the event for the caller to send. */
  #die(container: MemoryContainer, exitCode: number): EngineNews {
    container.exitCode = exitCode
    this.#rest(container)
    return this.#eventOf('die', container)
  }

  #rest(container: MemoryContainer): void {
    container.turn += 1
    for (const tell of container.onEnd) tell()
    container.onEnd.clear()
    container.state = 'exited'
    container.address = null
    if (container.health !== null) container.health = 'unhealthy'
  }

  /** Resets the restart count. Docker does so at every start except a restart after the process has ended by itself. */
  #forgetRestarts(container: MemoryContainer): void {
    container.isStoppedByHand = false
    container.restarts = 0
    container.restartWaitMs = 0
  }

  #turnOver(container: MemoryContainer, from: 'running' | 'paused', to: 'running' | 'paused'): void {
    if (container.state !== from)
      throw new RuntimeFailure('refused', `Container ${container.id} is not ${from}.`)
    container.state = to
    this.#tell(to === 'paused' ? 'pause' : 'unpause', container)
  }

  /** Acts after a while, unless the container has changed meanwhile. */
  #later(container: MemoryContainer, ms: number, act: () => void): void {
    const { turn } = container
    void this.clock.sleep(ms).then(() => {
      if (container.turn === turn) act()
    })
  }

  #tell(action: EngineNews['action'], container: MemoryContainer): void {
    this.emit(this.#eventOf(action, container))
  }

  #eventOf(action: EngineNews['action'], { id, spec }: MemoryContainer): EngineNews {
    return { action, id, name: spec.name, labels: spec.labels, atMs: this.clock.now() }
  }
}

function isAtRest({ state }: MemoryContainer): boolean {
  return state === 'created' || state === 'exited'
}

/** Whether the restart policy may start the container: it has run before and has ended, but not because of a call. */
function isLeftToPolicy({ state, isStoppedByHand }: MemoryContainer): boolean {
  return state === 'exited' && !isStoppedByHand
}

function rankOf({ network }: MemoryContainer): number {
  return networkContainerOf(network) === null ? 0 : 1
}
