import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import { type Coverage, tally } from './coverage.ts'
import type { Random } from './random.ts'
import { LABEL } from './scenario.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimHost } from './sim-host.ts'
import { short, type Trace } from './trace.ts'

export interface ChaosToolsDeps {
  readonly clock: SimClock
  readonly host: SimHost
  readonly trace: Trace
  readonly coverage: Coverage
}

/** Shared tools of all disturbances: they pick a container, write a line to the trace, and repair things later. */
export class ChaosTools {
  /** What must be repaired when all faults stop. */
  readonly #repairs = new Set<() => void>()

  constructor(private readonly deps: ChaosToolsDeps) {}

  repairAll(): void {
    for (const repair of [...this.#repairs]) repair()
  }

  /** Tries something. It is refused if the container is in the wrong state, and the refusal is only noted. */
  tryTo(what: string, deed: () => void): void {
    try {
      deed()
    } catch (error) {
      this.deps.trace.note('chaos', `${what}: ${error instanceof Error ? error.message : error}`)
    }
  }

  /** Notes a refusal of a pending call. For example, a stranger may have taken the port meanwhile. */
  later(deed: Promise<void>): void {
    deed.catch((error: unknown) => this.deps.trace.note('chaos', `refused: ${error}`))
  }

  get runtime() {
    return this.deps.host.runtime
  }

  note(what: string, id: string | null, act: () => void): void {
    this.deps.trace.note('chaos', `${what} ${id === null ? '' : short(id)}`)
    tally(this.deps.coverage, `chaos ${what}`)
    act()
  }

  onRunning(random: Random, what: string, act: (id: string) => void): void {
    this.#on(
      random,
      this.ours().filter(({ state }) => state === 'running'),
      what,
      act,
    )
  }

  onAny(random: Random, what: string, act: (id: string) => void): void {
    this.#on(random, this.ours(), what, act)
  }

  #on(random: Random, among: readonly ContainerObservation[], what: string, act: (id: string) => void): void {
    const container = random.pick(among)
    if (container !== undefined) this.note(what, container.id, () => act(container.id))
  }

  ours(): readonly ContainerObservation[] {
    return this.runtime.containers().filter(({ labels }) => labels[LABEL.key] === LABEL.value)
  }

  stateOf(id: string): string | undefined {
    return this.runtime.containers().find((container) => container.id === id)?.state
  }

  repairAfter(ms: number, repair: () => void): void {
    const once = (): void => {
      if (this.#repairs.delete(once)) repair()
    }
    this.#repairs.add(once)
    this.deps.clock.after(ms, once)
  }
}
