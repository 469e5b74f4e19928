import type { Engine, Stream } from '../../core/types.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import { startedOnEngines } from '../../store/streams.ts'

/** The live engines, oldest first, and the started streams of each in the order of their starts. */
export interface Rows {
  readonly engines: readonly Engine[]
  readonly started: ReadonlyMap<string | null, readonly Stream[]>
}

/**
 * Reads the rows that decisions look at once for each version of the store: what engines say comes far more often than what is
 * committed. Not to be asked within a transaction, whose changes may be undone.
 */
export class FleetRows {
  #known: (Rows & { readonly version: number }) | null = null

  constructor(private readonly store: Store) {}

  read(): Rows {
    const version = this.store.version()
    if (this.#known?.version === version) return this.#known
    const { db } = this.store
    const started = Map.groupBy(startedOnEngines(db), ({ engineId }) => engineId)
    this.#known = { version, engines: liveEngines(db), started }
    return this.#known
  }
}
