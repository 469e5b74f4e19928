import type { Sample } from '../../core/streams/figures.ts'
import type { Stream } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { newestSamplesOf, samplesOf } from '../../store/samples.ts'
import type { Store } from '../../store/store.ts'
import {
  newestStream,
  type StreamFilter,
  startedUnmatched,
  streamByRow,
  streamsWhere,
} from '../../store/streams.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { SessionFacts } from '../facts/session-facts.ts'
import type { Statistics } from '../streams/statistics.ts'
import { StartedRecords } from './started-records.ts'
import {
  arrayOf,
  StreamList,
  type StreamRecord,
  sampleView,
  stalledSinceOf,
  streamView,
} from './stream-json.ts'

/** Limit for ended streams in a list without a `limit`. A page can show this many, and rendering them takes little time. */
const ENDED_MAX = 500

/** One page of stream records. */
export interface StreamPage {
  readonly json: string | Blob
  /** The record before which the next page ends. Null on the last page and without a limit. */
  readonly next: number | null
}

/** All started records. `onEngines` is a new array with each version. */
interface Whole {
  readonly onEngines: readonly StreamRecord[]
  readonly list: StreamList
}

/**
 * Renders the answers about streams. Started streams are cached per container (`StartedRecords`), because a proxy asks for
 * each engine in turn before every viewer; and as a whole, because panels ask for all. Streams without an engine are only
 * rendered for the whole list, which no proxy waits for.
 */
export class StreamViews {
  readonly #onEngines: StartedRecords
  #whole: Whole | null = null

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly rows: FleetRows
      readonly sessions: SessionFacts
      readonly statistics: Statistics
      readonly samplesMax: number
    },
  ) {
    this.#onEngines = new StartedRecords(deps)
  }

  /**
   * The streams that match, oldest first. With a `limit`, only the newest ones. Without a limit, the list contains all
   * started streams, because proxies depend on that.
   */
  list(filter: StreamFilter): StreamPage {
    const { status, containerId, limit } = filter
    if (status === 'started' && limit === undefined && filter.before === undefined)
      return { json: this.#startedList(containerId).json(), next: null }
    if (limit === undefined) return { json: arrayOf(this.#records(this.#matching(filter))), next: null }
    // One record more than the page holds shows whether there is another page.
    const found = this.#matching({ ...filter, limit: limit + 1 })
    const streams = found.slice(-limit)
    const next = found.length > limit ? (streams[0]?.rowId ?? null) : null
    return { json: arrayOf(this.#records(streams)), next }
  }

  /** How many started streams the list of one container has. */
  startedOn(containerId: string): number {
    return this.#onEngines.listOf(containerId).records.length
  }

  /** All started streams, oldest first. */
  started(): readonly StreamRecord[] {
    return this.#startedList().records
  }

  /** One stream record, or null if it does not exist any more. */
  record(rowId: number) {
    const stream = streamByRow(this.deps.store.db, rowId)
    return stream === undefined ? null : this.view(stream)
  }

  /** The newest stream with this id, or null if the id is unknown. */
  one(streamId: string) {
    const stream = newestStream(this.deps.store.db, streamId)
    return stream === undefined ? null : this.view(stream)
  }

  /** One stream in the form that proxies know, with its newest figures. */
  view(stream: Stream) {
    const [sample = null] = newestSamplesOf(this.deps.store.db, [stream.rowId])
    return this.#view(stream, sample)
  }

  /** The samples of the newest stream with this id since `sinceMs`, or null if the id is unknown. */
  stats(streamId: string, sinceMs: number) {
    const { store, samplesMax } = this.deps
    const stream = newestStream(store.db, streamId)
    return stream && samplesOf(store.db, stream.rowId, sinceMs, samplesMax).map(sampleView)
  }

  #matching(filter: StreamFilter): readonly Stream[] {
    const { db } = this.deps.store
    if (filter.limit !== undefined || filter.status === 'started') return streamsWhere(db, filter)
    const ended = streamsWhere(db, { ...filter, status: 'ended', limit: ENDED_MAX })
    if (filter.status === 'ended') return ended
    const started = streamsWhere(db, { ...filter, status: 'started' })
    return [...ended, ...started].toSorted((a, b) => a.rowId - b.rowId)
  }

  #startedList(containerId?: string): StreamList {
    if (containerId !== undefined) return this.#onEngines.listOf(containerId)
    const onEngines = this.#onEngines.read()
    if (this.#whole?.onEngines === onEngines) return this.#whole.list
    const records = [...onEngines, ...this.#records(startedUnmatched(this.deps.store.db))]
    const list = new StreamList(records.toSorted((a, b) => a.rowId - b.rowId))
    this.#whole = { onEngines, list }
    return list
  }

  #records(streams: readonly Stream[]): StreamRecord[] {
    const rowIds = streams.map(({ rowId }) => rowId)
    const samples = new Map(
      newestSamplesOf(this.deps.store.db, rowIds).map((each) => [each.streamRowId, each]),
    )
    return streams.map((stream) => {
      const { rowId, containerId } = stream
      return { rowId, containerId, json: JSON.stringify(this.#view(stream, samples.get(rowId) ?? null)) }
    })
  }

  #view(stream: Stream, sample: Sample | null) {
    return streamView(stream, sample, stalledSinceOf(stream, this.deps.sessions))
  }
}
