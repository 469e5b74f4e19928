import type { Config } from '../../src/config/config.ts'
import type { VpnSource } from '../../src/control/vpn/vpn-source.ts'
import { vpnWorkerSettingsOf } from '../../src/wire/settings.ts'
import type { ControlClient } from '../../src/workers/vpn/gluetun.ts'
import { NodeWatch, type NodeWatchDeps } from '../../src/workers/vpn/node-watch.ts'
import type { Life, LifeClock } from './life.ts'
import type { Random } from './random.ts'
import type { SimGluetun } from './sim-gluetun.ts'
import type { SimHost } from './sim-host.ts'

type Handlers = Parameters<VpnSource['start']>[0]
type Fact = Parameters<NodeWatchDeps['report']>[0]
type Answers = Awaited<ReturnType<ControlClient['ask']>>['answers']

export interface SimVpnDeps {
  readonly clock: LifeClock
  readonly life: Life
  readonly host: SimHost
  readonly random: Random
  readonly config: Config
  /** Chance that an inspection of a container, or an answer of a control server, is slow. */
  readonly trouble: number
}

const NOTHING: Answers = {
  status: null,
  forwardedPorts: null,
  publicIp: null,
  country: null,
  region: null,
  city: null,
  problem: null,
}

/** The VPN worker as one life of the orchestrator sees it: the real watch of each node, on the simulated host. */
export class SimVpn implements VpnSource {
  #handlers: Handlers | null = null
  #watches: readonly NodeWatch[] = []
  #isLost = false
  #isStopped = false

  constructor(private readonly deps: SimVpnDeps) {
    // The subscriptions would outlive the life.
    deps.life.onDeath(() => void this.#end())
  }

  start(handlers: Handlers): void {
    this.#handlers = handlers
    this.#watch()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#end()
  }

  /** Ends the worker. Another starts after a while. */
  lose(backAfterMs: number): void {
    if (this.#isLost || this.#isStopped || this.#handlers === null) return
    this.#isLost = true
    void this.#end()
    for (const node of this.deps.host.nodes.all) node.toldPorts = null
    this.#handlers.onLost()
    this.deps.clock.after(backAfterMs, () => {
      this.#isLost = false
      if (!this.#isStopped) this.#watch()
    })
  }

  #watch(): void {
    const { config, clock, host, life } = this.deps
    const { docker: runtime } = host
    if (runtime === null) return
    const settings = vpnWorkerSettingsOf(config)
    this.#watches = settings.nodes.map(
      (node) =>
        new NodeWatch(node, {
          runtime: {
            inspect: async (id, signal) => this.#late(await runtime.inspect(id, signal)),
          },
          neighbours: runtime.neighbours,
          control: { ask: (_, learned) => this.#ask(node, settings.timeoutMs, learned) },
          clock,
          settings,
          report: (fact) => life.run(() => this.#tell(fact)),
        }),
    )
    for (const watch of this.#watches) watch.start()
  }

  async #end(): Promise<void> {
    const watches = this.#watches
    this.#watches = []
    await Promise.all(watches.map((watch) => watch.stop()))
  }

  /** Delays an observation, so that more may happen before it is reported. */
  async #late<T>(seen: T): Promise<T> {
    const { random, clock, trouble } = this.deps
    await clock.sleep(random.chance(trouble) ? random.int(100, 3_000) : random.int(0, 20))
    return seen
  }

  #tell(fact: Fact): void {
    if (fact.type === 'container') {
      this.#handlers?.onContainer(fact)
      return
    }
    const node = this.deps.host.nodes.named(fact.node)
    if (node !== undefined && fact.forwardedPorts !== null) node.toldPorts = fact.forwardedPorts
    this.#handlers?.onControl(fact)
  }

  async #ask(name: string, timeoutMs: number, learned: Parameters<ControlClient['ask']>[1]) {
    const { host, clock, random, trouble } = this.deps
    const node = host.nodes.named(name)
    const hangs = node === undefined || node.control === 'hangs' || node.process?.isPaused === true
    await clock.sleep(hangs ? timeoutMs : random.chance(trouble) ? random.int(50, 2_500) : random.int(2, 40))
    const answers = hangs ? { ...NOTHING, problem: 'it hangs' } : answersOf(node)
    return { answers, learned }
  }
}

function answersOf(node: SimGluetun): Answers {
  if (node.control !== 'answers' || node.process === null)
    return { ...NOTHING, problem: node.control === 'unauthorized' ? 'it wants a key' : 'it refuses' }
  const { forwardedPorts, publicIp } = node
  return { ...NOTHING, status: node.process.loop, forwardedPorts: [...forwardedPorts], publicIp }
}
