import type { Database } from 'bun:sqlite'
import { type Config, loadConfig } from '../../src/config/config.ts'
import type { StopSession } from '../../src/control/streams/stream-stops.ts'
import type { HostPort } from '../../src/core/types.ts'
import { RuntimeFailure } from '../../src/runtime/runtime.ts'
import type { History } from '../../src/wire/settings.ts'
import { createOrchestrator, type Orchestrator } from '../../src/wire/wire.ts'
import { MemorySwarm } from '../support/memory-swarm.ts'
import { type Coverage, count, PASSES, tally } from './coverage.ts'
import { CrashPlan } from './crashes.ts'
import type { FaultDice } from './fault-dice.ts'
import { Crashed, Life, LifeClock } from './life.ts'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'
import { SimDocker } from './sim-docker.ts'
import { SimHealth } from './sim-health.ts'
import type { SimHost } from './sim-host.ts'
import type { SimRuntime, SimRuntimeDeps } from './sim-runtime.ts'
import { storeOf } from './sim-store.ts'
import { SimSwarmRuntime } from './sim-swarm-runtime.ts'
import { SimVpn } from './sim-vpn.ts'
import { callingSite } from './sites.ts'
import type { StreamChecks } from './stream-checks.ts'
import type { Trace } from './trace.ts'

export interface ServerDeps {
  readonly clock: SimClock
  readonly random: Random
  readonly trace: Trace
  readonly host: SimHost
  readonly database: Database
  readonly dice: FaultDice
  readonly coverage: Coverage
  readonly history: History
  readonly streamChecks: StreamChecks
  readonly onAsk: SimRuntimeDeps['onAsk']
  readonly onCommit: () => void
  /** How long the next commit takes, in milliseconds. */
  readonly commitMs: () => number
  /** Called when a full pass was logged as done. */
  readonly onPass: () => void
  /** Called when the production code logged an error that no simulated fault explains. */
  readonly onDefect: (text: string) => void
}

/** Chance that an inspection of a node, or an answer of its control server, is slow. */
const VPN_TROUBLE = 0.05

/** Throws if the scenario's environment is not a valid configuration. */
export function configOf(env: Readonly<Record<string, string>>): Config {
  const loaded = loadConfig(env, [])
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

/** One running process of the orchestrator. */
export interface Running {
  readonly life: Life
  readonly orchestrator: Orchestrator
  readonly health: SimHealth
  readonly vpn: SimVpn
  readonly config: Config
}

/** The orchestrator as a process that is started, crashes and is started again. */
export class Server {
  readonly crashes: CrashPlan
  running: Running | null = null
  readonly #failures = new Map<string, number>()
  #lives = 0
  #lifeSinceMs = 0
  #ids = 0

  constructor(private readonly deps: ServerDeps) {
    this.crashes = new CrashPlan(deps.random.stream('crashes'))
  }

  /** How often the process was started. */
  get lives(): number {
    return this.#lives
  }

  /** When the present or last life began. */
  get lifeSinceMs(): number {
    return this.#lifeSinceMs
  }

  /** The consecutive failed probes of an engine's process that were reported. */
  failuresOf(engineId: string): number {
    return this.#failures.get(engineId) ?? 0
  }

  /** Starts a life. The life may already be over when this returns. */
  start(env: Readonly<Record<string, string>>, onDeath: () => void = () => undefined): void {
    const { trace, clock } = this.deps
    const life = new Life(++this.#lives)
    this.#lifeSinceMs = this.deps.clock.now()
    const config = configOf(env)
    trace.note('server', `life ${life.number} starts`)
    life.onDeath(() => {
      this.running = null
      this.crashes.ended()
      onDeath()
    })
    const lifeClock = new LifeClock(clock, life, (setAt) => {
      if (this.crashes.atTimer()) this.#crash(life, `${callingSite(setAt)}:timer`)
    })
    const health = this.#health(lifeClock, config)
    const vpn = this.#vpn(lifeClock, life, config)
    const orchestrator = createOrchestrator(
      config,
      this.#adapters(life, lifeClock, { health, vpn }),
      this.deps.history,
    )
    this.running = { life, orchestrator, health, vpn, config }
    life.run(() => orchestrator.start())
  }

  /** Lets the running process crash at a place of the simulation itself. */
  checkpoint(name: string): void {
    if (this.running !== null) this.#mayCrash(this.running.life, name)
  }

  /** Simulates SIGTERM: the loops end, then the process. */
  async stop(): Promise<void> {
    const { running } = this
    if (running === null) return
    this.deps.trace.note('server', `life ${running.life.number} is asked to stop`)
    const stopped = running.orchestrator.stop()
    await Promise.race([stopped, this.deps.clock.sleep(900)])
    running.life.die()
  }

  #health(clock: LifeClock, config: Config): SimHealth {
    const { host, random, trace, streamChecks } = this.deps
    return new SimHealth({
      clock,
      streamChecks,
      host,
      trace,
      random: random.stream(`health ${this.#lives}`),
      failures: this.#failures,
      threshold: config.HEALTH_FAILURE_THRESHOLD,
      intervalMs: config.HEALTH_CHECK_INTERVAL_S * 1_000,
      collectMs: config.COLLECT_INTERVAL_S * 1_000,
    })
  }

  #vpn(clock: LifeClock, life: Life, config: Config): SimVpn {
    const { host, random } = this.deps
    return new SimVpn({
      ...{ clock, life, host, config },
      random: random.stream(`vpn ${this.#lives}`),
      trouble: VPN_TROUBLE,
    })
  }

  #adapters(
    life: Life,
    clock: LifeClock,
    sources: { readonly health: SimHealth; readonly vpn: SimVpn },
  ): Parameters<typeof createOrchestrator>[1] {
    const { host, dice, coverage, trace, onAsk, database, onCommit, commitMs, random } = this.deps
    const chance = random.stream(`life ${life.number}`)
    return {
      self: { container: null, gateway: () => null },
      store: storeOf(life, database, onCommit, () => this.deps.clock.spend(commitMs())),
      runtime: this.#runtime({ life, crashes: this.crashes, dice, coverage, trace, onAsk }),
      ...sources,
      stopSession: (addresses, path) => stopAt(host, addresses, path),
      clock,
      database: { path: ':memory:', fileSystem: null },
      wall: () => clock.now(),
      descriptors: null,
      connections: { closeIdle: () => undefined, closeAll: () => undefined },
      log: this.#log(life),
      newId: () => `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`,
      random: () => chance.float(),
      checkpoint: (name) => this.#mayCrash(life, name),
      version: '0.0.0-sim',
      panel: () => Promise.reject(new Error('the simulation has no page')),
    }
  }

  #runtime(deps: Omit<SimRuntimeDeps, 'host'>): SimRuntime {
    const { runtime } = this.deps.host
    return runtime instanceof MemorySwarm ? new SimSwarmRuntime(runtime, deps) : new SimDocker(runtime, deps)
  }

  #log(life: Life): Parameters<typeof createOrchestrator>[1]['log'] {
    const { trace, onDefect, onPass, coverage } = this.deps
    const note =
      (level: string) =>
      (fields: object, message: string): void => {
        if (life.isDead) return
        if (message === 'reindex: full pass') onPass()
        trace.note(`life ${life.number}`, `${level} ${message} ${JSON.stringify(fields)}`)
      }
    return {
      debug: (_, message) => {
        if (message === 'planned' && !life.isDead) tally(coverage, PASSES)
      },
      info: (fields, message) => {
        if (message.startsWith('engine is kept')) tally(coverage, 'engine kept for a viewer in no book')
        note('info')(fields, message)
      },
      warn: (fields, message) => {
        if ('warning' in fields) tally(coverage, `warning ${fields.warning}`)
        note('warn')(fields, message)
      },
      error: (fields, message) => {
        const error = 'err' in fields ? fields.err : null
        if (life.isDead || error instanceof Crashed) return
        // A refusal of Docker is no defect of ours, even if it is logged as an error.
        if (error instanceof RuntimeFailure) return note('error')({}, `${message}: ${error.message}`)
        const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
        note('ERROR')({}, `${message}: ${stack}`)
        onDefect(`${message}: ${stack}`)
      },
    }
  }

  #mayCrash(life: Life, checkpoint: string): void {
    if (life.isDead || !this.crashes.atCheckpoint(checkpoint)) return
    this.#crash(life, `checkpoint ${checkpoint}`)
    life.assertAlive()
  }

  #crash(life: Life, site: string): void {
    if (life.isDead) return
    count(this.deps.coverage.crashes, site, 'at')
    this.deps.trace.note('CRASH', `life ${life.number} at ${site}`)
    life.die()
  }
}

/** Stops a session at the engine behind the published port, if nobody reads it. Shared sessions with readers go on. */
function stopAt(host: SimHost, [address]: readonly HostPort[], path: string): ReturnType<StopSession> {
  const { process } = host.reach(address)
  if (process?.plays !== true) return Promise.resolve('silent')
  const id = path.split('/').at(-1) ?? ''
  if (process.session(id) === undefined) return Promise.resolve('unknown')
  process.stop(id)
  return Promise.resolve('stopped')
}
