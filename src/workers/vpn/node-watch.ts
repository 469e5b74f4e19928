import { reachablePorts } from '../../core/engines/published.ts'
import { forwardingSettings } from '../../core/vpn/gluetun-settings.ts'
import {
  type ContainerObservation,
  type Neighbours,
  type Runtime,
  RuntimeFailure,
} from '../../runtime/runtime.ts'
import { type Whereabouts, whereaboutsOf } from './control-search.ts'
import type { ControlClient, Learned } from './gluetun.ts'
import type { ContainerFact, ControlFact, VpnSettings } from './vpn-protocol.ts'
import { type LoopClock, Wakeup } from './wakeup.ts'

export interface NodeWatchDeps {
  readonly runtime: Pick<Runtime, 'inspect'>
  readonly neighbours: Pick<Neighbours, 'watch'>
  readonly control: ControlClient
  readonly clock: LoopClock
  readonly settings: Pick<VpnSettings, 'isGluetun' | 'apiPort' | 'publishedHost' | 'intervalMs'>
  readonly report: (fact: ContainerFact | ControlFact) => void
}

/** One start of the node's container, and what was found out about it. */
interface Start {
  readonly id: string
  readonly startedAtMs: number | null
  where: Whereabouts
  learned: Learned | null
  /** Aborts when this start is over. */
  readonly over: AbortController
}

/** An event stream that lasted this long counts as a success, however it ended. */
const STEADY_MS = 10_000
const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 10_000

/**
 * Watches one VPN node. Reports what Docker says about its container: at once, every interval and at each change. Reports
 * what its control server says, if it is Gluetun: every interval and after each start. The two do not wait for each other, so if one hangs,
 * only its own facts are missing.
 */
export class NodeWatch {
  readonly #stop = new AbortController()
  readonly #look: Wakeup
  readonly #round: Wakeup
  /**
   * Null while the container does not run. Kept while Docker cannot be asked, because the control server can be asked
   * without Docker.
   */
  #start: Start | null = null
  #loops: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly node: string,
    private readonly deps: NodeWatchDeps,
  ) {
    this.#look = new Wakeup(deps.clock)
    this.#round = new Wakeup(deps.clock)
  }

  start(): void {
    const asking = this.deps.settings.isGluetun ? [this.#askOn()] : []
    this.#loops = Promise.all([this.#lookOn(), this.#listen(), ...asking])
  }

  /** Resolves when all loops have ended; nothing is reported after the call. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#start?.over.abort()
    await this.#loops
  }

  async #lookOn(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const fact = await this.#inspect(signal)
      if (signal.aborted) return
      this.deps.report(fact)
      await this.#look.wait(this.deps.settings.intervalMs, signal)
    }
  }

  async #inspect(signal: AbortSignal): Promise<ContainerFact> {
    const { runtime, clock } = this.deps
    const fact = {
      type: 'container',
      node: this.node,
      container: null,
      isMissing: false,
      error: null,
    } as const
    try {
      const seen = await runtime.inspect(this.node, signal)
      this.#note(seen)
      const { id, state, health, healthText, startedAtMs, addresses, ports, networks, variables } = seen
      const { asksForPort, inputPorts } = forwardingSettings(variables)
      const container = {
        ...{ id, state, health, healthText, startedAtMs },
        addresses: [...addresses],
        networks: [...networks],
        reachablePorts: reachablePorts(ports, networks),
        ...{ asksForPort, inputPorts: [...inputPorts] },
      }
      return { ...fact, atMs: clock.now(), container }
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      const isMissing = error.code === 'not_found'
      if (isMissing) this.#end()
      return { ...fact, atMs: clock.now(), isMissing, error: isMissing ? null : error.message }
    }
  }

  /**
   * Notes a new start of the container: what was found out about an earlier start, including its address, does not hold for
   * this one.
   */
  #note(seen: ContainerObservation): void {
    const { id, startedAtMs } = seen
    const isSame = this.#start?.id === id && this.#start.startedAtMs === startedAtMs
    if (seen.state !== 'running' || !isSame) this.#end()
    if (seen.state !== 'running') return
    const where = whereaboutsOf(seen, this.deps.settings)
    if (this.#start !== null) {
      this.#start.where = where
      return
    }
    this.#start = { id, startedAtMs, where, learned: null, over: new AbortController() }
    this.#round.wake()
  }

  #end(): void {
    this.#start?.over.abort()
    this.#start = null
  }

  /**
   * Requests a look at each change, and after each interruption of the event stream, because changes during it were not
   * reported.
   */
  async #listen(): Promise<void> {
    const { neighbours, clock } = this.deps
    const { signal } = this.#stop
    const look = () => this.#look.wake()
    for (let failures = 0; !signal.aborted; failures += 1) {
      const beganMs = clock.now()
      // The event stream is opened again, however it ended; the looks report what is wrong with Docker.
      await neighbours.watch(this.node, { onOpen: look, onChange: look }, signal).catch(() => undefined)
      if (signal.aborted) return
      look()
      if (clock.now() - beganMs >= STEADY_MS) failures = 0
      await clock.sleep(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** failures), signal)
    }
  }

  async #askOn(): Promise<void> {
    const { clock, settings } = this.deps
    const { signal } = this.#stop
    while (!signal.aborted) {
      const beganMs = clock.now()
      if (this.#start !== null) await this.#ask(this.#start)
      await this.#round.wait(Math.max(0, beganMs + settings.intervalMs - clock.now()), signal)
    }
  }

  async #ask(start: Start): Promise<void> {
    const { signal } = start.over
    const { answers, learned } = await this.deps.control.ask(start.where, start.learned, signal)
    // The container ended meanwhile, or was started again.
    if (signal.aborted) return
    start.learned = learned
    this.deps.report({ type: 'control', node: this.node, atMs: this.deps.clock.now(), ...answers })
  }
}
