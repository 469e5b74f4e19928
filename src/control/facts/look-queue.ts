import type { Clock } from '../../lib/clock.ts'
import { backoffMs, WorkQueue, type WorkQueueOptions } from '../../lib/workqueue.ts'

/** Does the requested looks. A look that rejects is tried again later. */
export interface Looker {
  readonly look: (containerId: string) => Promise<void>
  readonly pass: () => Promise<void>
  readonly onError: WorkQueueOptions['onError']
}

/** A look at one container that is in progress. */
export interface Look {
  readonly containerId: string
  /** True if the container was changed since. The answer is out of date then. */
  isOvertaken: boolean
}

const PASS = 'pass'
const CONCURRENT_LOOKS = 8
const RETRY = { minMs: 500, maxMs: 5_000 }

/**
 * Takes requests for looks and full passes from all components that changed a container, received an event about one, or
 * could not finish their work. The requester does not wait.
 */
export class LookQueue {
  readonly #looks: WorkQueue
  /** A separate queue, so that looks do not wait for containers of a full pass, nor the other way round. */
  readonly #passes: WorkQueue
  readonly #underWay = new Set<Look>()
  #looker: Looker | null = null
  #needsThoroughPass = true

  /** `random` returns numbers in [0, 1), for the jitter of the backoff. */
  constructor({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
    const options: Pick<WorkQueueOptions, 'clock' | 'onError' | 'backoffMs'> = {
      clock,
      onError: (key, error, attempt) => this.#served().onError(key, error, attempt),
      backoffMs: (attempt) => backoffMs(attempt, RETRY, random),
    }
    const look = (id: string): Promise<void> => this.#served().look(id)
    this.#looks = new WorkQueue({ ...options, concurrency: CONCURRENT_LOOKS, work: look })
    this.#passes = new WorkQueue({ ...options, concurrency: 1, work: () => this.#served().pass() })
  }

  /** Sets the component that does the looks. */
  serve(looker: Looker): void {
    this.#looker = looker
  }

  /** Starts nothing new. Resolves when the running work has ended. */
  async stop(): Promise<void> {
    await Promise.all([this.#looks.stop(), this.#passes.stop()])
  }

  /** Requests a look at one container as soon as possible. */
  lookAt(containerId: string): void {
    this.#looks.add(containerId)
  }

  /** Requests a look at one container after `ms` milliseconds, unless an earlier look is already requested. */
  lookWithin(containerId: string, ms: number): void {
    this.#looks.addWithin(containerId, ms)
  }

  /** Notes that the container was changed. The looks in progress will give an answer that is out of date. */
  changed(containerId: string): void {
    for (const look of this.#underWay) if (look.containerId === containerId) look.isOvertaken = true
  }

  /** Does a look. `look.isOvertaken` becomes true if the container is changed meanwhile. */
  async during<T>(containerId: string, work: (look: Readonly<Look>) => Promise<T>): Promise<T> {
    const look = { containerId, isOvertaken: false }
    this.#underWay.add(look)
    try {
      return await work(look)
    } finally {
      this.#underWay.delete(look)
    }
  }

  /** Requests a full pass as soon as possible. */
  passSoon(): void {
    this.#passes.add(PASS)
  }

  /** Requests a full pass after `ms` milliseconds. Any other request in this time replaces this one. */
  passAfter(ms: number): void {
    this.#passes.addAfter(PASS, ms)
  }

  /** Requests a thorough full pass as soon as possible. */
  passThoroughly(): void {
    this.needThoroughPass()
    this.passSoon()
  }

  /** Makes the next full pass thorough, because something happened that was not seen or could not be written. */
  needThoroughPass(): void {
    this.#needsThoroughPass = true
  }

  needsThoroughPass(): boolean {
    return this.#needsThoroughPass
  }

  /** Begins a full pass. Returns whether it must be thorough. Later requests are for the next full pass. */
  beginPass(): boolean {
    const isThorough = this.#needsThoroughPass
    this.#needsThoroughPass = false
    return isThorough
  }

  #served(): Looker {
    if (this.#looker === null) throw new Error('nobody does the looks yet')
    return this.#looker
  }
}
