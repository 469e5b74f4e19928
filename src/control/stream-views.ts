import type { Stream } from '../core/types.ts'
import type { Store } from '../store/store.ts'
import { newestStream, type StreamFilter, startedStreams, statsOf, streamsWhere } from '../store/streams.ts'

/** One stream as the proxies know it; `is_live` is a boolean, as acexy decodes it. */
export const streamView = (stream: Stream) => ({
  id: stream.streamId,
  key_type: stream.keyType,
  key: stream.key,
  container_id: stream.containerId,
  playback_session_id: stream.playbackSessionId,
  stat_url: stream.statUrl,
  command_url: stream.commandUrl,
  is_live: stream.isLive,
  started_at: new Date(stream.startedAt).toISOString(),
  ended_at: stream.endedAt === null ? null : new Date(stream.endedAt).toISOString(),
  status: stream.status,
  end_reason: stream.endReason,
})

/**
 * The answers about streams. Started ones are rendered once per version of the store and kept by container, since a
 * proxy asks for each engine in turn before every viewer.
 */
export class StreamViews {
  #version = -1
  #started: ReadonlyMap<string | null, string> = new Map()

  constructor(private readonly store: Store) {}

  /** The streams that match, oldest first, as JSON text. */
  listJson(filter: StreamFilter): string {
    const { status, containerId } = filter
    if (status === 'started' && containerId !== undefined) return this.#startedOf(containerId)
    return json(streamsWhere(this.store.db, filter))
  }

  /** The samples of the newest stream of this id from `sinceMs` on; null when the id is unknown. */
  stats(streamId: string, sinceMs: number) {
    const stream = newestStream(this.store.db, streamId)
    if (stream === undefined) return null
    return statsOf(this.store.db, stream.rowId, sinceMs).map((sample) => ({
      ts: new Date(sample.at).toISOString(),
      peers: sample.peers,
      speed_down: sample.speedDown,
      speed_up: sample.speedUp,
      downloaded: sample.downloaded,
      uploaded: sample.uploaded,
      status: sample.status,
    }))
  }

  #startedOf(containerId: string): string {
    const version = this.store.version()
    if (version !== this.#version) {
      const started = Map.groupBy(startedStreams(this.store.db), (stream) => stream.containerId)
      this.#started = new Map([...started].map(([id, streams]) => [id, json(streams)]))
      this.#version = version
    }
    return this.#started.get(containerId) ?? '[]'
  }
}

const json = (streams: readonly Stream[]): string => JSON.stringify(streams.map(streamView))
