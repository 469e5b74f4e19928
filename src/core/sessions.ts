import type { SecondLook } from './situation.ts'

/** What one engine has said of one session, summed up. */
export interface Session {
  readonly state: 'serves' | 'ended' | 'silent'
  readonly downloaded: number | null
  /** When it was first and last asked and answered. */
  readonly firstServedMs: number | null
  readonly askedMs: number
  /** When its bytes were last seen to have grown; null when never. */
  readonly movedMs: number | null
}

/** One answer of an engine about a session. */
export interface SessionAnswer {
  readonly state: Session['state']
  readonly downloaded: number | null
  readonly atMs: number
}

/** Adds an answer. Bytes that grew since the one before have moved. */
export function withAnswer(before: Session | null, { state, downloaded, atMs }: SessionAnswer): Session {
  const known = before?.downloaded ?? null
  const hasGrown = known !== null && downloaded !== null && downloaded > known
  return {
    state,
    downloaded: downloaded ?? known,
    firstServedMs: before?.firstServedMs ?? (state === 'serves' ? atMs : null),
    askedMs: atMs,
    movedMs: hasGrown ? atMs : (before?.movedMs ?? null),
  }
}

/** A session that still stands still after this time is read by nobody. */
const STILL_MS = 5_000

/**
 * The second look at a draining engine: whether a session that ended in the books is served on, since several viewers
 * share one in older proxies. `sessions` has one entry for each of them, null where the engine was not asked yet. An engine
 * that does not answer is looked at as `pending`; how long to wait for it is the caller's decision.
 */
export function secondLook(
  sessions: readonly (Session | null)[],
  sinceMs: number,
  nowMs: number,
): SecondLook {
  const looks = sessions.map((session) => look(session, sinceMs, nowMs))
  if (looks.includes('serving')) return 'serving'
  return looks.includes('pending') ? 'pending' : 'clear'
}

function look(session: Session | null, sinceMs: number, nowMs: number): SecondLook {
  if (session === null || session.askedMs < sinceMs || session.state === 'silent') return 'pending'
  if (session.state === 'ended') return 'clear'
  const stillSince = session.movedMs ?? session.firstServedMs ?? session.askedMs
  if (session.movedMs !== null && nowMs - session.movedMs < 2 * STILL_MS) return 'serving'
  return session.askedMs - stillSince >= STILL_MS ? 'clear' : 'pending'
}
