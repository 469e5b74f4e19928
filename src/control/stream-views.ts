import type { Sample } from '../core/figures.ts'
import { stalledSinceMs } from '../core/sessions.ts'
import type { Stream } from '../core/types.ts'
import { newestSamplesOf, samplesOf } from '../store/samples.ts'
import type { Store } from '../store/store.ts'
import { newestStream, type StreamFilter, startedStreams, streamsWhere } from '../store/streams.ts'
import type { SessionFacts } from './session-facts.ts'
import type { Statistics } from './statistics.ts'

/** Ended streams in a list whose length nobody set: what a page can show and a request can render in little time. */
const ENDED_MAX = 500

/** One page of the books. */
export interface StreamPage {
  readonly json: string
  /** The record before which the next page ends; null on the last one, and without a limit. */
  readonly next: number | null
}

/**
 * The answers about streams. Started ones are rendered once per version of the store and of the statistics, and kept as
 * a whole, since panels ask for it, and by container, since a proxy asks for each engine in turn before every viewer.
 */
export class StreamViews {
  #version = -1
  #started: ReadonlyMap<string | null, string> | null = null
  #all: string | null = null

  constructor(
    private readonly deps: {
      readonly store: Store
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
      return {
        json: containerId === undefined ? this.#allStarted() : this.#startedOf(containerId),
        next: null,
      }
    const streams = this.#matching(filter)
    const next = limit !== undefined && streams.length === limit ? (streams[0]?.rowId ?? null) : null
    return { json: this.#json(streams), next }
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

  #startedOf(containerId: string): string {
    this.#dropOld()
    this.#started ??= this.#byContainer()
    return this.#started.get(containerId) ?? '[]'
  }

  #allStarted(): string {
    this.#dropOld()
    this.#all ??= this.#json(startedStreams(this.deps.store.db))
    return this.#all
  }

  #byContainer(): ReadonlyMap<string | null, string> {
    const started = Map.groupBy(startedStreams(this.deps.store.db), (stream) => stream.containerId)
    return new Map([...started].map(([id, streams]) => [id, this.#json(streams)]))
  }

  #dropOld(): void {
    const { store, statistics } = this.deps
    const version = store.version() + statistics.version()
    if (version === this.#version) return
    this.#version = version
    this.#started = null
    this.#all = null
  }

  #json(streams: readonly Stream[]): string {
    const rowIds = streams.map(({ rowId }) => rowId)
    const samples = new Map(
      newestSamplesOf(this.deps.store.db, rowIds).map((each) => [each.streamRowId, each]),
    )
    return JSON.stringify(streams.map((stream) => this.#view(stream, samples.get(stream.rowId) ?? null)))
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
      started_at: new Date(stream.startedAt).toISOString(),
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

const sampleView = (sample: Sample) => ({
  ts: new Date(sample.at).toISOString(),
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

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
