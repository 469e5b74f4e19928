import type { Clock } from '../../lib/clock.ts'
import { backoffMs, WorkQueue, type WorkQueueOptions } from '../../lib/workqueue.ts'

/** Does the looks that are asked for; one that rejects is tried again later. */
export interface Looker {
  readonly look: (containerId: string) => Promise<void>
  readonly pass: () => Promise<void>
  readonly onError: WorkQueueOptions['onError']
}

/** A look at one container that is under way. */
export interface Look {
  readonly containerId: string
  /** The container was changed since: what the answer says is out of date. */
  isOvertaken: boolean
}

const PASS = 'pass'
const CONCURRENT_LOOKS = 8
const RETRY = { minMs: 500, maxMs: 5_000 }

/**
 * Where anybody asks for a look at a container, or at all of them, without waiting for it: whoever changed a container, heard of a
 * change, or could not finish what it does.
 */
export class LookQueue {
  readonly #looks: WorkQueue
  /** Apart from looks, so that neither waits for containers that the other asks about. */
  readonly #passes: WorkQueue
  readonly #underWay = new Set<Look>()
  #looker: Looker | null = null
  #needsThoroughPass = true

  /** `random` is uniform in [0, 1), for the jitter of back-offs. */
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

  /** From now on `looker` does what is asked for. */
  serve(looker: Looker): void {
    this.#looker = looker
  }

  /** Begins nothing new, and resolves when what runs has ended. */
  async stop(): Promise<void> {
    await Promise.all([this.#looks.stop(), this.#passes.stop()])
  }

  /** Asks for a look at one container, soon. */
  lookAt(containerId: string): void {
    this.#looks.add(containerId)
  }

  /** Asks for a look at one container after so many milliseconds, or at an earlier one that is asked for already. */
  lookWithin(containerId: string, ms: number): void {
    this.#looks.addWithin(containerId, ms)
  }

  /** The container was changed: what looks under way are going to say of it is out of date. */
  changed(containerId: string): void {
    for (const look of this.#underWay) if (look.containerId === containerId) look.isOvertaken = true
  }

  /** Does the look, which hears whether the container is changed meanwhile. */
  async during<T>(containerId: string, work: (look: Readonly<Look>) => Promise<T>): Promise<T> {
    const look = { containerId, isOvertaken: false }
    this.#underWay.add(look)
    try {
      return await work(look)
    } finally {
      this.#underWay.delete(look)
    }
  }

  /** Asks for a full pass, soon. */
  passSoon(): void {
    this.#passes.add(PASS)
  }

  /** Asks for a full pass after so many milliseconds, unless one is asked for meanwhile. */
  passAfter(ms: number): void {
    this.#passes.addAfter(PASS, ms)
  }

  /** Asks for a thorough full pass, soon. */
  passThoroughly(): void {
    this.needThoroughPass()
    this.passSoon()
  }

  /** The next full pass is to be a thorough one: something happened that was not seen, or could not be written. */
  needThoroughPass(): void {
    this.#needsThoroughPass = true
  }

  needsThoroughPass(): boolean {
    return this.#needsThoroughPass
  }

  /** A pass begins: gives whether it is to be a thorough one. What is asked for from now on is the next one's. */
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
