import type { Stream } from '../api/types.ts'
import type { Tone } from './verdict.ts'
import { duration, msOf } from './words.ts'

/** How a stream goes, worst first. */
export interface StreamState {
  readonly tone: Tone
  readonly word: string
  /** How it sorts: the worst have the smallest number. */
  readonly rank: number
}

/** A stream that has moved nothing for so long after its start is not just starting any more. */
const SLOW_START_MS = 15_000
/** Figures older than this say nothing about now. */
const FRESH_MS = 30_000

/** Judges a started stream by the last figures of its engine. */
export function stateOf(stream: Stream, nowMs: number): StreamState {
  const ageMs = nowMs - Date.parse(stream.started_at)
  const stalledMs = msOf(stream.stalled_since)
  if (stalledMs !== null) return { tone: 'bad', word: `stalled ${duration(nowMs - stalledMs)}`, rank: 0 }
  const saidMs = msOf(stream.stats_at)
  const hasMoved = (stream.downloaded ?? 0) > 0 || (stream.speed_down ?? 0) > 0
  if (!hasMoved && ageMs < SLOW_START_MS) return { tone: 'busy', word: 'starting', rank: 2 }
  if (saidMs === null || nowMs - saidMs > FRESH_MS) return { tone: 'unknown', word: 'no figures', rank: 3 }
  if (!hasMoved) return { tone: 'warn', word: `starting ${duration(ageMs)}`, rank: 1 }
  return { tone: 'ok', word: 'plays', rank: 4 }
}

/** How many seconds behind live a stream is played; null if that is not known. */
export function behindLive({ livepos }: Pick<Stream, 'livepos'>): number | null {
  if (livepos === null || livepos.pos === null || livepos.live_last === null) return null
  return Math.max(0, livepos.live_last - livepos.pos)
}
