import type { Clock } from '../../src/lib/clock.ts'
import { sleepOn } from '../support/virtual-clock.ts'

/** Thrown to whatever a crashed orchestrator still tries. */
export class Crashed extends Error {
  override readonly name = 'Crashed'
}

/**
 * One run of the orchestrator's process. Once it has died, nothing of it happens any more: its adapters never answer
 * and refuse what is synchronous.
 */
export class Life {
  #isDead = false
  readonly #onDeath = new Set<() => void>()

  constructor(readonly number: number) {}

  get isDead(): boolean {
    return this.#isDead
  }

  /** Like SIGKILL: at this very instruction. */
  die(): void {
    if (this.#isDead) return
    this.#isDead = true
    for (const listener of this.#onDeath) listener()
    this.#onDeath.clear()
  }

  assertAlive(): void {
    if (this.#isDead) throw new Crashed(`life ${this.number} has ended`)
  }

  /**
   * Does something of this life, unless it has ended. If it ends in the midst of it, what is left is refused by an error
   * that must not reach whoever made it run: the world goes on.
   */
  run(work: () => void): void {
    if (this.#isDead) return
    try {
      work()
    } catch (error) {
      if (!(error instanceof Crashed)) throw error
    }
  }

  /** Calls the listener at the death, unless the function it gives back is called first. */
  onDeath(listener: () => void): () => void {
    this.#onDeath.add(listener)
    return () => this.#onDeath.delete(listener)
  }
}

/** An answer that never comes. */
export const never = <T>(): Promise<T> => new Promise(() => undefined)

/** Time as one life knows it: what it set a timer for does not happen after its death. */
export class LifeClock implements Clock {
  constructor(
    private readonly clock: Clock,
    private readonly life: Life,
    /** Told when a timer of the life is due, before its work, and where it was set; it may end the life. */
    private readonly onDue: (setAt: Error) => void,
  ) {}

  now(): number {
    return this.clock.now()
  }

  after(ms: number, work: () => void): () => void {
    if (this.life.isDead) return () => undefined
    // Its stack is put into words only if it is asked for.
    const setAt = new Error()
    return this.clock.after(ms, () => {
      if (this.life.isDead) return
      this.onDue(setAt)
      this.life.run(work)
    })
  }

  soon(work: () => void): void {
    this.after(0, work)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.life.isDead ? never() : sleepOn(this, ms, signal)
  }
}
