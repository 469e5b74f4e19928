import type { Clock } from './clock.ts'

interface Waiting<Item> {
  readonly item: Item
  readonly done: PromiseWithResolvers<void>
}

/**
 * Collects items of one kind and handles them together in a task of its own. While one batch is written, the next one
 * gathers, so that a burst of items shares its commits.
 */
export class Batches<Item> {
  #waiting: Waiting<Item>[] = []

  /** `work` handles all items of a batch, or throws and has handled none. */
  constructor(
    private readonly clock: Pick<Clock, 'soon'>,
    private readonly work: (items: readonly Item[]) => void,
  ) {}

  /** Resolves when the item was handled. Rejects with what `work` throws for it alone. */
  add(item: Item): Promise<void> {
    const waiting = { item, done: Promise.withResolvers<void>() }
    this.#waiting.push(waiting)
    if (this.#waiting.length === 1) this.clock.soon(() => this.#handle(this.#waiting.splice(0)))
    return waiting.done.promise
  }

  #handle(batch: readonly Waiting<Item>[]): void {
    try {
      this.work(batch.map(({ item }) => item))
      for (const { done } of batch) done.resolve()
    } catch (error) {
      // One item that fails must not take the others with it.
      if (batch.length === 1) batch[0]?.done.reject(error)
      else for (const waiting of batch) this.#handle([waiting])
    }
  }
}
