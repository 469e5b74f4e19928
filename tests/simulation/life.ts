import type { Clock } from '../../src/lib/clock.ts'
import { sleepOn } from '../support/virtual-clock.ts'

/** Thrown at every attempt of a crashed orchestrator to do something. */
export class Crashed extends Error {
  override readonly name = 'Crashed'
}

/**
 * One run of the orchestrator's process. After its death it has no effect any more: its adapters never answer, and
 * synchronous calls throw.
 */
export class Life {
  #isDead = false
  readonly #onDeath = new Set<() => void>()

  constructor(readonly number: number) {}

  get isDead(): boolean {
    return this.#isDead
  }

  /** Ends the process like SIGKILL: at this instruction. */
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
   * Does some work of this life, unless the life has ended. If the life ends during the work, the rest is refused with an
   * error that must not reach the caller, because the world goes on.
   */
  run(work: () => void): void {
    if (this.#isDead) return
    try {
      work()
    } catch (error) {
      if (!(error instanceof Crashed)) throw error
    }
  }

  /** Calls `listener` at the death, unless the returned function is called first. */
  onDeath(listener: () => void): () => void {
    this.#onDeath.add(listener)
    return () => this.#onDeath.delete(listener)
  }
}

/** An answer that never arrives. */
export const never = <T>(): Promise<T> => new Promise(() => undefined)

/** The clock of one life. Its timers do not fire after its death. */
export class LifeClock implements Clock {
  constructor(
    private readonly clock: Clock,
    private readonly life: Life,
    /** Called when a timer of the life is due, before its work, with the place where it was set. May end the life. */
    private readonly onDue: (setAt: Error) => void,
  ) {}

  now(): number {
    return this.clock.now()
  }

  after(ms: number, work: () => void): () => void {
    if (this.life.isDead) return () => undefined
    // The stack is only formatted if it is needed.
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
