import type { OurEndReason } from '../../core/streams/end-reasons.ts'
import { matchEngine, portsOf, type StreamPlace } from '../../core/streams/matching.ts'
import type { Engine, Stream } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { CommitGroup } from '../../store/commit-group.ts'
import { liveEnginesAt, noteStreamStart, updateEngine } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import { oversizedUnmatched } from '../../store/oversized.ts'
import type { Db, Store } from '../../store/store.ts'
import {
  insertStream,
  startedSizeOf,
  startedStream,
  streamByRow,
  unmatchedBeyond,
  unmatchedUntil,
} from '../../store/streams.ts'
import type { Addresses } from '../engines/addresses.ts'
import { freeTrial } from '../engines/breaker-notes.ts'
import { endInBooks } from '../engines/endings.ts'
import type { ExpectedStreams } from '../facts/expected-streams.ts'
import type { Caller } from '../reporting/caller.ts'
import type { Story } from '../reporting/story.ts'
import type { PlaybackWatch } from './playback-watch.ts'
import type { ReachWatch } from './reach-watch.ts'

/** A start as a proxy reports it. `streamId` is the proxy's own id; if it is null, the id is made of key and session. */
export interface StreamStart extends StreamPlace {
  readonly streamId: string | null
  readonly keyType: string
  readonly key: string
  readonly playbackSessionId: string
  readonly commandUrl: string
  readonly isLive: boolean
}

/** The record of a start. `used`: the engine of a start that was not known yet; null if there is none. */
interface Recorded {
  readonly stream: Stream
  readonly used: Engine | null
}

/** Older versions of acexy report a failed start as a session with this name. */
const FAILED_SESSION = 'fetch_failed'

/** The end reason of a stream whose engine no longer knows its session, so that the end was not reported. */
const SESSION_UNKNOWN: OurEndReason = 'session_unknown'

/** The end reason of a stream whose end was never reported. */
const FORGOTTEN: OurEndReason = 'forgotten'

/** How long a stream that is tied to no engine may stay without an end. */
const UNMATCHED_MAX_MS = 86_400_000

/**
 * Limit for started streams that are tied to no engine. Beyond it, the oldest ones end. No decision depends on these
 * streams, so nobody loses anything, and the caller that reports one receives the same answer as always.
 */
const UNMATCHED_MAX = 256

/**
 * Bytes allowed per stream on an engine, on average. A stream of acexy has about 400. After every commit all streams are
 * read; with eight streams of the greatest accepted length on each engine, this took 30 ms.
 */
const STREAM_BYTES = 512

/** Records the streams that proxies report, and ties them to engines. An event never creates an engine. */
export class StreamBooks {
  constructor(
    private readonly deps: {
      readonly store: Store
      /** Commits what proxies report. */
      readonly commits: CommitGroup
      /** Names the callers in the log. */
      readonly story: Pick<Story, 'noting'>
      readonly clock: Clock
      readonly addresses: Addresses
      readonly playback: Pick<PlaybackWatch, 'failed' | 'ended'>
      readonly expected: Pick<ExpectedStreams, 'reported'>
      readonly reach: Pick<ReachWatch, 'began' | 'failed'>
      /**
       * Limit for started streams that are tied to one engine. Streams beyond it are recorded without an engine. Ending
       * others instead would let a stranger end streams that are being watched. Long streams count as several, by their
       * bytes.
       */
      readonly perEngineMax: number
    },
  ) {}

  /**
   * Records a start. A start of a started stream changes nothing; a start of an ended stream opens a new record. A failed
   * attempt is recorded as ended, so it never counts as active. During an outage, starts and ends count at once and are
   * written to the file later.
   */
  start(event: StreamStart, caller: Caller): Promise<Stream> {
    const { commits, story, clock } = this.deps
    const streamId = event.streamId ?? `${event.key}|${event.playbackSessionId}`
    const now = clock.now()
    const work = story.noting(caller, (tx) => this.#record(tx, event, streamId, now))
    const after = (recorded: Recorded): Stream => this.#noteStart(event, recorded)
    return commits.transactOrKeep(work, after, sizeOfStart(streamId, event))
  }

  #record(tx: Db, event: StreamStart, streamId: string, now: number): Recorded {
    const open = startedStream(tx, streamId)
    if (open) return { stream: open, used: null }
    const candidates = liveEnginesAt(tx, portsOf(event), event.containerId)
    const used = matchEngine(event, candidates, (candidate) => this.deps.addresses.known(candidate))
    const failed = isFailed(event)
    const engine = failed || this.#hasRoom(tx, used) ? used : null
    const stream = insertStream(tx, rowFor(event, { streamId, engine, failed, now }))
    const kind = failed ? 'stream.failed' : 'stream.started'
    const detail = { key: shortened(event.key), host: shortened(event.host), port: event.port }
    appendJournal(tx, now, { kind, engineId: engine?.id ?? null, streamId, detail })
    if (used && failed) updateEngine(tx, used.id, { failedAttemptAt: now })
    else if (used) noteUse(tx, used, now)
    if (engine === null) endInBooks(tx, unmatchedBeyond(tx, UNMATCHED_MAX), FORGOTTEN, now)
    return { stream, used }
  }

  #noteStart(event: StreamStart, { stream, used }: Recorded): Stream {
    const { playback, expected, reach } = this.deps
    if (used !== null) {
      expected.reported(used.id)
      if (isStarted(stream)) reach.began()
      else reach.failed(used)
    }
    if (isFailed(event) && !isStarted(stream)) playback.failed(stream)
    return stream
  }

  /** Records an end. Resolves with null, and changes nothing, if no such stream is started. */
  end(streamId: string, reason: string, caller: Caller): Promise<Stream | null> {
    const { commits, story, clock, playback } = this.deps
    const now = clock.now()
    const work = story.noting(caller, (tx): Stream | null => {
      const open = startedStream(tx, streamId)
      if (open === undefined) return null
      endInBooks(tx, [open], reason, now)
      return knownStream(tx, open.rowId)
    })
    const after = (ended: Stream | null): Stream | null => {
      if (ended !== null) playback.ended(ended, reason)
      return ended
    }
    return commits.transactOrKeep(work, after, ENTRY_COPIES * streamId.length + 2 * reason.length)
  }

  /** Ends one record, unless it has ended already. Returns the record after that. */
  endRecord(rowId: number, reason: OurEndReason): { readonly updated: boolean; readonly stream: Stream } {
    const { store, clock } = this.deps
    return store.transact((tx) => {
      const before = knownStream(tx, rowId)
      endInBooks(tx, [before], reason, clock.now())
      return { updated: isStarted(before), stream: knownStream(tx, rowId) }
    })
  }

  /** Ends the given streams that are started, because their engine no longer knows their sessions. */
  endDead(rowIds: readonly number[]): readonly Stream[] {
    const { store, clock } = this.deps
    const open = rowIds.flatMap((rowId) => streamByRow(store.db, rowId) ?? []).filter(isStarted)
    if (open.length === 0) return open
    store.transact((tx) => endInBooks(tx, open, SESSION_UNKNOWN, clock.now()))
    return open
  }

  /**
   * Ends streams that are tied to no engine: those whose end was not reported for a day, because nothing else would end
   * them, and those beyond the limit. Ends at most a batch of each. Returns whether there were any.
   */
  endForgotten(): boolean {
    const { store, clock } = this.deps
    const now = clock.now()
    const old = unmatchedUntil(store.db, now - UNMATCHED_MAX_MS)
    const surplus = unmatchedBeyond(store.db, UNMATCHED_MAX)
    if (old.length + surplus.length === 0) return false
    store.transact((tx) => endInBooks(tx, [...old, ...surplus], FORGOTTEN, now))
    return true
  }

  /**
   * Ends streams that are tied to no engine and are longer than the present version accepts; an older version stored them.
   * Returns whether there were any.
   */
  endOversized(): boolean {
    const { store, clock } = this.deps
    const oversized = oversizedUnmatched(store.db)
    if (oversized.length === 0) return false
    store.transact((tx) => endInBooks(tx, oversized, FORGOTTEN, clock.now()))
    return true
  }

  #hasRoom(tx: Db, engine: Engine | null): boolean {
    if (engine === null) return false
    const { perEngineMax } = this.deps
    const { records, bytes } = startedSizeOf(tx, engine.id)
    return records < perEngineMax && bytes < perEngineMax * STREAM_BYTES
  }
}

/** The record of a row that existed a moment ago. Started records are never pruned. */
function knownStream(db: Db, rowId: number): Stream {
  const stream = streamByRow(db, rowId)
  if (stream === undefined) throw new Error(`the record ${rowId} has left the books`)
  return stream
}

/** How often a stream id is written with its record and with a journal entry: in the row and in indexes. */
const RECORD_COPIES = 3
const ENTRY_COPIES = 2

/** Characters that a start writes, without the parts that are always short. */
const sizeOfStart = (streamId: string, { key, statUrl, commandUrl }: StreamStart): number =>
  (RECORD_COPIES + ENTRY_COPIES) * streamId.length + key.length + statUrl.length + commandUrl.length

/** Shortens a text for the journal. A content id fits completely. The stream's record has the whole text. */
const shortened = (text: string): string =>
  text.length <= REPEATED_MAX ? text : `${text.slice(0, REPEATED_MAX).toWellFormed()}…`

const REPEATED_MAX = 100

const isFailed = ({ playbackSessionId, statUrl, commandUrl }: StreamStart): boolean =>
  playbackSessionId === FAILED_SESSION || statUrl === '' || commandUrl === ''

const isStarted = ({ status }: Stream): boolean => status === 'started'

function rowFor(
  event: StreamStart,
  given: { streamId: string; engine: Engine | null; failed: boolean; now: number },
): Omit<Stream, 'rowId'> {
  const { streamId, engine, failed, now } = given
  const { keyType, key, playbackSessionId, statUrl, commandUrl, isLive } = event
  return {
    streamId,
    engineId: engine?.id ?? null,
    containerId: engine?.containerId ?? null,
    keyType,
    key,
    playbackSessionId,
    statUrl,
    commandUrl,
    isLive,
    startedAt: now,
    status: failed ? 'ended' : 'started',
    endedAt: failed ? now : null,
    endReason: failed ? FAILED_SESSION : null,
  }
}

/**
 * Marks an engine as used. A stream that reached the engine shows that a caller has it, so the engine is no longer
 * unclaimed. If the engine was a trial, it may be in use for hours without an answer to our probes, so the next trial is
 * allowed.
 */
function noteUse(tx: Db, engine: Engine, now: number): void {
  freeTrial(tx, engine, now)
  noteStreamStart(tx, engine.id, now)
}
