import type { FleetSnapshot, Plan } from '../../core/plan/fleet-snapshot.ts'
import { plan } from '../../core/plan/plan.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { backoffMs, WorkQueue } from '../../lib/workqueue.ts'
import type { Store } from '../../store/store.ts'
import type { Observer } from '../containers/observer.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { ExpectedStreams } from '../facts/expected-streams.ts'
import type { Facts } from '../facts/facts.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { ImageFacts } from '../facts/image-facts.ts'
import type { PlaybackFacts } from '../facts/playback-facts.ts'
import type { ReachFacts } from '../facts/reach-facts.ts'
import type { SessionFacts } from '../facts/session-facts.ts'
import type { ViewerWatch } from '../viewers/viewer-watch.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'
import type { Executor } from './executor.ts'
import type { FleetSnapshots } from './fleet-snapshots.ts'

export interface ReconcilerDeps {
  readonly store: Store
  readonly clock: Clock
  readonly facts: Facts
  readonly sessions: SessionFacts
  readonly connections: ConnectionFacts
  readonly nodes: VpnNodes
  readonly images: ImageFacts
  readonly playback: Pick<PlaybackFacts, 'onNews'>
  readonly outOfReach: Pick<ReachFacts, 'onNews'>
  readonly hosts: Pick<HostFacts, 'onNews'>
  readonly expected: Pick<ExpectedStreams, 'onNews'>
  readonly viewers: ViewerWatch
  readonly observer: Pick<Observer, 'onPass'>
  readonly snapshots: FleetSnapshots
  readonly executor: Executor
  readonly log: Log
  /** Returns numbers in [0, 1), for the jitter of the backoff. */
  readonly random: () => number
  /** Called with the fleet snapshot of each plan, even if nothing may be decided. */
  readonly onLook: (snapshot: FleetSnapshot) => void
  /** Called when a plan was made and executed. */
  readonly onPass: () => void
  readonly onError: OnError
}

const PLAN = 'plan'
const RETRY = { minMs: 500, maxMs: 30_000 }

/**
 * The shortest time from the end of one plan to the next. Changes in a burst lead to one plan, and if commits are slow, most
 * of the time is left for the work that asks for plans.
 */
const REST_MS = 100

/**
 * Brings the fleet to the wanted state: takes a snapshot, makes a plan, executes it, and repeats.
 *
 * INVARIANTS: there is one plan at a time, made and executed without a wait in between, so nothing changes meanwhile. A
 * change only asks for another plan, and never continues an old one. While the facts may be out of date, nothing is decided.
 */
export class Reconciler {
  readonly #stop = new AbortController()
  readonly #queue: WorkQueue

  constructor(private readonly deps: ReconcilerDeps) {
    this.#queue = new WorkQueue({
      clock: deps.clock,
      concurrency: 1,
      work: () => this.#pass(),
      onError: (_, error) => deps.onError(error),
      backoffMs: (attempt) => backoffMs(attempt, RETRY, deps.random),
    })
  }

  start(): void {
    const {
      store,
      facts,
      sessions,
      connections,
      nodes,
      images,
      playback,
      outOfReach,
      hosts,
      expected,
      viewers,
      observer,
    } = this.deps
    const soon = (): void => this.soon()
    store.onCommit(soon)
    observer.onPass(soon)
    for (const source of [
      facts,
      sessions,
      connections,
      nodes,
      images,
      playback,
      outOfReach,
      hosts,
      expected,
      viewers,
    ])
      source.onNews(soon)
    soon()
  }

  /** Starts nothing new. Resolves when the running work has ended. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#queue.stop()
  }

  /** Asks for another plan soon. The plan is never made in the same call. */
  soon(): void {
    this.#queue.add(PLAN)
  }

  /** What a plan would do now. */
  dryRun(): Plan {
    return plan(this.deps.snapshots.take())
  }

  /** Makes and executes a plan, then rests. A plan that is asked for meanwhile follows afterwards. */
  async #pass(): Promise<void> {
    try {
      this.#planAndDo()
    } finally {
      await this.deps.clock.sleep(REST_MS, this.#stop.signal)
    }
  }

  #planAndDo(): void {
    const { clock, snapshots, executor, viewers, log, onLook, onPass } = this.deps
    const snapshot = snapshots.take()
    onLook(snapshot)
    const { actions, looks, wakeAtMs } = plan(snapshot)
    for (const action of actions) executor.execute(action)
    viewers.want(looks)
    onPass()
    log.debug({ actions: actions.length, wake_at: wakeAtMs }, 'planned')
    if (wakeAtMs !== null) this.#queue.addWithin(PLAN, Math.max(REST_MS, wakeAtMs - clock.now()))
  }
}
