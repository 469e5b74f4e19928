import type { Sample } from '../../core/streams/figures.ts'
import { stalledSinceMs } from '../../core/streams/sessions.ts'
import type { Stream } from '../../core/types.ts'
import type { SessionFacts } from '../facts/session-facts.ts'
import { iso, isoOrNull } from './iso.ts'

/** One stream record as JSON text. */
export interface StreamRecord {
  readonly rowId: number
  readonly containerId: string | null
  readonly json: string
}

/** Joins records to a JSON list. */
export const arrayOf = (records: readonly StreamRecord[]): string =>
  `[${records.map(({ json }) => json).join(',')}]`

/** Records, and their encoded JSON list once it was requested. */
export class StreamList {
  #json: Blob | null = null

  constructor(readonly records: readonly StreamRecord[]) {}

  /** The same bytes at each call. */
  json(): Blob {
    this.#json ??= new Blob([arrayOf(this.records)])
    return this.#json
  }
}

/**
 * Since when (epoch ms) a stream stands still, according to its engine. Null if the stream has ended or moves, or if that is
 * not known.
 */
export function stalledSinceOf({ rowId, status }: Stream, sessions: SessionFacts): number | null {
  const session = status === 'started' ? sessions.of(rowId) : null
  return session && stalledSinceMs(session)
}

/**
 * One stream in the form that proxies know, with its newest figures. `is_live` is a boolean, because acexy decodes a
 * boolean.
 */
export const streamView = (stream: Stream, sample: Sample | null, stalledSince: number | null) => ({
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
  stalled_since: isoOrNull(stalledSince),
  ...figuresView(sample),
  stats_at: isoOrNull(sample?.at ?? null),
})

/** One sample as the API shows it. */
export const sampleView = (sample: Sample) => ({
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
