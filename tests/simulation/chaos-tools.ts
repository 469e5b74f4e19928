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

/** What all disturbances need: a container to do it to, a line in the trace, and that it is put right again. */
export class ChaosTools {
  /** What has to be put right again when all faults stop. */
  readonly #repairs = new Set<() => void>()

  constructor(private readonly deps: ChaosToolsDeps) {}

  repairAll(): void {
    for (const repair of [...this.#repairs]) repair()
  }

  /** What somebody tries to do to a container that is not in that state is refused; that is life. */
  tryTo(what: string, deed: () => void): void {
    try {
      deed()
    } catch (error) {
      this.deps.trace.note('chaos', `${what}: ${error instanceof Error ? error.message : error}`)
    }
  }

  /** What is refused is refused; the port may have gone to a stranger meanwhile. */
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
