/** What one engine has said of one session, summed up since it is asked about it. */
export interface Session {
  readonly state: 'serves' | 'ended' | 'silent'
  readonly downloaded: number | null
  /** When it was asked for the first and for the last time. */
  readonly firstAskedMs: number
  readonly askedMs: number
  /** When it first said that it serves it, and when it last said anything; null when never. */
  readonly servedMs: number | null
  readonly answeredMs: number | null
  /** When its bytes were last seen to have grown; null when never. */
  readonly movedMs: number | null
  /** How often it said that it does not know it, since it last said that it serves it. Silence counts for nothing. */
  readonly denials: number
}

/** One answer of an engine about a session, or that there was none. */
export interface SessionAnswer {
  readonly state: Session['state']
  readonly downloaded: number | null
  readonly atMs: number
}

/** Adds an answer; `before` is null for the first. Bytes that grew since the one before have moved. */
export function withAnswer(before: Session | null, { state, downloaded, atMs }: SessionAnswer): Session {
  const known = before?.downloaded ?? null
  const hasGrown = known !== null && downloaded !== null && downloaded > known
  return {
    state,
    downloaded: downloaded ?? known,
    firstAskedMs: before?.firstAskedMs ?? atMs,
    askedMs: atMs,
    servedMs: before?.servedMs ?? (state === 'serves' ? atMs : null),
    answeredMs: state === 'silent' ? (before?.answeredMs ?? null) : atMs,
    movedMs: hasGrown ? atMs : (before?.movedMs ?? null),
    denials: state === 'serves' ? 0 : (before?.denials ?? 0) + (state === 'ended' ? 1 : 0),
  }
}

/** One denial may be a slip, as of an engine that loads the content anew; so many are none. */
const DENIALS_OF_THE_DEAD = 3

/** Whether the engine has said often enough that it does not know the session, so that its stream is over. */
export const isDead = ({ denials }: Session): boolean => denials >= DENIALS_OF_THE_DEAD

/** A live stream moves several times in this time, so one that does not stands still for its viewers. */
const STALL_MS = 15_000

/**
 * Since when a session stands still that the engine serves; null while it moves, or where that is not known. A stall is
 * something to show, and never an end.
 */
export function stalledSinceMs({ state, downloaded, servedMs, movedMs, askedMs }: Session): number | null {
  if (state !== 'serves' || downloaded === null) return null
  const sinceMs = movedMs ?? servedMs ?? askedMs
  return askedMs - sinceMs >= STALL_MS ? sinceMs : null
}

/**
 * For how long all of these sessions were watched without a byte that moved, in milliseconds; null without sessions. What
 * was not asked is no evidence. A session that the engine does not know has no viewer; silence, where it was asked, is as
 * good as standing still.
 */
export function stillMs(sessions: readonly (Session | null)[]): number | null {
  const each = sessions.map((session) => {
    if (session === null) return 0
    if (session.state === 'ended') return Number.POSITIVE_INFINITY
    return session.askedMs - Math.max(session.firstAskedMs, session.movedMs ?? 0)
  })
  return each.length === 0 ? null : Math.min(...each)
}

/**
 * Whether an engine without a stream in the books has a viewer all the same: `clear` no, `serving` yes, `pending` it has
 * not said, though it could be asked since then.
 */
export type SecondLook =
  | { readonly kind: 'clear' | 'serving' }
  | { readonly kind: 'pending'; readonly sinceMs: number }

/** A session that still stands still after this time is read by nobody. */
const STILL_MS = 5_000

/**
 * The second look at a draining engine: whether a session that ended in the books is served on, since several viewers
 * share one in older proxies. `sessions` has one entry for each of them, null where the engine was not asked yet; only what
 * it said since `drainingMs` counts. How long to wait for an engine that does not answer is the caller's decision.
 */
export function secondLook(
  sessions: readonly (Session | null)[],
  drainingMs: number,
  nowMs: number,
): SecondLook {
  const looks = sessions.map((session) => lookAt(session, drainingMs, nowMs))
  if (looks.some(({ kind }) => kind === 'serving')) return { kind: 'serving' }
  const pending = looks.flatMap((look) => (look.kind === 'pending' ? [look.sinceMs] : []))
  return pending.length === 0 ? { kind: 'clear' } : { kind: 'pending', sinceMs: Math.max(...pending) }
}

function lookAt(session: Session | null, drainingMs: number, nowMs: number): SecondLook {
  // Nobody asked yet, so nobody failed to answer.
  if (session === null) return { kind: 'pending', sinceMs: nowMs }
  const { firstAskedMs, askedMs, answeredMs, servedMs, movedMs, state } = session
  const pending = { kind: 'pending', sinceMs: answeredMs ?? firstAskedMs } as const
  if (askedMs < drainingMs || state === 'silent') return pending
  if (state === 'ended') return { kind: 'clear' }
  if (movedMs !== null && nowMs - movedMs < 2 * STILL_MS) return { kind: 'serving' }
  const stillSinceMs = movedMs ?? servedMs ?? askedMs
  return askedMs - stillSinceMs >= STILL_MS ? { kind: 'clear' } : pending
}
