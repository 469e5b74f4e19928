import type { ContainerEvent } from '../../src/runtime/runtime.ts'

/** A change of a container, as the engine reports it; `host` is a change of a host of a swarm, with the host's id. */
export type EngineNews = Omit<ContainerEvent, 'action'> & {
  readonly action: ContainerEvent['action'] | 'health_status' | 'host'
}

/** What one subscription is about, and who receives it. */
export interface Subscriber {
  readonly hears: (news: EngineNews) => boolean
  readonly tell: (news: EngineNews) => void
  readonly onOpen: () => void
}

/** Whether the change is one that `Runtime.events` reports. */
export function isContainerEvent(news: EngineNews): news is ContainerEvent {
  return news.action !== 'health_status' && news.action !== 'host'
}

interface Standing {
  readonly subscriber: Subscriber
  readonly breakOff: () => void
}

/** The open subscriptions to an in-memory container engine. */
export class Subscriptions {
  readonly #standing = new Set<Standing>()

  constructor(
    private readonly deps: {
      /** When each subscriber receives the change, in milliseconds after it. */
      readonly deliverAfterMs: (news: EngineNews) => readonly number[]
      /** Waits for this time, and for as long as the engine is frozen. */
      readonly pass: (ms: number) => Promise<void>
      readonly broken: () => Error
    },
  ) {}

  /** Resolves when the signal aborts. Rejects when the subscription breaks. */
  async follow(subscriber: Subscriber, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const standing = { subscriber, breakOff: () => reject(this.deps.broken()) }
    this.#standing.add(standing)
    const onAbort = () => resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    subscriber.onOpen()
    await promise.finally(() => {
      signal.removeEventListener('abort', onAbort)
      this.#standing.delete(standing)
    })
  }

  breakAll(): void {
    for (const { breakOff } of [...this.#standing]) breakOff()
  }

  tell(news: EngineNews): void {
    for (const standing of this.#hearing(news)) {
      for (const afterMs of this.deps.deliverAfterMs(news)) void this.#deliver(standing, news, afterMs)
    }
  }

  /** Delivers a change before the subscriptions break. Delayed deliveries are lost. */
  tellAtOnce(news: EngineNews): void {
    for (const { subscriber } of this.#hearing(news)) {
      for (const afterMs of this.deps.deliverAfterMs(news)) if (afterMs === 0) subscriber.tell(news)
    }
  }

  #hearing(news: EngineNews): Standing[] {
    return [...this.#standing].filter(({ subscriber }) => subscriber.hears(news))
  }

  async #deliver(standing: Standing, news: EngineNews, afterMs: number): Promise<void> {
    await this.deps.pass(afterMs)
    if (this.#standing.has(standing)) standing.subscriber.tell(news)
  }
}
