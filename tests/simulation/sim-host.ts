import type { Label } from '../../src/core/engines/labels.ts'
import type { HostPort } from '../../src/core/types.ts'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import type { ContainerObservation, ContainerSpec } from '../../src/runtime/runtime.ts'
import type { Command } from '../support/memory-container.ts'
import { MemoryRuntime } from '../support/memory-runtime.ts'
import type { MemorySwarm } from '../support/memory-swarm.ts'
import { asksForTables } from '../support/tcp-tables.ts'
import type { Coverage } from './coverage.ts'
import { EngineProcess } from './engine-process.ts'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'
import { GLUETUN_IMAGE } from './sim-gluetun.ts'
import { type HostVpn, SimNodes } from './sim-nodes.ts'
import { SimSwarm, type SwarmScenario } from './sim-swarm.ts'
import { type HostSights, SimTables } from './sim-tables.ts'
import { short, type Trace } from './trace.ts'

const CRASH_LOOP = { restarts: 3, withinMs: 300_000 }

/** How an engine responds at a port. */
export type Reach =
  | { readonly kind: 'answers'; readonly process: EngineProcess }
  | { readonly kind: 'refused'; readonly process: null }
  | { readonly kind: 'silent'; readonly process: EngineProcess | null }

/** How likely it is that engines started now are ill. */
export interface Sickness {
  /** Chance that a process never comes up. */
  neverUp: number
  /** Chance that the container engine refuses to start the container. */
  refused: number
}

/**
 * The Docker host, or the hosts of a swarm: the containers, with an engine process behind each running one. It outlives
 * every crash of the orchestrator.
 */
export class SimHost {
  readonly runtime: MemoryRuntime | MemorySwarm
  /** Null in a swarm. */
  readonly docker: MemoryRuntime | null
  /** Null with one Docker host. */
  readonly swarm: SimSwarm | null
  readonly sickness: Sickness = { neverUp: 0, refused: 0 }
  /** The VPN nodes; none without a VPN. */
  readonly nodes: SimNodes
  readonly #tables: SimTables
  readonly #processes = new Map<string, EngineProcess>()
  /** The state of each container at its last change. */
  readonly #states = new Map<string, Pick<ContainerObservation, 'state' | 'startedAtMs'>>()
  /** When each container was last seen not running. For removed containers, when they were last seen. */
  readonly #notRunningAt = new Map<string, number>()
  /** When the restart policy restarted each container. */
  readonly #restarts = new Map<string, readonly number[]>()
  #sessionIds = 0

  constructor(
    private readonly deps: {
      readonly clock: SimClock
      readonly random: Random
      readonly trace: Trace
      readonly label: Label
      readonly image: string
      readonly vpn: HostVpn | null
      readonly swarm: SwarmScenario | null
      readonly sights: HostSights
      readonly coverage: Coverage
    },
  ) {
    const { clock, random, trace, vpn, swarm, sights, coverage } = deps
    if (swarm === null) {
      this.swarm = null
      this.docker = this.#newDocker()
      this.runtime = this.docker
    } else {
      this.swarm = new SimSwarm(swarm, { ...deps, random: random.stream('swarm') })
      this.docker = null
      this.runtime = this.swarm.runtime
    }
    this.nodes = new SimNodes({ clock, trace, runtime: this.docker, random: random.stream('nodes'), vpn })
    this.#tables = new SimTables({
      ...{ coverage, sights, nodes: this.nodes, random: random.stream('tables') },
      containers: () => this.runtime.containers(),
      process: (id) => this.#processes.get(id),
    })
  }

  /** Whether nobody can look at what engines carry, so that their own word about their sessions decides. */
  get isBlind(): boolean {
    return this.docker === null
  }

  /** Whether traffic is counted. */
  get countsTraffic(): boolean {
    return this.docker?.countsTraffic === true
  }

  /** Where a container of somebody else is put: on some host of a swarm. */
  place(random: Random): Pick<ContainerSpec, 'host'> {
    const host = this.swarm && random.pick(this.swarm.hosts)
    return host == null ? {} : { host: host.id }
  }

  /** Lets a stranger take a port, on some host of a swarm. Returns what gives it back. */
  takePort(port: number, random: Random): () => void {
    const { docker, swarm } = this
    const { host } = this.place(random)
    docker?.takePort(port)
    if (host !== undefined) swarm?.runtime.takePort(host, port)
    return () => {
      docker?.releasePort(port)
      if (host !== undefined) swarm?.runtime.releasePort(host, port)
    }
  }

  /** Ends a running container so that nothing starts it again. */
  endForGood(id: string): void {
    if (this.docker === null) void this.swarm?.runtime.stopOutside(id)
    else this.docker.kill(id)
  }

  /** Whether an engine's connections can be read, so that each of its viewers can be seen. */
  showsConnections(container: Pick<ContainerObservation, 'joins'>): boolean {
    return this.#tables.areReadable(container)
  }

  /** Whether an engine's bytes are counted. */
  showsBytes({ joins }: Pick<ContainerObservation, 'joins'>): boolean {
    return joins === null && this.countsTraffic
  }

  /** Notes changes of the containers since the last call. Call this after every step. */
  look(): readonly ContainerObservation[] {
    const containers = this.runtime.containers()
    this.nodes.look(containers)
    for (const container of containers) {
      if (this.nodes.named(container.name) !== undefined) continue
      if (this.#note(container) || this.swarm !== null) this.#follow(container)
    }
    for (const id of this.#states.keys()) if (this.runtime.specOf(id) === undefined) this.#forget(id)
    this.nodes.connect(containers, (id) => this.#processes.get(id))
    return containers
  }

  process(containerId: string): EngineProcess | undefined {
    return this.#processes.get(containerId)
  }

  processes(): readonly EngineProcess[] {
    return [...this.#processes.values()]
  }

  /** When the container last did not run. Null if it has run since its start was seen. */
  notRunningAt(containerId: string): number | null {
    return this.#notRunningAt.get(containerId) ?? null
  }

  /** Whether the container crashed so often recently that it counts as failed (the figures of the design). */
  isCrashLoop(containerId: string): boolean {
    const sinceMs = this.deps.clock.now() - CRASH_LOOP.withinMs
    const recent = this.#restarts.get(containerId)?.filter((atMs) => atMs >= sinceMs) ?? []
    return recent.length > CRASH_LOOP.restarts
  }

  /** Reaches the process behind a published port: the container's own, or one behind the node that publishes the port. */
  reach(address: HostPort | undefined): Reach {
    const host = address && this.swarm?.hostAt(address)
    if (host !== undefined && this.swarm?.isReached(host.id) === false)
      return { kind: 'silent', process: null }
    const process = this.#listening(address?.port ?? 0, host?.id ?? null)
    if (process === undefined || process.mode === 'booting') return { kind: 'refused', process: null }
    return process.answers ? { kind: 'answers', process } : { kind: 'silent', process }
  }

  #listening(port: number, hostId: string | null): EngineProcess | undefined {
    const containers = this.runtime.containers()
    const container = containers.find(
      ({ state, ports, host }) =>
        isUp(state) && (host?.id ?? null) === hostId && ports.some(({ hostPort }) => hostPort === port),
    )
    const node = container && this.nodes.named(container.id)
    return node
      ? this.nodes.listening(node, port, containers, (id) => this.#processes.get(id))
      : this.#processes.get(container?.id ?? '')
  }

  newSessionId(): string {
    return `n${++this.#sessionIds}`
  }

  /** Notes the state of a container. Returns whether it has changed. */
  #note(container: ContainerObservation): boolean {
    const { trace, clock } = this.deps
    const { id, name, state, startedAtMs } = container
    if (state !== 'running') this.#notRunningAt.set(id, clock.now())
    const known = this.#states.get(id)
    if (known?.state === state && known.startedAtMs === startedAtMs) return false
    this.#states.set(id, container)
    trace.note('docker', `${name} (${short(id)}) ${state}`)
    if (state === 'restarting') this.#restarts.set(id, [...(this.#restarts.get(id) ?? []), clock.now()])
    return true
  }

  /** Lets the process of a container follow what really runs there, which the manager of a swarm may not know. */
  #follow(container: ContainerObservation): void {
    const { clock } = this.deps
    const { id, host } = container
    const real = this.swarm === null ? container : this.swarm.runtime.taskOf(id)
    const startedAtMs = real?.startedAtMs ?? null
    const isRunning = real !== null && isUp(real.state)
    const before = this.#processes.get(id)
    if (before !== undefined && (before.startedAtMs !== startedAtMs || !isRunning)) {
      this.#notRunningAt.set(id, clock.now())
      before.end()
      this.#processes.delete(id)
    }
    if (!isRunning) return
    const process = this.#processes.get(id) ?? this.#boot(container, startedAtMs ?? clock.now())
    const isPaused = real.state === 'paused'
    const isCutOff = host !== null && this.swarm?.isReached(host.id) === false
    if (process.isPaused === isPaused && process.isCutOff === isCutOff) return
    process.change(() => {
      process.isPaused = isPaused
      process.isCutOff = isCutOff
    })
  }

  #boot(container: ContainerObservation, startedAtMs: number): EngineProcess {
    const { clock, random, trace } = this.deps
    const { id } = container
    const process = new EngineProcess(id, startedAtMs, {
      clock,
      reusesSessionIds: random.chance(0.3),
      onBytes: (bytes) => this.docker?.addTraffic(id, bytes, bytes / 50),
    })
    process.link = this.nodes.newLink(container, process)
    this.#processes.set(id, process)
    const isIll = random.chance(this.sickness.neverUp) || this.runtime.specOf(id)?.env.BROKEN !== undefined
    const bootMs = random.int(1_000, 8_000)
    if (isIll) trace.note('engine', `${short(id)} will never come up`)
    else
      clock.after(bootMs, () => {
        if (process.mode === 'booting' && !process.isEnded) process.mode = 'up'
      })
    return process
  }

  #newDocker(): MemoryRuntime {
    const { clock, label, image, random, vpn, sights } = this.deps
    const docker = new MemoryRuntime({
      clock,
      label,
      deadlinesMs: DEFAULT_DEADLINES_MS,
      images: vpn === null ? [image] : [image, GLUETUN_IMAGE],
      programOf: null,
    })
    const commands = random.stream('commands')
    docker.commandOf = (command, container) =>
      asksForTables(command) ? this.#tables.read(command, container) : commandOf(commands)
    docker.countsTraffic = sights.counts
    const pulls = random.stream('pulls')
    docker.pullMs = () => pulls.int(1_000, 120_000)
    return docker
  }

  #forget(id: string): void {
    this.#states.delete(id)
    this.#processes.get(id)?.end()
    this.#processes.delete(id)
    this.#notRunningAt.set(id, this.deps.clock.now())
    this.deps.trace.note('docker', `(${short(id)}) is no more`)
  }
}

/** The result of a cache cleanup. Sometimes the command fails or does not end. */
function commandOf(random: Random): Command {
  if (random.chance(0.05)) return random.chance(0.5) ? null : { exitCode: 126, output: 'no sh\r\n' }
  return { exitCode: 0, output: `${random.int(0, 1_000_000)}\n` }
}

const isUp = (state: ContainerObservation['state']): boolean => state === 'running' || state === 'paused'
