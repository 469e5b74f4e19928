import { type Coverage, count, tally } from './coverage.ts'
import { NO_FAULTS } from './faults.ts'
import type { Random } from './random.ts'
import { type Env, type Scenario, without } from './scenario.ts'
import type { Running } from './server.ts'
import { settlingMs, unsettled } from './settling.ts'
import type { Surroundings } from './sites.ts'
import { samplesFaults } from './table-bounds.ts'
import { setEventTrouble, setLatencies } from './weather.ts'
import { World } from './world.ts'

const CHECK_EVERY_MS = 5_000
const VPN_CHECK_EVERY_MS = 1_700
const HOSTS_CHECK_EVERY_MS = 2_300
/** How long the settled fleet must stay unchanged. */
const STEADY_MS = 20_000
/** A crash that has not found a place by then happens at the next call. */
const CRASH_PATIENCE_MS = 60_000

/** The result of one seed. */
export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly trace: readonly string[]
  readonly traceHash: string
  readonly simulatedMs: number
  readonly settledMs: number | null
  readonly coverage: Coverage
}

/** Runs one seed to its end or to the first violation. */
export class Simulation {
  readonly #world: World
  readonly #startMs: number
  #env: Env
  #settledMs: number | null = null

  constructor(
    private readonly seed: number,
    echo: ((line: string) => void) | null = null,
    leftOut: ReadonlySet<string> = new Set(),
  ) {
    this.#world = new World(seed, echo, (scenario) => without(scenario, leftOut))
    this.#startMs = this.#world.clock.now()
    this.#env = this.#world.scenario.env
  }

  /** Notes a failure outside every step, such as an unhandled rejection. */
  defect(text: string): void {
    this.#world.violate(text)
  }

  async run(): Promise<Outcome> {
    const { scenario, trace } = this.#world
    trace.note('scenario', JSON.stringify(scenario))
    try {
      await this.#rage()
      await this.#settle()
    } catch (error) {
      this.defect(`the run broke off: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
    }
    const { violations, clock, coverage } = this.#world
    const simulatedMs = clock.now() - this.#startMs
    this.#world.server.running?.life.die()
    tally(coverage, 'lives', this.#world.server.lives)
    return {
      seed: this.seed,
      violations,
      trace: trace.tail(),
      traceHash: trace.hash(),
      simulatedMs,
      settledMs: this.#settledMs,
      coverage,
    }
  }

  /** The period in which faults happen. */
  async #rage(): Promise<void> {
    const world = this.#world
    const { scenario, dice, chaos, clock, random } = world
    dice.rates = scenario.rates
    setLatencies(world, random.stream('latency'))
    setEventTrouble(world, random.stream('events'))
    chaos.prepare(scenario)
    world.owners.begins()
    this.#start()
    world.proxies.begin()
    chaos.start(scenario.chaos)
    this.#populate()
    this.#lookAtVpn()
    this.#lookAtHosts()
    this.#armCrashes(random.stream('crash times'))
    await this.#until(clock.now() + scenario.faultsMs)
  }

  #populate(): void {
    const { crowds, lookers, random, scenario } = this.#world
    const { playersEveryMs, listsEveryMs, groupsEveryMs, lookersEveryMs } = scenario
    crowds.come(random.stream('arrivals'), scenario.viewersEveryMs)
    if (playersEveryMs !== null) crowds.comeAlone(random.stream('players'), playersEveryMs)
    if (listsEveryMs !== null) crowds.comeWithLists(random.stream('lists'), listsEveryMs)
    if (groupsEveryMs !== null) crowds.comeTogether(random.stream('groups'), groupsEveryMs)
    if (lookersEveryMs !== null)
      lookers.come(random.stream('lookers'), lookersEveryMs, (error) =>
        this.defect(`a looker failed: ${error}`),
      )
  }

  /** Stops all faults. The fleet must settle within its bound and stay settled. */
  async #settle(): Promise<void> {
    const { trace, dice, chaos, host, viewers, lookers, clock, server, scenario } = this.#world
    if (this.#isBroken) return
    trace.note('scenario', 'all faults stop')
    dice.rates = NO_FAULTS
    host.runtime.deliverAfterMs = () => [0]
    server.crashes.disarm()
    chaos.stop()
    // Events that were lost until now are found at the latest by the full pass after a gap.
    host.runtime.breakEvents()
    const misses = scenario.swarm?.missesOne ?? null
    if (misses !== null) host.swarm?.miss(misses)
    viewers.quieten()
    lookers.stop()
    const { config } = await this.#up()
    const fromMs = clock.now()
    const boundMs = settlingMs(config)
    let problems: readonly string[] = []
    let steadyFromMs: number | null = null
    while (clock.now() < fromMs + boundMs && !this.#isBroken) {
      await this.#until(clock.now() + CHECK_EVERY_MS)
      problems = await this.#unsettled()
      if (problems.length > 0) steadyFromMs = null
      else steadyFromMs ??= clock.now()
      if (steadyFromMs !== null && clock.now() - steadyFromMs >= STEADY_MS) {
        this.#settledMs = steadyFromMs - fromMs
        return
      }
    }
    if (!this.#isBroken)
      this.#world.violate(`not settled after ${Math.round(boundMs / 1_000)} s: ${problems.join('; ')}`)
  }

  get #isBroken(): boolean {
    return this.#world.violations.length > 0
  }

  async #until(untilMs: number): Promise<void> {
    const { clock, host } = this.#world
    while (!this.#isBroken && (await clock.step(untilMs))) host.look()
  }

  /** The running process. Waits for the next one if the last has just crashed. */
  async #up(): Promise<Running> {
    const { server, clock } = this.#world
    while (server.running === null) await this.#until(clock.now() + 1_000)
    return server.running
  }

  async #unsettled(): Promise<readonly string[]> {
    const { books, database, host, orders, http, server, promises, vpn, outside, owners } = this.#world
    await promises.check()
    await vpn.check()
    const answer = await http.ask({ method: 'GET', path: '/engines' })
    if (server.running === null || answer?.status !== 200) return ['no answer']
    const { config } = server.running
    const [fault] = samplesFaults(database, config.STATS_HISTORY_MAX)
    if (fault !== undefined) this.#world.violate(fault)
    const listed = answer.body as unknown[]
    return [...unsettled({ books, host, orders, config, outside, listed }), ...owners.missed()]
  }

  #start(): void {
    const { server, clock, random } = this.#world
    this.#world.startServer(this.#env, () => {
      const { changedEnv } = this.#world.scenario
      if (changedEnv !== null && this.#env !== changedEnv) {
        if (changedEnv.MIN_REPLICAS !== this.#env.MIN_REPLICAS) this.#world.orders.unscale()
        this.#env = changedEnv
      }
      const downMs = random.stream(`down ${server.lives}`).int(200, 10_000)
      clock.after(downMs, () => this.#start())
    })
    // The VPN promises hold from the first answer on.
    clock.after(0, () => this.#checkVpn())
  }

  #lookAtVpn(): void {
    const { clock, host } = this.#world
    if (host.nodes.all.length === 0) return
    clock.after(VPN_CHECK_EVERY_MS, () => {
      this.#lookAtVpn()
      this.#checkVpn()
    })
  }

  #checkVpn(): void {
    const { vpn } = this.#world
    vpn.check().catch((error: unknown) => this.defect(`a look at the VPN failed: ${error}`))
  }

  #lookAtHosts(): void {
    const { clock, host, hosts } = this.#world
    if (host.swarm === null) return
    clock.after(HOSTS_CHECK_EVERY_MS, () => {
      this.#lookAtHosts()
      hosts.look().catch((error: unknown) => this.defect(`a look at the hosts failed: ${error}`))
    })
  }

  #armCrashes(random: Random): void {
    const { scenario, clock } = this.#world
    for (let n = 0; n < scenario.crashes; n++)
      clock.after(random.int(1_000, scenario.faultsMs - CRASH_PATIENCE_MS), () => this.#crash(random))
    for (let n = 0; n < scenario.placedCrashes; n++)
      clock.after(random.int(1_000, 60_000), () =>
        this.#world.server.crashes.armAtPlace(surroundingsOf(scenario)),
      )
  }

  #crash(random: Random): void {
    const { server, clock, coverage } = this.#world
    if (server.running === null) return
    if (random.chance(0.15)) {
      count(coverage.crashes, 'SIGTERM', 'at')
      void server.stop()
      return
    }
    clock.after(CRASH_PATIENCE_MS, server.crashes.arm())
  }
}

function surroundingsOf({ swarm, vpn }: Pick<Scenario, 'swarm' | 'vpn'>): Surroundings {
  if (swarm !== null) return 'swarm'
  return vpn === null ? 'docker' : 'vpn'
}
