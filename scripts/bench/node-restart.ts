import { plan } from '../../src/core/plan/plan.ts'
import { type Engine, generationOf } from '../../src/core/types.ts'
import { insertEngine, liveEngines, transition, updateEngine } from '../../src/store/engines.ts'
import { leasesOf, takeLease } from '../../src/store/leases.ts'
import { insertStream } from '../../src/store/streams.ts'
import { engine, stream } from '../../tests/support/builders.ts'
import { nodeContainer } from '../../tests/support/manual-vpn.ts'
import { type Site, siteOf } from './site.ts'

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
  const restart = new Restart(size)
  try {
    return await restart.run()
  } finally {
    await restart.dispose()
  }
}

class Restart {
  readonly #site: Site
  readonly #spent: Spent = { snapshots: [], plans: [], judgements: [] }

  constructor(private readonly size: number) {
    this.#site = siteOf({
      GLUETUN_CONTAINER_NAME: NODE,
      GLUETUN_PORT_RANGE: `${FIRST_PORT}-${FIRST_PORT + PORTS - 1}`,
      MIN_REPLICAS: String(size),
      MAX_REPLICAS: String(size),
    })
  }

  async run(): Promise<Spent> {
    const { facts } = this.#site.base
    facts.setDocker('reachable', this.#site.clock.now())
    facts.setGap(this.#site.clock.now())
    facts.setCurrent()
    this.#fill()
    this.#site.work.vpnMonitor.start()
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
    await this.#site.work.vpnMonitor.stop()
    this.#site.temp.dispose()
  }

  #fill(): void {
    const { store } = this.#site.temp
    store.transact((tx) => {
      for (let index = 0; index < this.size; index++) {
        const made = readyEngine(index, this.#site.clock.now())
        insertEngine(tx, made)
        for (const lease of leasesOf(made)) takeLease(tx, lease, this.#site.clock.now())
        this.#site.base.facts.setProbed(made.id, generationOf(made), this.#site.clock.now())
        if (index % 2 === 0) insertStream(tx, playedOn(made, this.#site.clock.now()))
      }
    })
  }

  /** Starts the node and waits until it counts as up. */
  async #startNode(): Promise<void> {
    const startedAtMs = this.#site.clock.now()
    for (let second = 0; second < 7; second++) {
      const atMs = this.#site.clock.now()
      this.#site.vpn.container(NODE, nodeContainer({ startedAtMs }), atMs)
      this.#site.vpn.control(NODE, atMs)
      await this.#site.clock.advance(1_000)
    }
    const state = this.#site.base.nodes.get(NODE)?.verdict.state
    if (state !== 'up') throw new Error(`the node is ${state}`)
  }

  async #bringBack(): Promise<void> {
    const restarts = this.#look().filter(({ type }) => type === 'restart')
    if (restarts.length !== this.size)
      throw new Error(`${restarts.length} of ${this.size} engines are restarted`)
    const engines = liveEngines(this.#site.temp.store.db)
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
    const { store } = this.#site.temp
    const now = this.#site.clock.now()
    store.transact((tx) => updateEngine(tx, id, { containerState: 'restarting' }))
    store.transact((tx) => {
      updateEngine(tx, id, { containerState: 'running', containerStartedAt: now })
      transition(tx, id, ['ready'], 'starting')
    })
    this.#site.base.facts.setProbed(id, now, now)
    store.transact((tx) => transition(tx, id, ['starting'], 'ready', { readyAt: now }))
  }

  /** Every engine reports once whether it is connected, and a plan follows each burst of answers. */
  async #round(isConnected: (index: number) => boolean): Promise<void> {
    const engines = liveEngines(this.#site.temp.store.db)
    for (let burst = 0; burst < BURSTS; burst++) {
      await this.#site.clock.advance(BURST_MS)
      const answers = engines.flatMap((each, index) =>
        index % BURSTS === burst
          ? [
              {
                engineId: each.id,
                generation: generationOf(each),
                connected: isConnected(index),
                atMs: this.#site.clock.now(),
              },
            ]
          : [],
      )
      timed(this.#spent.judgements, () => this.#site.base.connections.note(answers))
      this.#look()
    }
  }

  #look() {
    const snapshot = timed(this.#spent.snapshots, () => this.#site.work.snapshots.take())
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
