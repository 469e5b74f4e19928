import type { NetworkFact } from '../../src/control/facts/connection-facts.ts'
import type { SessionFact } from '../../src/control/facts/session-facts.ts'
import type { HealthSource, HealthTarget } from '../../src/control/health/health-source.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { figures } from '../support/builders.ts'
import type { Random } from './random.ts'
import type { Reach, SimHost } from './sim-host.ts'
import { SimNetwork } from './sim-network.ts'
import type { StreamChecks } from './stream-checks.ts'
import type { Trace } from './trace.ts'

type Handlers = Parameters<HealthSource['start']>[0]

interface Watch {
  target: HealthTarget
  cancel: () => void
}

export interface SimHealthDeps {
  readonly clock: Clock
  readonly host: SimHost
  readonly random: Random
  readonly trace: Trace
  readonly intervalMs: number
  readonly collectMs: number
  /**
   * The reported consecutive failures of each engine's process. They outlive the watch and the life, so that decisions based
   * on them can still be checked.
   */
  readonly failures: Map<string, number>
  readonly threshold: number
  /** Receives the facts about sessions, before and after the orchestrator gets them. */
  readonly streamChecks: Pick<StreamChecks, 'telling' | 'told' | 'forget'>
}

/** Real probes come five times a second. Simulating that would cost more than it finds. */
const BOOT_INTERVAL_MS = 500
const DOUBT_INTERVAL_MS = 1_000
const TIMEOUT_MS = 5_000

/** The health worker as one life of the orchestrator sees it: probes the simulated engines and asks about sessions. */
export class SimHealth implements HealthSource {
  #handlers: Handlers | null = null
  #targets: readonly HealthTarget[] = []
  readonly #watches = new Map<string, Watch>()
  /**
   * The start of each engine whose failures are counted. For any other start the next failure is the first. A process that is
   * not probed for a while, because it was to be restarted and was not, is still the one that has failed.
   */
  readonly #counted = new Map<string, number>()
  readonly #successes = new Map<string, number>()
  readonly #network: SimNetwork
  /** How often the worker was lost. What engines said is forgotten then. */
  losses = 0
  #isLost = false
  #isStopped = false

  constructor(private readonly deps: SimHealthDeps) {
    const { clock, host, random } = deps
    const tell = (fact: NetworkFact): void => this.#handlers?.onNetwork([fact])
    this.#network = new SimNetwork({ clock, host, random: random.stream('network'), tell })
  }

  start(handlers: Handlers): void {
    this.#handlers = handlers
    this.deps.streamChecks.forget()
    this.#collectLater()
  }

  setTargets(targets: readonly HealthTarget[]): void {
    this.#targets = targets
    if (this.#isLost || this.#isStopped) return
    const wanted = new Set(targets.map(({ engineId }) => engineId))
    for (const id of this.#watches.keys()) if (!wanted.has(id)) this.#drop(id)
    for (const target of targets) this.#take(target)
    this.#network.setTargets(targets)
  }

  stop(): Promise<void> {
    this.#isStopped = true
    this.#dropAll()
    return Promise.resolve()
  }

  /** Ends the worker. Another starts after a while and receives the last targets. */
  lose(backAfterMs: number): void {
    if (this.#isLost || this.#isStopped) return
    this.#isLost = true
    this.losses++
    this.#dropAll()
    this.#counted.clear()
    this.deps.streamChecks.forget()
    this.#handlers?.onLost()
    this.deps.clock.after(backAfterMs, () => {
      this.#isLost = false
      this.setTargets(this.#targets)
    })
  }

  #dropAll(): void {
    for (const id of this.#watches.keys()) this.#drop(id)
    this.#network.setTargets([])
  }

  #take(target: HealthTarget): void {
    const known = this.#watches.get(target.engineId)
    if (known === undefined) {
      const watch: Watch = { target, cancel: () => undefined }
      this.#watches.set(target.engineId, watch)
      this.#probeAfter(watch, 0)
      return
    }
    const isSameProcess = known.target.generation === target.generation
    const { isBooting: wasBooting, isInDoubt: wasInDoubt } = known.target
    known.target = target
    if (!isSameProcess) this.deps.failures.delete(target.engineId)
    const isInDoubt = target.isInDoubt && !wasInDoubt
    if (!isSameProcess || (target.isBooting && !wasBooting) || isInDoubt) this.#probeAfter(known, 0)
    else if (wasBooting && !target.isBooting) this.#probeAfter(known, this.#nextMs(target))
  }

  #drop(engineId: string): void {
    this.#watches.get(engineId)?.cancel()
    this.#watches.delete(engineId)
  }

  #probeAfter(watch: Watch, ms: number): void {
    watch.cancel()
    watch.cancel = this.deps.clock.after(ms, () => this.#probe(watch))
  }

  #probe(watch: Watch): void {
    const { host, random, clock } = this.deps
    const { target } = watch
    const { kind } = host.reach(target.addresses[0])
    if (target.isBooting) this.#probeAfter(watch, BOOT_INTERVAL_MS)
    if (target.isBooting && kind !== 'answers') {
      const { engineId, generation } = target
      this.#handlers?.onBoot({ engineId, generation, probes: 1, error: kind })
      return
    }
    const error = kind === 'answers' ? null : kind === 'refused' ? 'connection refused' : 'no answer in time'
    const tookMs = kind === 'silent' ? TIMEOUT_MS : random.int(0, 60)
    const cancel = clock.after(tookMs, () => this.#tell(watch, target, error))
    if (!target.isBooting) watch.cancel = cancel
  }

  #tell(watch: Watch, target: HealthTarget, error: string | null): void {
    const isStale =
      this.#watches.get(target.engineId) !== watch || watch.target.generation !== target.generation
    if (isStale) return
    const { engineId, generation } = target
    const isCounted = this.#counted.get(engineId) === generation
    const before = isCounted ? (this.deps.failures.get(engineId) ?? 0) : 0
    const failures = this.#failuresAfter(engineId, before, error === null)
    this.#counted.set(engineId, generation)
    this.deps.failures.set(engineId, failures)
    if (error !== null) this.deps.trace.note('probe', `${engineId.slice(-4)} ${error} (${failures})`)
    if (!watch.target.isBooting) this.#probeAfter(watch, this.#nextMs(watch.target))
    this.#handlers?.onFact({ engineId, generation, ok: error === null, atMs: this.deps.clock.now(), error })
  }

  /** An unhealthy engine stays unhealthy until it has answered as many times in a row as it had to fail before. */
  #failuresAfter(engineId: string, before: number, isGood: boolean): number {
    const successes = isGood ? (this.#successes.get(engineId) ?? 0) + 1 : 0
    this.#successes.set(engineId, successes)
    if (!isGood) return before + 1
    const isStillIll = before >= this.deps.threshold && successes < this.deps.threshold
    return isStillIll ? before : 0
  }

  /** Between half an interval and a whole one, like the worker, and at most a second for an engine in doubt. */
  #nextMs({ isInDoubt }: HealthTarget): number {
    const ms = Math.round(this.deps.intervalMs * this.deps.random.between(0.5, 1))
    return isInDoubt ? Math.min(ms, DOUBT_INTERVAL_MS) : ms
  }

  #collectLater(): void {
    this.deps.clock.after(this.deps.collectMs, () => {
      if (this.#isStopped) return
      this.#collectLater()
      if (this.#isLost) return
      const answers = this.#targets.flatMap((target) => {
        const reached = this.deps.host.reach(target.addresses[0])
        return target.sessions.map(({ streamRowId, path }) => this.#ask(target, reached, streamRowId, path))
      })
      this.deps.streamChecks.telling(answers)
      this.#handlers?.onSessions(answers)
      this.deps.streamChecks.told()
    })
  }

  #ask(
    { engineId, generation }: HealthTarget,
    reached: Reach,
    streamRowId: number,
    path: string,
  ): SessionFact {
    const fact = { engineId, generation, streamRowId, atMs: this.deps.clock.now() }
    if (reached.process?.plays !== true) return { ...fact, state: 'silent', figures: null }
    const session = reached.process.session(path.split('/').at(-1) ?? '')
    if (session === undefined) return { ...fact, state: 'ended', figures: null }
    if (session.answeredMs !== fact.atMs) session.answers++
    session.answeredMs = fact.atMs
    return { ...fact, state: 'serves', figures: figures({ downloaded: session.bytes }) }
  }
}
