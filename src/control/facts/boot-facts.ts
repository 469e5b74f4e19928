import { keepOnly } from '../../lib/keep-only.ts'

/** How often a booting engine was asked in vain, and what went wrong the last time. */
export interface BootFact {
  readonly engineId: string
  readonly generation: number
  readonly probes: number
  readonly error: string | null
}

/** What was heard of engines that have not answered since their start. Kept in memory, unknown after a restart. */
export class BootFacts {
  readonly #known = new Map<string, BootFact>()

  note(fact: BootFact): void {
    this.#known.set(fact.engineId, fact)
  }

  /** What is known of this start of the engine; null if nothing is. */
  of(engineId: string, generation: number): BootFact | null {
    const known = this.#known.get(engineId)
    return known === undefined || known.generation !== generation ? null : known
  }

  /** Drops what is kept about all other engines. */
  keepOnly(engineIds: ReadonlySet<string>): void {
    keepOnly(this.#known, engineIds)
  }
}
