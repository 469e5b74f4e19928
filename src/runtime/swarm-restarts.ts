import type { SwarmTask } from './swarm-answers.ts'
import { inOrder, isTakenAway, isWaiting } from './swarm-tasks.ts'

interface Page {
  /** When the newest task was made that is counted; empty before the first one. */
  readonly newest: string
  readonly restarts: number
  /** Whether the next task is a start by a call, and no restart. */
  readonly isFresh: boolean
}

/**
 * Counts how often Swarm has started containers again. Swarm itself keeps no count, and only the last few tasks of a service
 * (five by default). So tasks are counted as they are seen, beginning at 0 with the first look at a service: what happened
 * before is not known, but no count ever says more than happened.
 */
export class RestartBook {
  readonly #pages = new Map<string, Page>()

  /** A call has started the container: its count begins anew. `tasks` are those from before. */
  begin(serviceId: string, tasks: readonly SwarmTask[]): void {
    this.#pages.set(serviceId, { newest: newestOf(tasks), restarts: 0, isFresh: true })
  }

  /**
   * Counts the tasks of a service that were begun since the last look, and returns how often it was started again. What a call
   * has stopped between two looks is not counted, because it may never have been started.
   */
  note(serviceId: string, tasks: readonly SwarmTask[]): number {
    const begun = inOrder(tasks).filter((task) => !isWaiting(task) && !isTakenAway(task))
    const page = this.#pages.get(serviceId) ?? {
      ...{ newest: newestOf(begun), restarts: 0, isFresh: begun.length === 0 },
    }
    const starts = begun.filter(({ CreatedAt }) => CreatedAt > page.newest).length
    const restarts = page.restarts + Math.max(0, page.isFresh ? starts - 1 : starts)
    const newest = starts > 0 ? newestOf(begun) : page.newest
    this.#pages.set(serviceId, { newest, restarts, isFresh: page.isFresh && starts === 0 })
    return restarts
  }

  /** Forgets all services but these. */
  keep(serviceIds: ReadonlySet<string>): void {
    for (const id of this.#pages.keys()) if (!serviceIds.has(id)) this.#pages.delete(id)
  }
}

const newestOf = (tasks: readonly SwarmTask[]): string => inOrder(tasks).at(-1)?.CreatedAt ?? ''
