import { isCrashLoop } from '../../core/engines/restarts.ts'
import { statPathOf } from '../../core/streams/session-paths.ts'
import { type Engine, generationOf, type Stream } from '../../core/types.ts'
import { cutOffSinceMs } from '../../core/vpn/tunnel.ts'
import type { Db } from '../../store/store.ts'
import { streamsSince } from '../../store/streams.ts'
import type { Rows } from '../engines/fleet-rows.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { Facts } from '../facts/facts.ts'
import type { SessionTarget } from './health-source.ts'

/** The most streams in doubt per engine. One engine process serves far fewer sessions. */
const SESSIONS_MAX = 100

interface Known {
  readonly facts: Pick<Facts, 'health'>
  readonly connections: Pick<ConnectionFacts, 'of'>
}

/**
 * Returns the streams of each engine whose sessions tell whether the engine may be stopped. For an engine that drains,
 * crashes again and again, is cut off from the internet behind a VPN, or is unhealthy with a started stream, these are all streams since
 * its container started: another viewer may still watch a session that has ended in the database. For any other engine
 * behind a VPN, these are the started streams: several streams that stand still together are evidence against the VPN.
 * Engines without such streams are missing in the result.
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
    // Docker uses its own clock, which may be ahead of ours.
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

/** Whether all streams since the start of the engine's container are in doubt. */
function isSuspect(
  engine: Engine,
  hasStream: boolean,
  { facts, connections }: Known,
  nowMs: number,
): boolean {
  return (
    engine.status === 'draining' ||
    (engine.vpnNode !== null && cutOffSinceMs(connections.of(engine.id, generationOf(engine))) !== null) ||
    isCrashLoop(engine.restartsAt, nowMs) ||
    (hasStream && facts.health(engine.id, nowMs).verdict === 'unhealthy')
  )
}

/**
 * The sessions that an engine is asked about: those of its `started` streams, for their statistics, and those in doubt.
 * Several streams may share a session.
 */
export function sessionsAsked(started: readonly Stream[], inDoubt: readonly Stream[]): SessionTarget[] {
  const asked = new Map([...started, ...inDoubt].map(({ rowId, statUrl }) => [rowId, statUrl]))
  return [...asked].flatMap(([streamRowId, statUrl]) => {
    const path = statPathOf(statUrl)
    return path === null ? [] : [{ streamRowId, path }]
  })
}

const isAskable = ({ statUrl }: Stream): boolean => statPathOf(statUrl) !== null
