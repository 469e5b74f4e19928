import { loadConfig } from '../../src/config/config.ts'
import { plan } from '../../src/core/plan/plan.ts'
import { type Engine, generationOf } from '../../src/core/types.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { insertEngine, liveEngines, transition, updateEngine } from '../../src/store/engines.ts'
import { leasesOf, takeLease } from '../../src/store/leases.ts'
import { insertStream } from '../../src/store/streams.ts'
import { type Base, baseOf } from '../../src/wire/base.ts'
import { HISTORY } from '../../src/wire/settings.ts'
import { type Work, workOf } from '../../src/wire/work.ts'
import { engine, stream } from '../../tests/support/builders.ts'
import { ManualVpn, nodeContainer } from '../../tests/support/manual-vpn.ts'
import { MemoryRuntime } from '../../tests/support/memory-runtime.ts'
import { type TempStore, tempStore } from '../../tests/support/temp-store.ts'
import { VirtualClock } from '../../tests/support/virtual-clock.ts'

/** The time that the main thread spent on looks and decisions: each snapshot, plan and judgement in milliseconds. */
export interface Spent {
  readonly snapshots: number[]
  readonly plans: number[]
  readonly judgements: number[]
}

const NODE = 'gluetun'
const FIRST_PORT = 19_000
const PORTS = 1_000
/** How many engines are repaired at a time, and how long that takes, which is the grace of the stop. */
const AT_ONCE = 8
const ROUND_MS = 2_000
/** Engines answer at different times of a round. The answers of this time are reported together. */
const BURST_MS = 100
const BURSTS = ROUND_MS / BURST_MS
/** Engines behind a node that comes back are asked every 2 s. */
const ROUNDS_AFTERWARDS = 3

/** How many milliseconds it takes until `size` engines are back. */
export const restartMs = (size: number): number => (Math.ceil(size / AT_ONCE) + ROUNDS_AFTERWARDS) * ROUND_MS

/**
 * Restarts the node of `size` engines, half of them with a viewer, and brings the engines back as repairs do: eight at a
 * time, with two looks before each, while all engines answer whether they are connected, and with a plan after each burst of
 * answers. The parts that look and decide are those of the application, on a database file. Containers and time are
 * simulated.
 */
export async function restartNode(size: number): Promise<Spent> {
  const site = new Site(size)
  try {
    return await site.run()
  } finally {
    await site.dispose()
  }
}

class Site {
  readonly #clock = new VirtualClock()
  readonly #vpn = new ManualVpn()
  readonly #temp: TempStore = tempStore()
  readonly #base: Base
  readonly #work: Work
  readonly #spent: Spent = { snapshots: [], plans: [], judgements: [] }

  constructor(private readonly size: number) {
    const loaded = loadConfig(
      {
        GLUETUN_CONTAINER_NAME: NODE,
        GLUETUN_PORT_RANGE: `${FIRST_PORT}-${FIRST_PORT + PORTS - 1}`,
        MIN_REPLICAS: String(size),
        MAX_REPLICAS: String(size),
        TARGET_IMAGE: 'engine:1',
        ENGINE_RECIPE: 'variables',
      },
      [],
    )
    if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
    const { config } = loaded
    const nothing = (): void => undefined
    const label = config.CONTAINER_LABEL
    const clock = this.#clock
    const adapters = {
      store: this.#temp.store,
      database: { path: ':memory:', fileSystem: null },
      runtime: new MemoryRuntime({
        clock,
        label,
        deadlinesMs: DEFAULT_DEADLINES_MS,
        images: [],
        programOf: null,
      }),
      health: { start: nothing, setTargets: nothing, stop: () => Promise.resolve() },
      vpn: this.#vpn,
      self: { container: null, gateway: () => null },
      stopSession: () => Promise.resolve('silent' as const),
      clock,
      wall: () => clock.now(),
      descriptors: null,
      connections: { closeIdle: nothing, closeAll: nothing },
      log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      newId: () => crypto.randomUUID(),
      random: () => 0.5,
      checkpoint: nothing,
      version: '0.0.0-bench',
      panel: () => Promise.reject(new Error('a benchmark has no page')),
    }
    this.#base = baseOf(config, adapters, {
      counters: createMetrics('0.0.0-bench').counters,
      history: HISTORY,
    })
    this.#work = workOf(config, adapters, this.#base)
  }

  async run(): Promise<Spent> {
    const { facts } = this.#base
    facts.setDocker('reachable', this.#clock.now())
    facts.setGap(this.#clock.now())
    facts.setCurrent()
    this.#fill()
    this.#work.vpnMonitor.start()
    await this.#startNode()
    await this.#round(() => true)
    const { judgements } = this.#spent
    judgements.splice(0)
    await this.#startNode()
    await this.#bringBack()
    for (let round = 0; round < ROUNDS_AFTERWARDS; round++) await this.#round(() => true)
    return this.#spent
  }

  async dispose(): Promise<void> {
    await this.#work.vpnMonitor.stop()
    this.#temp.dispose()
  }

  #fill(): void {
    const { store } = this.#temp
    store.transact((tx) => {
      for (let index = 0; index < this.size; index++) {
        const made = readyEngine(index, this.#clock.now())
        insertEngine(tx, made)
        for (const lease of leasesOf(made)) takeLease(tx, lease, this.#clock.now())
        this.#base.facts.setProbed(made.id, generationOf(made), this.#clock.now())
        if (index % 2 === 0) insertStream(tx, playedOn(made, this.#clock.now()))
      }
    })
  }

  /** Starts the node and waits until it counts as up. */
  async #startNode(): Promise<void> {
    const startedAtMs = this.#clock.now()
    for (let second = 0; second < 7; second++) {
      const atMs = this.#clock.now()
      this.#vpn.container(NODE, nodeContainer({ startedAtMs }), atMs)
      this.#vpn.control(NODE, atMs)
      await this.#clock.advance(1_000)
    }
    const state = this.#base.nodes.get(NODE)?.verdict.state
    if (state !== 'up') throw new Error(`the node is ${state}`)
  }

  async #bringBack(): Promise<void> {
    const restarts = this.#look().filter(({ type }) => type === 'restart')
    if (restarts.length !== this.size)
      throw new Error(`${restarts.length} of ${this.size} engines are restarted`)
    const engines = liveEngines(this.#temp.store.db)
    for (let first = 0; first < engines.length; first += AT_ONCE) {
      const batch = engines.slice(first, first + AT_ONCE)
      for (const _ of batch) this.#look()
      for (const each of batch) {
        this.#look()
        this.#restart(each)
      }
      await this.#round((index) => index < first + AT_ONCE)
    }
    const left = this.#look().filter(({ type }) => type === 'restart')
    if (left.length > 0) throw new Error(`${left.length} engines were not brought back`)
  }

  /** Makes the three commits of a restart: the engine is stopped, it runs again, it is ready. */
  #restart({ id }: Engine): void {
    const { store } = this.#temp
    const now = this.#clock.now()
    store.transact((tx) => updateEngine(tx, id, { containerState: 'restarting' }))
    store.transact((tx) => {
      updateEngine(tx, id, { containerState: 'running', containerStartedAt: now })
      transition(tx, id, ['ready'], 'starting')
    })
    this.#base.facts.setProbed(id, now, now)
    store.transact((tx) => transition(tx, id, ['starting'], 'ready', { readyAt: now }))
  }

  /** Every engine reports once whether it is connected, and a plan follows each burst of answers. */
  async #round(isConnected: (index: number) => boolean): Promise<void> {
    const engines = liveEngines(this.#temp.store.db)
    for (let burst = 0; burst < BURSTS; burst++) {
      await this.#clock.advance(BURST_MS)
      const answers = engines.flatMap((each, index) =>
        index % BURSTS === burst
          ? [
              {
                engineId: each.id,
                generation: generationOf(each),
                connected: isConnected(index),
                atMs: this.#clock.now(),
              },
            ]
          : [],
      )
      timed(this.#spent.judgements, () => this.#base.connections.note(answers))
      this.#look()
    }
  }

  #look() {
    const snapshot = timed(this.#spent.snapshots, () => this.#work.snapshots.take())
    return timed(this.#spent.plans, () => plan(snapshot)).actions
  }
}

function timed<T>(times: number[], work: () => T): T {
  const beganMs = performance.now()
  const result = work()
  times.push(performance.now() - beganMs)
  return result
}

function readyEngine(index: number, now: number): Engine {
  const id = `engine-${index}`
  const port = FIRST_PORT + index
  return engine({
    ...{ id, name: `acestream-${index + 1}`, containerId: String(index).padStart(64, '0') },
    ...{ scope: NODE, vpnNode: NODE, networkContainerId: nodeContainer().id, configHash: '' },
    ...{ httpPort: port, hostHttpPort: port, httpsPort: 45_000 + index, apiPort: 62_100 + index },
    p2pPort: 8_700 + index,
    ...{ createdAt: now - 60_000 + index, containerStartedAt: now + 1, readyAt: now },
  })
}

function playedOn({ id, containerId, httpPort }: Engine, now: number) {
  return stream({
    ...{ streamId: `key|${id}`, engineId: id, containerId, startedAt: now },
    statUrl: `http://127.0.0.1:${httpPort}/ace/stat/a/${id}`,
  })
}
