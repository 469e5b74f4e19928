import type { Clock } from '../../src/control/clock.ts'
import {
  type ContainerEvent,
  type ContainerObservation,
  type ContainerSpec,
  type ContainerState,
  type PublishedPort,
  RuntimeFailure,
} from '../../src/runtime/runtime.ts'

/** The part of time that is needed here. */
export type EngineClock = Pick<Clock, 'now' | 'sleep'>

/** How the process of a container behaves. */
export interface Program {
  readonly onTerm: 'ends' | 'ignores'
  /** Ends by itself that long after its start; null: runs until it is stopped. */
  readonly endsByItself: { readonly afterMs: number; readonly exitCode: number } | null
  /** The container engine cannot run it, in these words; null: it can. */
  readonly refusal: string | null
}

/** A program that runs until it is asked to end. */
export const WAITING: Program = { onTerm: 'ends', endsByItself: null, refusal: null }

interface MemoryContainer {
  readonly id: string
  readonly spec: ContainerSpec
  /** `container:` with the id of the donor where it existed at creation, else as in the specification. */
  readonly network: string
  readonly program: Program
  readonly createdAtMs: number
  state: ContainerState
  startedAtMs: number | null
  exitCode: number | null
  address: string | null
  restarts: number
  /** Counts the changes of state, so that what was to happen later sees that it is out of date. */
  turn: number
}

const OWN_NETWORKS = ['bridge', 'host', 'none']
const JOINED = 'container:'
const KILLED = 137

/**
 * What a container engine holds and does, without a way to it: containers, images, networks and the ports of
 * one host. Follows Docker 20.10 in what can be seen from outside; the restart policy of every container is
 * `unless-stopped`. Ports are compared without regard to the host address.
 */
export class MemoryEngine {
  readonly images = new Set<string>()
  readonly networks = new Set(OWN_NETWORKS)
  readonly #containers = new Map<string, MemoryContainer>()
  readonly #strangersPorts = new Set<string>()
  #created = 0

  constructor(
    private readonly clock: EngineClock,
    private readonly programOf: (spec: ContainerSpec) => Program,
    private readonly emit: (event: ContainerEvent) => void,
  ) {}

  /** A process outside takes the host port; containers that have it keep it. */
  takePort(port: number, protocol: 'tcp' | 'udp' = 'tcp'): void {
    this.#strangersPorts.add(`${protocol}:${port}`)
  }

  releasePort(port: number, protocol: 'tcp' | 'udp' = 'tcp'): void {
    this.#strangersPorts.delete(`${protocol}:${port}`)
  }

  create(spec: ContainerSpec): string {
    if (!this.images.has(spec.image))
      throw new RuntimeFailure('image_missing', `Image ${spec.image} is not here.`)
    const namesake = this.#all().find((container) => container.spec.name === spec.name)
    if (namesake) throw new RuntimeFailure('conflict', `Container ${namesake.id} has the name ${spec.name}.`)
    if (spec.network?.startsWith(JOINED) && spec.ports.length > 0) {
      throw new RuntimeFailure('refused', 'A container in the network of another cannot publish ports.')
    }
    this.#created += 1
    const id = new Bun.CryptoHasher('sha256').update(`container ${this.#created}`).digest('hex')
    const container: MemoryContainer = {
      id,
      spec,
      network: this.#resolveNetwork(spec.network),
      program: this.programOf(spec),
      createdAtMs: this.clock.now(),
      state: 'created',
      startedAtMs: null,
      exitCode: null,
      address: null,
      restarts: 0,
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
    container.restarts = 0
    this.#run(container)
  }

  async stop(reference: string, graceSeconds: number): Promise<void> {
    const container = this.#get(reference)
    if (container.state === 'created' || container.state === 'exited') return
    if (container.state === 'restarting') return this.#rest(container)
    if (container.program.onTerm === 'ends') return this.#end(container, 0)
    const { turn } = container
    if (graceSeconds > 0) await this.clock.sleep(graceSeconds * 1000)
    if (container.turn === turn) this.#end(container, KILLED)
  }

  /** Ends it like `docker kill`: the restart policy leaves it alone. */
  kill(reference: string): void {
    const container = this.#get(reference)
    if (container.state !== 'running')
      throw new RuntimeFailure('refused', `Container ${reference} does not run.`)
    this.#end(container, KILLED)
  }

  /** Its process ends by itself: the restart policy starts it again after a while. */
  crash(reference: string, exitCode: number): void {
    const container = this.#get(reference)
    if (container.state !== 'running')
      throw new RuntimeFailure('refused', `Container ${reference} does not run.`)
    this.#end(container, exitCode)
    container.state = 'restarting'
    // Docker: 100 ms, doubled each time, at most a minute.
    const waitMs = Math.min(100 * 2 ** container.restarts, 60_000)
    container.restarts += 1
    this.#later(container, waitMs, () => this.#runAgain(container))
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
    if (container.state === 'running' || container.state === 'paused') this.#end(container, KILLED)
    container.turn += 1
    this.#containers.delete(container.id)
    this.#tell('destroy', container)
  }

  /** What `inspect` sees. */
  look(reference: string): ContainerObservation {
    return observe(this.#get(reference))
  }

  /** What `inspect` sees of every container, the oldest first. */
  lookAtAll(): ContainerObservation[] {
    return this.#all().map(observe)
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
    if (!network?.startsWith(JOINED)) return network ?? 'bridge'
    const donor = this.#find(network.slice(JOINED.length))
    return donor ? JOINED + donor.id : network
  }

  #run(container: MemoryContainer): void {
    this.#checkNetwork(container.network)
    this.#checkPorts(container)
    const { refusal, endsByItself } = container.program
    if (refusal !== null) throw new RuntimeFailure('refused', refusal)
    container.turn += 1
    container.state = 'running'
    container.startedAtMs = this.clock.now()
    container.exitCode = null
    container.address = this.#freeAddress(container.network)
    this.#tell('start', container)
    if (endsByItself) {
      this.#later(container, endsByItself.afterMs, () => this.crash(container.id, endsByItself.exitCode))
    }
  }

  #runAgain(container: MemoryContainer): void {
    try {
      this.#run(container)
    } catch {
      // Docker gives up on a container whose restart it has to refuse.
      this.#rest(container)
    }
  }

  #checkNetwork(network: string): void {
    if (!network.startsWith(JOINED)) {
      if (!this.networks.has(network)) throw new RuntimeFailure('refused', `Network ${network} is not known.`)
      return
    }
    const donor = this.#get(network.slice(JOINED.length))
    if (donor.state !== 'running')
      throw new RuntimeFailure('refused', `Container ${donor.spec.name} does not run.`)
  }

  #checkPorts(container: MemoryContainer): void {
    const taken = new Set(this.#strangersPorts)
    for (const other of this.#all()) {
      if (holdsPorts(other)) for (const port of other.spec.ports) taken.add(portKey(port))
    }
    const refused = container.spec.ports.find((port) => taken.has(portKey(port)))
    if (refused) throw new RuntimeFailure('port_taken', `The host port ${refused.hostPort} is taken.`)
  }

  #freeAddress(network: string): string | null {
    if (network.startsWith(JOINED) || network === 'host' || network === 'none') return null
    const used = new Set(this.#all().map(({ address }) => address))
    for (let host = 2; ; host += 1) {
      const address = `172.17.${Math.floor(host / 256)}.${host % 256}`
      if (!used.has(address)) return address
    }
  }

  #end(container: MemoryContainer, exitCode: number): void {
    container.exitCode = exitCode
    this.#rest(container)
    this.#tell('die', container)
  }

  #rest(container: MemoryContainer): void {
    container.turn += 1
    container.state = 'exited'
    container.address = null
  }

  #turnOver(container: MemoryContainer, from: 'running' | 'paused', to: 'running' | 'paused'): void {
    if (container.state !== from)
      throw new RuntimeFailure('refused', `Container ${container.id} is not ${from}.`)
    container.state = to
    this.#tell(to === 'paused' ? 'pause' : 'unpause', container)
  }

  /** Does it after a while, unless the container changed meanwhile. */
  #later(container: MemoryContainer, ms: number, act: () => void): void {
    const { turn } = container
    void this.clock.sleep(ms).then(() => {
      if (container.turn === turn) act()
    })
  }

  #tell(action: ContainerEvent['action'], { id, spec }: MemoryContainer): void {
    this.emit({ action, id, name: spec.name, labels: spec.labels, atMs: this.clock.now() })
  }
}

function holdsPorts({ state }: MemoryContainer): boolean {
  return state === 'running' || state === 'paused'
}

function portKey({ protocol, hostPort }: PublishedPort): string {
  return `${protocol}:${hostPort}`
}

function observe(container: MemoryContainer): ContainerObservation {
  const { id, spec, state, network, createdAtMs, startedAtMs } = container
  return {
    id,
    name: spec.name,
    image: spec.image,
    state,
    labels: spec.labels,
    ports: spec.ports,
    address: container.address,
    networks: network.startsWith(JOINED) ? [] : [network],
    createdAtMs,
    startedAtMs,
    exitCode: state === 'exited' ? container.exitCode : null,
  }
}
