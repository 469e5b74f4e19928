import type { Sample } from '../../core/streams/figures.ts'
import { stalledSinceMs } from '../../core/streams/sessions.ts'
import type { Stream } from '../../core/types.ts'
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
import { iso, isoOrNull } from './iso.ts'

/** Ended streams in a list whose length nobody set: what a page can show and a request can render in little time. */
const ENDED_MAX = 500

/** One page of the books. */
export interface StreamPage {
  readonly json: string
  /** The record before which the next page ends; null on the last one, and without a limit. */
  readonly next: number | null
}

/** One record of the books as JSON text. */
interface StreamRecord {
  readonly rowId: number
  readonly containerId: string | null
  readonly json: string
}

/**
 * The answers about streams. Started ones are rendered once per version of the store and of the statistics, and kept by container,
 * since a proxy asks for each engine in turn before every viewer, and as a whole, since panels ask for it. Those that no engine of
 * ours serves are only rendered for the whole: a proxy does not wait for them.
 */
export class StreamViews {
  #version = -1
  #onEngines: readonly StreamRecord[] = []
  #startedOf: ReadonlyMap<string | null, string> = new Map()
  #started: readonly StreamRecord[] | null = null
  #allStarted: string | null = null

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly sessions: SessionFacts
      readonly statistics: Statistics
      readonly samplesMax: number
    },
  ) {}

  /**
   * The streams that match, oldest first. With a `limit` the newest so many. Without one all that are started are in it,
   * whatever else is: a proxy counts on it.
   */
  list(filter: StreamFilter): StreamPage {
    const { status, containerId, limit } = filter
    if (status === 'started' && limit === undefined && filter.before === undefined)
      return { json: this.#startedJson(containerId), next: null }
    if (limit === undefined) return { json: array(this.#records(this.#matching(filter))), next: null }
    // One more than the page has tells whether there is another.
    const found = this.#matching({ ...filter, limit: limit + 1 })
    const streams = found.slice(-limit)
    const next = found.length > limit ? (streams[0]?.rowId ?? null) : null
    return { json: array(this.#records(streams)), next }
  }

  /** All that are started, oldest first. */
  started(): readonly StreamRecord[] {
    this.#refresh()
    this.#started ??= [...this.#onEngines, ...this.#records(startedUnmatched(this.deps.store.db))].toSorted(
      (a, b) => a.rowId - b.rowId,
    )
    return this.#started
  }

  /** One record of the books; null when it is not there any more. */
  record(rowId: number) {
    const stream = streamByRow(this.deps.store.db, rowId)
    return stream === undefined ? null : this.view(stream)
  }

  /** The newest stream of this id; null when the id is unknown. */
  one(streamId: string) {
    const stream = newestStream(this.deps.store.db, streamId)
    return stream === undefined ? null : this.view(stream)
  }

  /** One stream as the proxies know it, with its newest figures. */
  view(stream: Stream) {
    const [sample = null] = newestSamplesOf(this.deps.store.db, [stream.rowId])
    return this.#view(stream, sample)
  }

  /** The samples of the newest stream of this id from `sinceMs` on; null when the id is unknown. */
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

  #startedJson(containerId: string | undefined): string {
    this.#refresh()
    if (containerId !== undefined) return this.#startedOf.get(containerId) ?? '[]'
    this.#allStarted ??= array(this.started())
    return this.#allStarted
  }

  #refresh(): void {
    const { store, rows, statistics } = this.deps
    const version = store.version() + statistics.version()
    if (version === this.#version) return
    this.#onEngines = this.#records([...rows.read().started.values()].flat())
    const byContainer = Map.groupBy(this.#onEngines, ({ containerId }) => containerId)
    this.#startedOf = new Map([...byContainer].map(([id, records]) => [id, array(records)]))
    this.#started = null
    this.#allStarted = null
    this.#version = version
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

  /** `is_live` is a boolean, as acexy decodes it. */
  #view(stream: Stream, sample: Sample | null) {
    const session = stream.status === 'started' ? this.deps.sessions.of(stream.rowId) : null
    return {
      id: stream.streamId,
      key_type: stream.keyType,
      key: stream.key,
      container_id: stream.containerId,
      playback_session_id: stream.playbackSessionId,
      stat_url: stream.statUrl,
      command_url: stream.commandUrl,
      is_live: stream.isLive,
      started_at: iso(stream.startedAt),
      ended_at: isoOrNull(stream.endedAt),
      status: stream.status,
      end_reason: stream.endReason,
      record: stream.rowId,
      stalled_since: isoOrNull(session && stalledSinceMs(session)),
      ...figuresView(sample),
      stats_at: isoOrNull(sample?.at ?? null),
    }
  }
}

const array = (records: readonly StreamRecord[]): string => `[${records.map(({ json }) => json).join(',')}]`

const sampleView = (sample: Sample) => ({
  ts: iso(sample.at),
  ...figuresView(sample),
  status: sample.status,
})

const figuresView = (sample: Sample | null) => ({
  peers: sample?.peers ?? null,
  speed_down: sample?.speedDown ?? null,
  speed_up: sample?.speedUp ?? null,
  downloaded: sample?.downloaded ?? null,
  uploaded: sample?.uploaded ?? null,
  livepos: sample === null || sample.livePos === null ? null : livePosition(sample),
})

const livePosition = ({ livePos, liveFirst, liveLast, bufferPieces }: Sample) => ({
  pos: livePos,
  live_first: liveFirst,
  live_last: liveLast,
  buffer_pieces: bufferPieces,
})
