import type { Engine, Stream } from '../../core/types.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Db, Store } from '../../store/store.ts'
import { startedOnEngines, streamsByRows } from '../../store/streams.ts'

/** The live engines, oldest first, and the started streams of each engine in the order of their starts. */
export interface Rows {
  readonly engines: readonly Engine[]
  readonly started: ReadonlyMap<string | null, readonly Stream[]>
}

/**
 * Reads the rows that decisions and lists use, once per version of the store for all of them: facts from engines arrive far
 * more often than commits. Only new stream rows are read, since a started row never changes. There may be many rows, and
 * long ones, and each event commits something. Do not use this in a transaction, whose changes may be undone.
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
    // The store uses another database from the beginning of an outage to its end. Rows that are kept here may be missing in
    // it.
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
