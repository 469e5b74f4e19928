import type { Session } from './sessions.ts'

/** What a viewer got of a stream that has ended: bytes, or nothing at all. */
export type Outcome = 'played' | 'nothing'

/** A stream that has ended, as far as its proxy and its engine have told about it. */
export interface EndedStream {
  /** The reason that the proxy gave. */
  readonly reason: string
  /** From the report of the start to the report of the end, in milliseconds. */
  readonly lastedMs: number
  /** What the engine said about the session; null if it was not asked. */
  readonly session: Session | null
}

/**
 * The reasons by which a proxy says that the engine gave it no answer, or none in time. They hold whatever the engine says
 * of its downloads, because the proxy speaks for the viewer.
 */
const UNANSWERED = new Set(['fetch_stream_failed', 'start_stream_failed', 'timeout', 'network_error'])

/** The reasons by which a proxy says that the engine's answer ended or ran dry. That happens to good streams, too. */
const RAN_DRY = new Set(['eof', 'empty_timeout'])

/**
 * The reasons that a proxy can give only after bytes went through it. acexy notices that its viewer has left when it writes
 * to it.
 */
const DELIVERED = new Set(['client_disconnected', 'completed'])

/**
 * Within this time a stream that ran dry or had no answer has played nothing: acexy waits 20 s for an answer and then 10 s
 * for bytes. A stream that lasted longer has played until then, unless the engine says otherwise.
 */
const START_MS = 35_000

/** A viewer who leaves earlier has seen nothing yet on any engine. */
const VISIT_MS = 1_000

/** A session of a good stream has moved within this time. */
const STARVED_MS = 15_000

/**
 * What came of a stream that has ended; null if that cannot be told. What the proxy saw decides; where it saw nothing, as
 * older proxies do not, the bytes that the engine reported for the session decide.
 */
export function outcomeOf({ reason, lastedMs, session }: EndedStream): Outcome | null {
  const hasMoved = session !== null && session.movedMs !== null
  if (UNANSWERED.has(reason) && lastedMs < START_MS) return 'nothing'
  if (hasMoved) return 'played'
  if (RAN_DRY.has(reason) && lastedMs < START_MS) return 'nothing'
  // A stream that is played from the cache of its engine moves no bytes of the session.
  if (DELIVERED.has(reason)) return lastedMs < VISIT_MS ? null : 'played'
  return isStarved(session) ? 'nothing' : null
}

/** Whether the engine served the session for long without a byte. An engine that tells no bytes proves nothing. */
function isStarved(session: Session | null): boolean {
  if (session === null || session.servedMs === null || session.downloaded === null) return false
  return session.askedMs - session.servedMs >= STARVED_MS && session.state === 'serves'
}
