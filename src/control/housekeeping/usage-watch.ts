import { BUSY_ROUND_MS, usageRoundMs } from '../../core/engines/usage.ts'
import { type Engine, generationOf } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { Loop } from '../../lib/loop.ts'
import { type Meters, RuntimeFailure } from '../../runtime/runtime.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import type { Facts } from '../facts/facts.ts'
import type { UsageFacts } from '../facts/usage-facts.ts'

/**
 * How many engines are asked about at a time. Docker answers with the next tick of a clock of its own, up to a second later,
 * and counts for all who wait in one go.
 */
const AT_ONCE = 8

/**
 * Collects what the running engines use, round by round, in the background: nobody waits for it, and no request causes it.
 * Asks nothing while Docker does not answer, and ends a round as soon as it falls silent.
 */
export class UsageWatch {
  readonly #loop: Loop
  #roundMs = Number.NEGATIVE_INFINITY

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly meters: Pick<Meters, 'usage'>
      readonly facts: Facts
      readonly usage: UsageFacts
      readonly onError: OnError
    },
  ) {
    const { clock, onError } = deps
    const work = (signal: AbortSignal): Promise<void> => this.#look(signal)
    this.#loop = new Loop({ clock, intervalMs: BUSY_ROUND_MS, first: 'later', work, onError })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** Begins a round if it is time for one. */
  async #look(signal: AbortSignal): Promise<void> {
    const { store, clock, facts, usage } = this.deps
    const engines = liveEngines(store.db)
    usage.keepOnly(new Set(engines.map(({ id }) => id)))
    const running = engines.filter((engine) => facts.isRunning(engine))
    const now = clock.now()
    if (now - this.#roundMs < usageRoundMs(running.length, usage.isLookedOn(now))) return
    this.#roundMs = now
    const left = running.values()
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#askEach(left, signal)))
  }

  /** Takes one engine after another from those that are left. */
  async #askEach(left: Iterable<Engine>, signal: AbortSignal): Promise<void> {
    for (const engine of left) {
      if (signal.aborted || this.deps.facts.docker().state !== 'reachable') return
      if (!(await this.#ask(engine, signal))) return
    }
  }

  /** Returns false if Docker did not answer. */
  async #ask(engine: Engine, signal: AbortSignal): Promise<boolean> {
    const { meters, clock, usage } = this.deps
    try {
      const reading = await meters.usage(engine.containerId ?? '', signal)
      // The network of another container carries the bytes of all that join it.
      const network = engine.networkContainerId === null ? (reading?.network ?? null) : null
      if (reading !== null) usage.note(engine.id, generationOf(engine), { ...reading, network }, clock.now())
      return true
    } catch (error) {
      // A container may have gone meanwhile, and a failed look tells nothing. The next round tries again.
      if (!(error instanceof RuntimeFailure)) throw error
      return error.code !== 'unreachable'
    }
  }
}
