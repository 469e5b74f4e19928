import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { backoffMs, WorkQueue } from '../../lib/workqueue.ts'
import type { Repairs } from './repairs.ts'

export interface RepairQueueDeps {
  readonly clock: Clock
  readonly repairs: Pick<Repairs, 'repair'>
  /** Returns numbers in [0, 1), for the jitter of the backoff. */
  readonly random: () => number
  readonly onError: OnError
}

const CONCURRENT_REPAIRS = 8
const RETRY = { minMs: 500, maxMs: 30_000 }

/**
 * Runs repairs, several at a time. Plans and looks have queues of their own, so they never wait for the containers of
 * repairs.
 */
export class RepairQueue {
  readonly #queue: WorkQueue

  constructor(deps: RepairQueueDeps) {
    this.#queue = new WorkQueue({
      clock: deps.clock,
      concurrency: CONCURRENT_REPAIRS,
      work: (engineId) => deps.repairs.repair(engineId),
      onError: (_, error) => deps.onError(error),
      backoffMs: (attempt) => backoffMs(attempt, RETRY, deps.random),
    })
  }

  /** Asks for a repair of an engine. A repair that has just failed still waits for its backoff. */
  add(engineId: string): void {
    this.#queue.addUnlessKnown(engineId)
  }

  /** Starts nothing new. Resolves when the running repairs have ended. */
  async stop(): Promise<void> {
    await this.#queue.stop()
  }
}
