import {
  and,
  asc,
  count,
  desc,
  eq,
  getTableColumns,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  type SQL,
  sql,
} from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import type { Stream } from '../core/types.ts'
import { prepared } from './prepared.ts'
import { PRUNE_BATCH, SAMPLES_BATCH } from './prune.ts'
import { streamStats, streams } from './schema.ts'
import type { Db } from './store.ts'
import { bytesOf } from './text-bytes.ts'

/** Selects stream records. A member that is left out does not restrict the result. */
export interface StreamFilter {
  readonly status?: 'started' | 'ended'
  readonly containerId?: string
  /** Only records older than this record, or that began before this time (epoch ms). */
  readonly before?: { readonly record: number } | { readonly atMs: number }
  /** Only the newest records, at most this many. */
  readonly limit?: number
}

/** Stream records in the order of their starts. */
export function streamsWhere(db: Db, filter: StreamFilter): Stream[] {
  const { status, containerId, before, limit } = filter
  const wanted: SQL[] = []
  if (status !== undefined) wanted.push(eq(streams.status, status))
  if (containerId !== undefined) wanted.push(eq(streams.containerId, containerId))
  if (before !== undefined)
    wanted.push('record' in before ? lt(streams.rowId, before.record) : lt(streams.startedAt, before.atMs))
  const found = db
    .select()
    .from(streams)
    .where(and(...wanted))
    .orderBy(desc(streams.rowId))
  return (limit === undefined ? found.all() : found.limit(limit).all()).reverse()
}

/**
 * The word stands in the query, because there is an index of the started records. With a placeholder SQLite would compile the
 * query again at each call, to see by its value whether that index serves.
 */
const isStarted = sql`${streams.status} = 'started'`
const isWanted = eq(streams.streamId, sql.placeholder('streamId'))
const isOfEngine = eq(streams.engineId, sql.placeholder('engineId'))

const onEngines = prepared((db) =>
  db
    .select({ rowId: streams.rowId })
    .from(streams)
    .where(and(isStarted, isNotNull(streams.engineId)))
    .prepare(),
)
const byRows = prepared((db) =>
  db
    .select()
    .from(streams)
    .where(sql`${streams.rowId} in (select value from json_each(${sql.placeholder('rowIds')}))`)
    .prepare(),
)
const open = prepared((db) => db.select().from(streams).where(and(isWanted, isStarted)).prepare())
const newest = prepared((db) =>
  db.select().from(streams).where(isWanted).orderBy(desc(streams.rowId)).limit(1).prepare(),
)
const byRow = prepared((db) =>
  db
    .select()
    .from(streams)
    .where(eq(streams.rowId, sql.placeholder('rowId')))
    .prepare(),
)
const startedOf = prepared((db) => db.select().from(streams).where(and(isOfEngine, isStarted)).prepare())
/** Selects the newest records of each listed engine. One query serves all engines, because many may be needed at a time. */
const since = prepared((db) => {
  const newer = alias(streams, 'newer')
  const wanted = sql`json_each(${sql.placeholder('wanted')}) as wanted`
  const newest = db
    .select({ rowId: newer.rowId })
    .from(newer)
    .where(and(eq(newer.engineId, sql`wanted.value ->> 0`), gte(newer.startedAt, sql`wanted.value ->> 1`)))
    .orderBy(desc(newer.rowId))
    .limit(sql.placeholder('limit'))
  return db
    .select(getTableColumns(streams))
    .from(wanted)
    .crossJoin(streams)
    .where(inArray(streams.rowId, newest))
    .orderBy(desc(streams.rowId))
    .prepare()
})
const startedCounts = prepared((db) =>
  db
    .select({ engineId: streams.engineId, n: count() })
    .from(streams)
    .where(isStarted)
    .groupBy(streams.engineId)
    .prepare(),
)
const insert = prepared((db) =>
  db
    .insert(streams)
    .values({
      streamId: sql.placeholder('streamId'),
      engineId: sql.placeholder('engineId'),
      containerId: sql.placeholder('containerId'),
      keyType: sql.placeholder('keyType'),
      key: sql.placeholder('key'),
      playbackSessionId: sql.placeholder('playbackSessionId'),
      statUrl: sql.placeholder('statUrl'),
      commandUrl: sql.placeholder('commandUrl'),
      isLive: sql.placeholder('isLive'),
      startedAt: sql.placeholder('startedAt'),
      status: sql.placeholder('status'),
      endedAt: sql.placeholder('endedAt'),
      endReason: sql.placeholder('endReason'),
    })
    .returning()
    .prepare(),
)
const end = prepared((db) =>
  db
    .update(streams)
    .set({
      status: 'ended',
      endedAt: sql`${sql.placeholder('endedAt')}`,
      endReason: sql`${sql.placeholder('endReason')}`,
    })
    .where(and(eq(streams.rowId, sql.placeholder('rowId')), isStarted))
    .returning({ rowId: streams.rowId })
    .prepare(),
)
const isUnmatched = and(isNull(streams.engineId), isStarted)
const unmatched = prepared((db) =>
  db.select().from(streams).where(isUnmatched).orderBy(asc(streams.rowId)).prepare(),
)
/** Selects only ids, because SQLite sorts all unmatched records for this query, and they may be long. */
const beyond = prepared((db) =>
  db
    .select({ rowId: streams.rowId })
    .from(streams)
    .where(isUnmatched)
    .orderBy(desc(streams.rowId))
    .limit(PRUNE_BATCH)
    .offset(sql.placeholder('keep'))
    .prepare(),
)
const old = prepared((db) =>
  db
    .select()
    .from(streams)
    .where(and(isUnmatched, lte(streams.startedAt, sql.placeholder('untilMs'))))
    .limit(PRUNE_BATCH)
    .prepare(),
)
const TEXTS = [
  streams.streamId,
  streams.key,
  streams.playbackSessionId,
  streams.statUrl,
  streams.commandUrl,
] as const
const sizeOf = prepared((db) =>
  db
    .select({ records: count(), bytes: sql<number>`coalesce(sum(${bytesOf(TEXTS)}), 0)` })
    .from(streams)
    .where(and(isOfEngine, isStarted))
    .prepare(),
)
const total = prepared((db) => db.select({ n: count() }).from(streams).prepare())

/**
 * The ids of the started records that are tied to an engine, in the order of their starts. Decisions and the lists of
 * engines read them after each commit. There may be many records without an engine, and long ones, because anybody may
 * report them.
 */
export const startedOnEngines = (db: Db): number[] =>
  onEngines(db)
    .all()
    .map(({ rowId }) => rowId)
    .sort((a, b) => a - b)

/** Started records that are tied to no engine, in the order of their starts. */
export const startedUnmatched = (db: Db): Stream[] => unmatched(db).all()

/** The open record of a stream id. */
export const startedStream = (db: Db, streamId: string): Stream | undefined => open(db).get({ streamId })

/** The newest record of a stream id. */
export const newestStream = (db: Db, streamId: string): Stream | undefined => newest(db).get({ streamId })

export const streamByRow = (db: Db, rowId: number): Stream | undefined => byRow(db).get({ rowId })

/** The records with these row ids, in no particular order. Deleted records are missing. */
export const streamsByRows = (db: Db, rowIds: readonly number[]): Stream[] =>
  rowIds.length === 0 ? [] : byRows(db).all({ rowIds: JSON.stringify(rowIds) })

export const startedStreamsOf = (db: Db, engineId: string): Stream[] => startedOf(db).all({ engineId })

/** How many started records an engine has, and the bytes of the reported text in them. */
export const startedSizeOf = (
  db: Db,
  engineId: string,
): { readonly records: number; readonly bytes: number } =>
  sizeOf(db).get({ engineId }) ?? { records: 0, bytes: 0 }

/** Started records without an engine, except the newest `keep`; at most a batch. */
export const unmatchedBeyond = (db: Db, keep: number): Stream[] =>
  streamsByRows(
    db,
    beyond(db)
      .all({ keep })
      .map(({ rowId }) => rowId),
  )

/** Started records without an engine that began at this time (epoch ms) or earlier; at most a batch. */
export const unmatchedUntil = (db: Db, untilMs: number): Stream[] => old(db).all({ untilMs })

/** The newest records of each engine since its `sinceMs`, at most `limit` per engine, started or ended. */
export const streamsSince = (
  db: Db,
  engines: readonly { readonly engineId: string; readonly sinceMs: number }[],
  limit: number,
): Stream[] => {
  if (engines.length === 0) return []
  const wanted = JSON.stringify(engines.map(({ engineId, sinceMs }) => [engineId, sinceMs]))
  return since(db).all({ wanted, limit })
}

/** How many started records each engine has. Engines without one are missing. */
export const startedByEngine = (db: Db): ReadonlyMap<string | null, number> =>
  new Map(
    startedCounts(db)
      .all()
      .map(({ engineId, n }) => [engineId, n]),
  )

export const countStreams = (db: Db): number => total(db).get()?.n ?? 0

export const insertStream = (tx: Db, stream: Omit<Stream, 'rowId'>): Stream => insert(tx).get(stream)

/** Ends a record. Returns false if it had already ended. */
export const endStream = (tx: Db, rowId: number, nowMs: number, reason: string): boolean =>
  end(tx).all({ rowId, endedAt: nowMs, endReason: reason }).length > 0

/**
 * Keeps the newest `keep` ended records that did not end before `before`. A record is deleted after its samples. Returns
 * whether there may be more to delete.
 */
export function pruneStreams(tx: Db, keep: number, before: number): boolean {
  const isEnded = eq(streams.status, 'ended')
  const found = () => tx.select({ rowId: streams.rowId }).from(streams)
  const surplus = found().where(isEnded).orderBy(desc(streams.endedAt)).limit(PRUNE_BATCH).offset(keep).all()
  const old = found()
    .where(and(isEnded, lt(streams.endedAt, before)))
    .limit(PRUNE_BATCH)
    .all()
  const areSamplesLeft = forgetStreams(
    tx,
    [...surplus, ...old].map(({ rowId }) => rowId),
  )
  return areSamplesLeft || Math.max(surplus.length, old.length) === PRUNE_BATCH
}

/** Deletes records once they have no samples. Returns whether samples are left for the next step. */
export function forgetStreams(tx: Db, rowIds: readonly number[]): boolean {
  if (rowIds.length === 0) return false
  const ids = [...rowIds]
  const samples = tx
    .select({ id: streamStats.id })
    .from(streamStats)
    .where(inArray(streamStats.streamRowId, ids))
    .limit(SAMPLES_BATCH)
  const gone = tx
    .delete(streamStats)
    .where(inArray(streamStats.id, samples))
    .returning({ id: streamStats.id })
  if (gone.all().length === SAMPLES_BATCH) return true
  tx.delete(streams).where(inArray(streams.rowId, ids)).run()
  return false
}
