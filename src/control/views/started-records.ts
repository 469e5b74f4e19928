import type { Sample } from '../../core/streams/figures.ts'
import type { Stream } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { newestSamplesOf } from '../../store/samples.ts'
import type { Db, Store } from '../../store/store.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { SessionFacts } from '../facts/session-facts.ts'
import type { Statistics } from '../streams/statistics.ts'
import { Rendered } from './rendered.ts'
import { StreamList, type StreamRecord, stalledSinceOf, streamView } from './stream-json.ts'

/** A rendered record, with the values that it was rendered from. */
interface RenderedRecord extends StreamRecord {
  readonly stream: Stream
  readonly sample: Sample | null
  readonly stalledSince: number | null
}

/**
 * Caches the started records that are tied to engines, per version of the store and of the statistics. A record is rendered
 * again only when its row, its newest sample or its stall changed: there may be many long records, and every event causes a
 * commit.
 */
export class StartedRecords {
  readonly #current: Rendered<readonly StreamRecord[]>
  #records: readonly RenderedRecord[] = []
  #lists: ReadonlyMap<string | null, StreamList> = new Map()
  #samples: ReadonlyMap<number, Sample | null> = new Map()
  readonly #none = new StreamList([])
  #samplesVersion = -1
  #db: Db | null = null

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly sessions: SessionFacts
      readonly statistics: Pick<Statistics, 'version'>
      readonly clock: Clock
    },
  ) {
    this.#current = new Rendered({
      clock: deps.clock,
      sources: [deps.store, deps.statistics],
      render: () => this.#render(),
      untilMs: () => Number.POSITIVE_INFINITY,
    })
  }

  /** The records, grouped by engine and in the order of their starts. The array stays the same until the version changes. */
  read(): readonly StreamRecord[] {
    return this.#current.read()
  }

  /** The records of one container. */
  listOf(containerId: string): StreamList {
    this.read()
    return this.#lists.get(containerId) ?? this.#none
  }

  #render(): readonly StreamRecord[] {
    const streams = [...this.deps.rows.read().started.values()].flat()
    this.#readSamples(streams)
    const known = new Map(this.#records.map((record) => [record.rowId, record]))
    this.#records = streams.map((stream) => this.#rendered(stream, known.get(stream.rowId)))
    this.#lists = listsOf(this.#records, this.#lists)
    return this.#records
  }

  /**
   * Reads the newest samples. Samples have their own version; until it changes, only the samples of new records are read.
   */
  #readSamples(streams: readonly Stream[]): void {
    const { store, statistics } = this.deps
    const { db } = store
    const isSame = db === this.#db && statistics.version() === this.#samplesVersion
    const known: ReadonlyMap<number, Sample | null> = isSame ? this.#samples : new Map()
    const unread = streams.flatMap(({ rowId }) => (known.has(rowId) ? [] : rowId))
    const found = new Map(newestSamplesOf(db, unread).map((sample) => [sample.streamRowId, sample]))
    this.#samples = new Map(streams.map(({ rowId }) => [rowId, found.get(rowId) ?? known.get(rowId) ?? null]))
    this.#samplesVersion = statistics.version()
    this.#db = db
  }

  #rendered(stream: Stream, known: RenderedRecord | undefined): RenderedRecord {
    const { rowId, containerId } = stream
    const sample = this.#samples.get(rowId) ?? null
    const stalledSince = stalledSinceOf(stream, this.deps.sessions)
    const isSame =
      known?.stream === stream &&
      known.stalledSince === stalledSince &&
      (known.sample === sample || Bun.deepEquals(known.sample, sample))
    if (isSame) return known
    const json = JSON.stringify(streamView(stream, sample, stalledSince))
    return { rowId, containerId, json, stream, sample, stalledSince }
  }
}

/** Groups records by container. If a container's records are unchanged, its earlier list is reused. */
function listsOf(
  records: readonly StreamRecord[],
  known: ReadonlyMap<string | null, StreamList>,
): ReadonlyMap<string | null, StreamList> {
  const groups = Map.groupBy(records, ({ containerId }) => containerId)
  return new Map(
    [...groups].map(([containerId, group]) => {
      const before = known.get(containerId)
      const isSame =
        before?.records.length === group.length && group.every((each, at) => each === before.records[at])
      return [containerId, isSame ? before : new StreamList(group)]
    }),
  )
}
