import { plan } from '../core/plan.ts'
import type { Action, Plan } from '../core/situation.ts'
import type { Clock } from '../lib/clock.ts'
import type { OnError } from '../lib/guard.ts'
import type { Log } from '../lib/log.ts'
import { backoffMs, WorkQueue } from '../lib/workqueue.ts'
import { RuntimeFailure } from '../runtime/runtime.ts'
import type { Store } from '../store/store.ts'
import type { ConnectionFacts } from './connection-facts.ts'
import type { Executor } from './executor.ts'
import type { Facts } from './facts.ts'
import type { Repairs } from './repairs.ts'
import type { SessionFacts } from './session-facts.ts'
import type { Survey } from './survey.ts'
import type { VpnNodes } from './vpn-nodes.ts'

export interface ReconcilerDeps {
  readonly store: Store
  readonly clock: Clock
  readonly facts: Facts
  readonly sessions: SessionFacts
  readonly connections: ConnectionFacts
  readonly nodes: VpnNodes
  readonly survey: Survey
  readonly executor: Executor
  readonly repairs: Repairs
  readonly log: Log
  /** Uniform in [0, 1), for the jitter of back-offs. */
  readonly random: () => number
  /** Called when a plan was made and done. */
  readonly onPass: () => void
  readonly onError: OnError
}

const PLAN = 'plan'
const CONCURRENT_REPAIRS = 8
const RETRY = { minMs: 500, maxMs: 30_000 }

/** The least time between two plans: what changes in a burst is looked at once. */
const REST_MS = 100

/**
 * Brings the fleet to what is wanted: observes, plans, does, again and again.
 *
 * INVARIANTS: one plan at a time, made and done without a wait in between, so nothing changes under it. Whatever changes
 * only asks for another plan, and never continues an old one. Where what is known may be out of date, nothing is decided.
 */
export class Reconciler {
  readonly #queue: WorkQueue
  #lastPassMs = Number.NEGATIVE_INFINITY

  constructor(private readonly deps: ReconcilerDeps) {
    this.#queue = new WorkQueue({
      clock: deps.clock,
      concurrency: CONCURRENT_REPAIRS,
      work: (key) => (key === PLAN ? this.#pass() : deps.repairs.repair(key)),
      onError: (key, error, attempt) => this.#failed(key, error, attempt),
      backoffMs: (attempt) => backoffMs(attempt, RETRY, deps.random),
    })
  }

  start(): void {
    const { store, facts, sessions, connections, nodes } = this.deps
    store.onCommit(() => this.soon())
    facts.onNews(() => this.soon())
    sessions.onNews(() => this.soon())
    connections.onNews(() => this.soon())
    nodes.onNews(() => this.soon())
    this.soon()
  }

  /** Begins nothing new, and resolves when what runs has ended. */
  async stop(): Promise<void> {
    await this.#queue.stop()
  }

  /** Asks for another plan, soon. */
  soon(): void {
    const waitMs = this.#lastPassMs + REST_MS - this.deps.clock.now()
    if (waitMs <= 0) this.#queue.add(PLAN)
    else this.#queue.addWithin(PLAN, waitMs)
  }

  /** Asks for a repair of an engine; one that failed just now keeps to its back-off. */
  repair(engineId: string): void {
    this.#queue.addUnlessKnown(engineId)
  }

  /** What would be done now. */
  dryRun(): Plan {
    return plan(this.deps.survey.take())
  }

  /** What the plan of this moment wants done with one engine. */
  actionFor(engineId: string): Action | undefined {
    return this.dryRun().actions.find((action) => 'engineId' in action && action.engineId === engineId)
  }

  async #pass(): Promise<void> {
    const { clock, executor, log, onPass } = this.deps
    this.#lastPassMs = clock.now()
    const { actions, wakeAtMs } = this.dryRun()
    for (const action of actions) executor.execute(action)
    onPass()
    log.debug({ actions: actions.length, wake_at: wakeAtMs }, 'planned')
    if (wakeAtMs !== null) this.#queue.addWithin(PLAN, Math.max(REST_MS, wakeAtMs - clock.now()))
  }

  #failed(key: string, error: unknown, attempt: number): void {
    const { log, onError } = this.deps
    if (error instanceof RuntimeFailure && error.code === 'unreachable')
      log.debug({ key, attempt }, `not mended: ${error.message}`)
    else onError(error)
  }
}
