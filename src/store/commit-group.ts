import type { Clock } from '../lib/clock.ts'
import type { Outcome, Part, Store, Work } from './store.ts'

/** The most transactions that are committed at once, so that the thread is not held up for long. */
const GROUP_MAX = 64

interface Waiting extends Part {
  readonly settle: (outcome: Outcome) => void
}

/**
 * Commits transactions together that were asked for in the same turn of the event loop, because a commit waits for the disk,
 * which is the larger part of the cost of a small transaction. While one group is written, the next one arrives. One alone
 * waits for no timer.
 *
 * Only for transactions that come from outside and do not depend on each other: another transaction may be committed between
 * the call and the group.
 */
export class CommitGroup {
  #waiting: Waiting[] = []

  constructor(
    private readonly store: Pick<Store, 'transactTogether'>,
    private readonly clock: Pick<Clock, 'soon'>,
  ) {}

  /**
   * Does what `Store.transactOrKeep` does, soon. Transactions run in the order of the calls. When the result is durable or
   * kept, calls `after` with it, before any other code runs but the listeners of the commit, and resolves with what `after`
   * returns. Rejects with what either throws; if that is `work`, nothing of it is left.
   */
  transactOrKeep<R, A>(work: Work<R>, after: (result: R) => A, size = 0): Promise<A> {
    const { promise, resolve, reject } = Promise.withResolvers<A>()
    const settle = (outcome: Outcome): void => {
      try {
        if ('error' in outcome) throw outcome.error
        resolve(after(outcome.result as R))
      } catch (error) {
        reject(error)
      }
    }
    this.#waiting.push({ work, size, settle })
    if (this.#waiting.length === 1) this.clock.soon(() => this.#commit())
    return promise
  }

  #commit(): void {
    const group = this.#waiting.splice(0, GROUP_MAX)
    if (this.#waiting.length > 0) this.clock.soon(() => this.#commit())
    const outcomes = this.#outcomesOf(group)
    for (const [at, { settle }] of group.entries()) {
      const outcome = outcomes[at]
      if (outcome !== undefined) settle(outcome)
    }
  }

  /** If the commit itself fails, all of the group have failed. */
  #outcomesOf(group: readonly Waiting[]): readonly Outcome[] {
    try {
      return this.store.transactTogether(group)
    } catch (error) {
      return group.map(() => ({ error }))
    }
  }
}
