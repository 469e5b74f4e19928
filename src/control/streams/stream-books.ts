import type { OurEndReason } from '../../core/streams/end-reasons.ts'
import { matchEngine, type StreamPlace } from '../../core/streams/matching.ts'
import type { Engine, Stream } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { liveEngines, updateEngine } from '../../store/engines.ts'
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

/** What a proxy reports at a start. `streamId` is its own id; null lets us make it of key and session. */
export interface StreamStart extends StreamPlace {
  readonly streamId: string | null
  readonly keyType: string
  readonly key: string
  readonly playbackSessionId: string
  readonly commandUrl: string
  readonly isLive: boolean
}

/** acexy's older versions report a start that failed as a session of this name. */
const FAILED_SESSION = 'fetch_failed'

/** The reason of an end that was not reported: the engine says that it does not know the session. */
const SESSION_UNKNOWN: OurEndReason = 'session_unknown'

/** The reason of an end that nobody has told, nor ever would. */
const FORGOTTEN: OurEndReason = 'forgotten'

/** For so long a stream that no engine of ours serves may be without an end. */
const UNMATCHED_MAX_MS = 86_400_000

/**
 * Started streams that no engine of ours serves; beyond that the oldest end. Nothing is decided by them, so nobody loses anything,
 * and whoever reports one is answered as ever.
 */
const UNMATCHED_MAX = 256

/**
 * Of one stream on an engine, on an average: those of acexy have some 400. Every commit is followed by a reading of all of them, and of
 * the longest that are accepted eight on each engine made that last 30 ms.
 */
const STREAM_BYTES = 512

/** The books of the streams: what proxies reported, tied to engines. An event never makes an engine. */
export class StreamBooks {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly addresses: Addresses
      readonly log: Log
      /**
       * Started streams that are tied to one engine. Those beyond it are booked without an engine: to end others for them would let
       * a stranger end what is watched. Long ones count for several, by their bytes.
       */
      readonly perEngineMax: number
    },
  ) {}

  /**
   * Records a start. A start of what is started already changes nothing; of what has ended, it opens a new record. A
   * failed attempt is recorded as ended, so it never counts as active. While the database takes no writes it counts all the same,
   * and is written later; so do ends.
   */
  start(event: StreamStart): Stream {
    const { store, clock } = this.deps
    const streamId = event.streamId ?? `${event.key}|${event.playbackSessionId}`
    const size = sizeOfStart(streamId, event)
    const now = clock.now()
    return store.transactOrKeep((tx): Stream => {
      const open = startedStream(tx, streamId)
      if (open) return open
      const used = matchEngine(event, liveEngines(tx), (candidate) => this.deps.addresses.known(candidate))
      const failed = isFailed(event)
      const engine = failed || this.#hasRoom(tx, used) ? used : null
      const stream = insertStream(tx, rowFor(event, { streamId, engine, failed, now }))
      const kind = failed ? 'stream.failed' : 'stream.started'
      const detail = { key: shortened(event.key), host: shortened(event.host), port: event.port }
      appendJournal(tx, now, { kind, engineId: engine?.id ?? null, streamId, detail })
      if (used && failed) updateEngine(tx, used.id, { failedAttemptAt: now })
      else if (used) noteUse(tx, used, now)
      if (engine === null) endInBooks(tx, unmatchedBeyond(tx, UNMATCHED_MAX), FORGOTTEN, now)
      return stream
    }, size)
  }

  /** Records an end; null, and nothing changed, when no such stream is started. */
  end(streamId: string, reason: string): Stream | null {
    const { store, clock } = this.deps
    const now = clock.now()
    const size = ENTRY_COPIES * streamId.length + 2 * reason.length
    return store.transactOrKeep((tx): Stream | null => {
      const open = startedStream(tx, streamId)
      if (open === undefined) return null
      endInBooks(tx, [open], reason, now)
      return knownStream(tx, open.rowId)
    }, size)
  }

  /** Ends one record, unless it has ended; gives it as it stands then. */
  endRecord(rowId: number, reason: OurEndReason): { readonly updated: boolean; readonly stream: Stream } {
    const { store, clock } = this.deps
    return store.transact((tx) => {
      const before = knownStream(tx, rowId)
      endInBooks(tx, [before], reason, clock.now())
      return { updated: isStarted(before), stream: knownStream(tx, rowId) }
    })
  }

  /** Ends those of these streams that are started, since their engine does not know their session any more. */
  endDead(rowIds: readonly number[]): readonly Stream[] {
    const { store, clock, log } = this.deps
    const open = rowIds.flatMap((rowId) => streamByRow(store.db, rowId) ?? []).filter(isStarted)
    if (open.length === 0) return open
    store.transact((tx) => endInBooks(tx, open, SESSION_UNKNOWN, clock.now()))
    log.info({ streams: open.map(({ streamId }) => streamId) }, 'ended: their engine does not know them')
    return open
  }

  /**
   * Ends streams that no engine of ours serves and whose end nobody has told for a day, since nobody else would, and those beyond
   * their number. Of both at most a batch; gives whether there were any.
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

  /** Ends what an older version took though it is longer than anything of today, and no engine of ours serves; gives whether it did. */
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

/** A record that was there a moment ago; started ones are never pruned. */
function knownStream(db: Db, rowId: number): Stream {
  const stream = streamByRow(db, rowId)
  if (stream === undefined) throw new Error(`the record ${rowId} has left the books`)
  return stream
}

/** How often an id is written with a record and with an entry of the journal: in the row, and in indexes. */
const RECORD_COPIES = 3
const ENTRY_COPIES = 2

/** Characters that a start writes, but for what is never long. */
const sizeOfStart = (streamId: string, { key, statUrl, commandUrl }: StreamStart): number =>
  (RECORD_COPIES + ENTRY_COPIES) * streamId.length + key.length + statUrl.length + commandUrl.length

/** As much of a text as the journal repeats: all of a content id. The books have the whole. */
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
 * A stream that reached an engine shows that its caller has it: it is not unclaimed any more. If it was a trial, it may be in
 * use for hours without an answer to our own questions; another may be tried.
 */
function noteUse(tx: Db, engine: Engine, now: number): void {
  freeTrial(tx, engine, now)
  updateEngine(tx, engine.id, { lastStreamAt: now, unclaimedSince: null, claimKey: null })
}
