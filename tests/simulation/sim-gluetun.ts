import type { PortRange } from '../../src/core/engines/ports.ts'
import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { MemoryRuntime } from '../support/memory-runtime.ts'
import { type Dialect, GluetunProcess } from './gluetun-process.ts'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'
import type { Trace } from './trace.ts'

/** How a node's control server reacts to requests. */
export type Control = 'answers' | 'hangs' | 'refuses' | 'unauthorized'

/** The fixed properties of a node in a scenario. */
export interface NodeScenario {
  readonly name: string
  /** The ports that the node publishes for engines. */
  readonly ports: PortRange
  readonly dialect: Dialect
  readonly hasHealthCheck: boolean
  /** Whose control server the node has; `none` for a VPN container that is no Gluetun. */
  readonly speaks: 'gluetun' | 'none'
  /** Whether the provider forwards a port to the node, at the start or later. */
  readonly forwards: 'never' | 'at_once' | 'late'
  /** How many ports the provider forwards at a time. */
  readonly portCount: 1 | 2
}

export const GLUETUN_IMAGE = 'gluetun:v3'

/**
 * A Gluetun container on the host, with the provider behind it. It outlives its containers and every crash of the
 * orchestrator.
 */
export class SimGluetun {
  control: Control = 'answers'
  /** The health check fails whatever the tunnel does. */
  isCheckWrong = false
  /** Nothing brings the container back before this time. */
  heldUntilMs = 0
  /** The forwarded ports that were last reported to the orchestrator; null if none were reported. */
  toldPorts: readonly number[] | null = null
  /** When something was last wrong with the node, or its tunnel was renewed. */
  lastTroubleMs: number
  #isLineUp = true
  #forwards: boolean
  #ports: readonly number[]
  #exit = 1
  #id: string | null = null
  readonly #ids = new Set<string>()
  #process: GluetunProcess | null = null
  #startedAtMs: number | null = null
  #state: ContainerObservation['state'] | 'missing' = 'missing'

  constructor(
    readonly scenario: NodeScenario,
    private readonly deps: {
      readonly clock: SimClock
      readonly random: Random
      readonly trace: Trace
      readonly runtime: MemoryRuntime
    },
  ) {
    this.lastTroubleMs = deps.clock.now()
    this.#forwards = scenario.forwards === 'at_once'
    this.#ports = this.#anyPorts()
  }

  get name(): string {
    return this.scenario.name
  }

  /** The id of the present container with the node's name; null if there is none. */
  get id(): string | null {
    return this.#id
  }

  /** Whether the node has or had the container with this id. */
  isOrWas(id: string): boolean {
    return this.#ids.has(id)
  }

  get state(): ContainerObservation['state'] | 'missing' {
    return this.#state
  }

  get process(): GluetunProcess | null {
    return this.#process
  }

  get isTunnelUp(): boolean {
    return this.#process?.isTunnelUp ?? false
  }

  /** Whether something other than its engines finds a dead tunnel. */
  get isOverseen(): boolean {
    return this.scenario.speaks === 'gluetun' && this.scenario.hasHealthCheck
  }

  get isLineUp(): boolean {
    return this.#isLineUp
  }

  /** The forwarded ports as the control server reports them; empty for none. */
  get forwardedPorts(): readonly number[] {
    return this.#forwards && this.#isRunning ? this.#ports : []
  }

  /** The public IP; empty without a tunnel. */
  get publicIp(): string {
    return this.#isRunning ? `203.0.113.${this.#exit}` : ''
  }

  /** Whether an engine has joined the network of the present container, and not of an earlier one. */
  isNetworkOf(engine: Pick<ContainerObservation, 'joins' | 'startedAtMs'>): boolean {
    if (engine.joins !== this.#id && engine.joins !== this.name) return false
    return this.#process !== null && (engine.startedAtMs ?? 0) >= (this.#startedAtMs ?? 0)
  }

  /** Simulates `docker run` of the node. */
  create(): void {
    const { runtime } = this.deps
    const { ports, hasHealthCheck } = this.scenario
    const published = Array.from({ length: ports.last - ports.first + 1 }, (_, index) => {
      const port = ports.first + index
      return { containerPort: port, hostPort: port, protocol: 'tcp' as const }
    })
    const spec = { name: this.name, image: GLUETUN_IMAGE, env: {}, labels: {}, ports: published }
    const id = runtime.createOutside({
      ...spec,
      publishAddress: '',
      network: null,
      memoryBytes: null,
      cpus: null,
    })
    if (hasHealthCheck) runtime.setHealth(id, 'starting')
    runtime.startOutside(id)
  }

  setLine(isUp: boolean): void {
    if (this.#isLineUp === isUp) return
    this.#isLineUp = isUp
    this.#process?.lineChanged()
  }

  /** Makes the provider forward other ports, or ports for the first time. */
  changePorts(): void {
    this.#forwards = true
    this.#ports = this.#anyPorts()
  }

  setForwarding(forwards: boolean): void {
    this.#forwards = forwards
  }

  /** Notes changes of the container. Call this after every step. */
  look(containers: readonly ContainerObservation[]): void {
    const seen = containers.find(({ name }) => name === this.name)
    const state = seen?.state ?? 'missing'
    const isSame = seen?.id === this.#id && seen?.startedAtMs === this.#startedAtMs
    if (!isSame || state !== this.#state) {
      this.deps.trace.note('gluetun', `${this.name} (${seen?.id.slice(0, 6) ?? '–'}) ${state}`)
      this.#follow(seen, isSame)
    }
    this.#state = state
    const isWell = this.isTunnelUp && (seen?.health ?? 'healthy') === 'healthy'
    if (!isWell) this.lastTroubleMs = this.deps.clock.now()
  }

  #follow(seen: ContainerObservation | undefined, isSame: boolean): void {
    const hasProcess = seen?.state === 'running' || seen?.state === 'paused'
    if (!isSame || !hasProcess) {
      this.#process?.end()
      this.#process = null
    }
    this.#id = seen?.id ?? null
    if (this.#id !== null) this.#ids.add(this.#id)
    this.#startedAtMs = seen?.startedAtMs ?? null
    if (!hasProcess) return
    this.#process ??= this.#boot(seen.id)
    this.#process.isPaused = seen.state === 'paused'
  }

  #boot(id: string): GluetunProcess {
    const { clock, random, trace, runtime } = this.deps
    let isFirst = true
    return new GluetunProcess({
      clock,
      random,
      dialect: this.scenario.dialect,
      isLineUp: () => this.#isLineUp,
      isCheckWrong: () => this.isCheckWrong,
      onHealth: (health) => {
        trace.note('gluetun', `${this.name} is ${health}`)
        if (this.scenario.hasHealthCheck) runtime.setHealth(id, health, health === 'healthy' ? null : 'drawn')
      },
      onTunnel: () => {
        this.lastTroubleMs = clock.now()
        if (!isFirst || random.chance(0.3)) this.#exit = random.int(1, 250)
        if (!isFirst && random.chance(0.4)) this.#ports = this.#anyPorts()
        isFirst = false
        trace.note(
          'gluetun',
          `${this.name} has a tunnel, exit ${this.publicIp}, ports ${this.forwardedPorts.join()}`,
        )
      },
    })
  }

  get #isRunning(): boolean {
    return this.#process?.loop === 'running'
  }

  #anyPorts(): readonly number[] {
    const first = this.#anyPort()
    // Providers that forward several ports give out neighbours.
    return this.scenario.portCount === 1 ? [first] : [first, first + 1]
  }

  /** Draws a port, sometimes one in a range of ours. */
  #anyPort(): number {
    const { random } = this.deps
    if (!random.chance(0.1)) return random.int(30_010, 44_999)
    return random.pick([this.scenario.ports.first, 8_700, 14_000, 62_100] as const) + random.int(0, 3)
  }
}
