import { isCrashLoop } from '../../core/engines/restarts.ts'
import { isStatPath } from '../../core/streams/session-paths.ts'
import { type Engine, generationOf, type Stream } from '../../core/types.ts'
import { cutOffSinceMs } from '../../core/vpn/tunnel.ts'
import type { Db } from '../../store/store.ts'
import { streamsSince } from '../../store/streams.ts'
import type { Rows } from '../engines/fleet-rows.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { Facts } from '../facts/facts.ts'
import type { SessionTarget } from './health-source.ts'

/** Sessions of one engine that are asked about at most: far more than one process of an engine serves. */
const SESSIONS_MAX = 100

interface Known {
  readonly facts: Pick<Facts, 'health'>
  readonly connections: Pick<ConnectionFacts, 'of'>
}

/**
 * The streams of each engine whose sessions tell whether it may be stopped: of one that drains, crashes again and again, is cut
 * off from the outside, or is unhealthy with a started stream, all that its process has had. A session that ended in the books may be watched by
 * another viewer. Behind a VPN the started ones are always in doubt: if several stand still, so does the VPN. Engines without
 * such streams are missing.
 */
export function streamsInDoubt(
  db: Db,
  { engines, started }: Rows,
  known: Known,
  nowMs: number,
): ReadonlyMap<string | null, readonly Stream[]> {
  const present = engines.filter(({ removalRequestedAt }) => removalRequestedAt === null)
  const hasStream = (engine: Engine): boolean => started.has(engine.id)
  const suspects = present.filter((engine) => isSuspect(engine, hasStream(engine), known, nowMs))
  const suspected = new Set(suspects)
  const wanted = suspects.map(({ id, containerStartedAt }) => ({
    engineId: id,
    // The container engine tells it by a clock of its own, which may be ahead.
    sinceMs: containerStartedAt === null || containerStartedAt > nowMs ? 0 : containerStartedAt,
  }))
  const streams = [
    ...streamsSince(db, wanted, SESSIONS_MAX),
    ...present
      .filter((engine) => engine.vpnNode !== null && !suspected.has(engine))
      .flatMap(({ id }) => started.get(id) ?? []),
  ]
  return Map.groupBy(streams.filter(isAskable), ({ engineId }) => engineId)
}

/** All that its process has had is in doubt. */
function isSuspect(
  engine: Engine,
  hasStream: boolean,
  { facts, connections }: Known,
  nowMs: number,
): boolean {
  return (
    engine.status === 'draining' ||
    cutOffSinceMs(connections.of(engine.id, generationOf(engine))) !== null ||
    isCrashLoop(engine.restartsAt, nowMs) ||
    (hasStream && facts.health(engine.id, nowMs).verdict === 'unhealthy')
  )
}

/** The streams whose sessions an engine is asked about: `started`, for their statistics, and those in doubt. */
export function streamsAsked(started: readonly Stream[], inDoubt: readonly Stream[]): readonly Stream[] {
  const asked = [...started.filter(isAskable), ...inDoubt]
  return [...new Map(asked.map((stream) => [stream.rowId, stream])).values()]
}

/** What the engine is asked; several streams may share a session. */
export const sessionTargets = (streams: readonly Stream[]): SessionTarget[] =>
  streams.map(({ rowId, statUrl }) => ({ streamRowId: rowId, path: pathOf(statUrl) }))

const isAskable = ({ statUrl }: Stream): boolean => isStatPath(pathOf(statUrl))

/**
 * Those that engines hand out have some 150 characters. What is longer is not asked for: to take the longest that are accepted apart,
 * after each commit, took more time than all else.
 */
const SESSION_URL_MAX = 512

const pathOf = (url: string): string => (url.length > SESSION_URL_MAX ? '' : (URL.parse(url)?.pathname ?? ''))
