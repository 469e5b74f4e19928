import type { Engine, Stream } from '../../core/types.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Db, Store } from '../../store/store.ts'
import { startedOnEngines, streamsByRows } from '../../store/streams.ts'

/** The live engines, oldest first, and the started streams of each in the order of their starts. */
export interface Rows {
  readonly engines: readonly Engine[]
  readonly started: ReadonlyMap<string | null, readonly Stream[]>
}

/**
 * Reads the rows that decisions and lists look at once for each version of the store and for all of them: what engines say comes far
 * more often than what is committed. Of streams only those are read that are new, since a started record never changes: there may be
 * many, and long ones, and something is committed with each event. Not to be asked within a transaction, whose changes may be undone.
 */
export class FleetRows {
  #known: (Rows & { readonly version: number }) | null = null
  #db: Db | null = null
  #streams: ReadonlyMap<number, Stream> = new Map()

  constructor(private readonly store: Store) {}

  read(): Rows {
    const version = this.store.version()
    if (this.#known?.version === version) return this.#known
    const { db } = this.store
    const started = Map.groupBy(this.#startedIn(db), ({ engineId }) => engineId)
    this.#known = { version, engines: liveEngines(db), started }
    return this.#known
  }

  #startedIn(db: Db): readonly Stream[] {
    // An outage of the storage begins and ends with another database, and what was kept may not have come to it.
    const known: ReadonlyMap<number, Stream> = db === this.#db ? this.#streams : new Map()
    const rowIds = startedOnEngines(db)
    const unread = streamsByRows(
      db,
      rowIds.filter((rowId) => !known.has(rowId)),
    )
    const all = new Map([...known, ...unread.map((stream) => [stream.rowId, stream] as const)])
    const started = rowIds.flatMap((rowId) => all.get(rowId) ?? [])
    this.#streams = new Map(started.map((stream) => [stream.rowId, stream]))
    this.#db = db
    return started
  }
}
