import { matchEngine, type StreamPlace } from '../core/matching.ts'
import type { Engine, Stream } from '../core/types.ts'
import { liveEngines, updateEngine } from '../store/engines.ts'
import { appendJournal } from '../store/journal.ts'
import type { Db, Store } from '../store/store.ts'
import { endStream, insertStream, newestStream, startedStream } from '../store/streams.ts'
import type { Addresses } from './addresses.ts'
import { freeTrial } from './breaker-notes.ts'
import type { Clock } from './clock.ts'

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

/** The books of the streams: what proxies reported, tied to engines. An event never makes an engine. */
export class StreamBooks {
  constructor(
    private readonly deps: { readonly store: Store; readonly clock: Clock; readonly addresses: Addresses },
  ) {}

  /**
   * Records a start. A start of what is started already changes nothing; of what has ended, it opens a new record. A
   * failed attempt is recorded as ended, so it never counts as active.
   */
  start(event: StreamStart): Stream {
    const { store, clock } = this.deps
    const streamId = event.streamId ?? `${event.key}|${event.playbackSessionId}`
    return store.transact((tx): Stream => {
      const open = startedStream(tx, streamId)
      if (open) return open
      const now = clock.now()
      const engine = matchEngine(event, liveEngines(tx), (candidate) => this.deps.addresses.known(candidate))
      const failed =
        event.playbackSessionId === FAILED_SESSION || event.statUrl === '' || event.commandUrl === ''
      const stream = insertStream(tx, rowFor(event, { streamId, engine, failed, now }))
      const kind = failed ? 'stream.failed' : 'stream.started'
      const detail = { key: event.key, host: event.host, port: event.port }
      appendJournal(tx, now, { kind, engineId: engine?.id ?? null, streamId, detail })
      if (engine && !failed) noteUse(tx, engine, now)
      return stream
    })
  }

  /** Records an end; null, and nothing changed, when no such stream is started. */
  end(streamId: string, reason: string): Stream | null {
    const { store, clock } = this.deps
    return store.transact((tx): Stream | null => {
      const open = startedStream(tx, streamId)
      if (open === undefined) return null
      const now = clock.now()
      endStream(tx, open.rowId, now, reason)
      if (open.engineId !== null) updateEngine(tx, open.engineId, { lastStreamAt: now })
      appendJournal(tx, now, { kind: 'stream.ended', engineId: open.engineId, streamId, detail: { reason } })
      return newestStream(tx, streamId) ?? null
    })
  }
}

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
