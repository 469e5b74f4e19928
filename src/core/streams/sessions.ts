/** A summary of what an engine has answered about one session, since it is asked about it. */
export interface Session {
  readonly state: 'serves' | 'ended' | 'silent'
  readonly downloaded: number | null
  /** When the engine was asked for the first and for the last time. */
  readonly firstAskedMs: number
  readonly askedMs: number
  /** When the engine first said that it serves the session, and when it last said anything about it; null for never. */
  readonly servedMs: number | null
  readonly answeredMs: number | null
  /** When the downloaded bytes were last seen to have grown; null for never. */
  readonly movedMs: number | null
  /**
   * How often the engine said that it does not know the session, since it last said that it serves it. A missing answer does
   * not count.
   */
  readonly denials: number
}

/** One answer of an engine about a session; `silent` means that there was none. */
export interface SessionAnswer {
  readonly state: Session['state']
  readonly downloaded: number | null
  readonly atMs: number
}

/** Adds an answer; `before` is null for the first one. If the bytes have grown since the answer before, they have moved. */
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

/** A single denial may be temporary, for example while an engine reloads the content. This many in a row are not. */
const DENIALS_OF_THE_DEAD = 3

/** Whether the engine has said often enough that it does not know the session, so that its stream is over. */
export const isDead = ({ denials }: Session): boolean => denials >= DENIALS_OF_THE_DEAD

/** A live stream moves several times within this time. If it does not, it stands still for its viewers. */
const STALL_MS = 15_000

/**
 * Since when a session that the engine serves has stood still; null while it moves, or if that is not known. A stall is
 * displayed, but never ends a stream.
 */
export function stalledSinceMs({ state, downloaded, servedMs, movedMs, askedMs }: Session): number | null {
  if (state !== 'serves' || downloaded === null) return null
  const sinceMs = movedMs ?? servedMs ?? askedMs
  return askedMs - sinceMs >= STALL_MS ? sinceMs : null
}

/**
 * For how long all of these sessions were watched without moving a byte, in milliseconds; null without sessions. A session
 * that was not asked about is no evidence. A session that the engine does not know has no viewer. A missing answer counts as
 * standing still.
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
 * Whether an engine without a started stream has a viewer nevertheless. `clear`: no. `serving`: yes. `pending`: not known
 * yet; the wait for the engine's answer counts from `sinceMs`.
 */
export type SecondLook =
  | { readonly kind: 'clear' | 'serving' }
  | { readonly kind: 'pending'; readonly sinceMs: number }

/** Nobody reads a session that stands still for this time. */
const STILL_MS = 5_000

/**
 * The second look at a draining engine: finds out whether the engine still serves a session whose stream has ended, because
 * in older proxies several viewers share one session. `sessions` has one entry for each such session, null if the engine was
 * not asked yet. Only answers since `drainingMs` count. The caller decides how long to wait for an engine that does not
 * answer.
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
  // The engine was not asked yet, so the wait for its answer has not begun.
  if (session === null) return { kind: 'pending', sinceMs: nowMs }
  const { firstAskedMs, askedMs, answeredMs, servedMs, movedMs, state } = session
  const pending = { kind: 'pending', sinceMs: answeredMs ?? firstAskedMs } as const
  if (askedMs < drainingMs || state === 'silent') return pending
  if (state === 'ended') return { kind: 'clear' }
  if (movedMs !== null && nowMs - movedMs < 2 * STILL_MS) return { kind: 'serving' }
  const stillSinceMs = movedMs ?? servedMs ?? askedMs
  return askedMs - stillSinceMs >= STILL_MS ? { kind: 'clear' } : pending
}
