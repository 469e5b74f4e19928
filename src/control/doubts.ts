import { isCrashLoop } from '../core/restarts.ts'
import { isStatPath } from '../core/session-paths.ts'
import type { Engine, Stream } from '../core/types.ts'
import type { Db } from '../store/store.ts'
import { startedStreamsOf, streamsSince } from '../store/streams.ts'
import type { SessionTarget } from './health-keeper.ts'

/** What may be wrong with an engine, apart from what its row says. */
interface Doubt {
  readonly isUnhealthy: boolean
  readonly isCutOff: boolean
  readonly nowMs: number
}

/** Sessions of one engine that are asked about at most: far more than one process of an engine serves. */
const SESSIONS_MAX = 100

/**
 * The streams whose sessions tell whether an engine may be stopped: of one that drains, crashes again and again, is cut
 * off from the outside, or is unhealthy with a started stream, all that its process has had. A session that ended in the books may be watched by
 * another viewer. Behind a VPN the started ones are always in doubt: if several stand still, so does the VPN.
 */
export function streamsInDoubt(db: Db, engine: Engine, doubt: Doubt): readonly Stream[] {
  if (engine.removalRequestedAt !== null) return []
  const { isUnhealthy, isCutOff, nowMs } = doubt
  const isLeaving = engine.status === 'draining' || isCutOff || isCrashLoop(engine.restartsAt, nowMs)
  if (!isLeaving && !(isUnhealthy && startedStreamsOf(db, engine.id).length > 0))
    return engine.vpnNode === null ? [] : startedStreamsOf(db, engine.id).filter(isAskable)
  return streamsSince(db, engine.id, engine.containerStartedAt ?? 0, SESSIONS_MAX).filter(isAskable)
}

/** The streams whose sessions an engine is asked about: `started`, for their statistics, and those in doubt. */
export function streamsAsked(
  db: Db,
  engine: Engine,
  started: readonly Stream[],
  doubt: Doubt,
): readonly Stream[] {
  const asked = [...started.filter(isAskable), ...streamsInDoubt(db, engine, doubt)]
  return [...new Map(asked.map((stream) => [stream.rowId, stream])).values()]
}

/** What the engine is asked; several streams may share a session. */
export const sessionTargets = (streams: readonly Stream[]): SessionTarget[] =>
  streams.map(({ rowId, statUrl }) => ({ streamRowId: rowId, path: pathOf(statUrl) }))

const isAskable = ({ statUrl }: Stream): boolean => isStatPath(pathOf(statUrl))

const pathOf = (url: string): string => URL.parse(url)?.pathname ?? ''
