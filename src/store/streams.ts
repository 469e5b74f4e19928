import { and, asc, count, desc, eq, gte, inArray, lt, type SQL, sql } from 'drizzle-orm'
import type { Stream } from '../core/types.ts'
import { prepared } from './prepared.ts'
import { streamStats, streams } from './schema.ts'
import type { Db } from './store.ts'

export interface StreamFilter {
  readonly status?: 'started' | 'ended'
  readonly containerId?: string
}

/** Streams in the order of their starts. */
export function streamsWhere(db: Db, filter: StreamFilter): Stream[] {
  const wanted: SQL[] = []
  if (filter.status !== undefined) wanted.push(eq(streams.status, filter.status))
  if (filter.containerId !== undefined) wanted.push(eq(streams.containerId, filter.containerId))
  return db
    .select()
    .from(streams)
    .where(and(...wanted))
    .orderBy(asc(streams.rowId))
    .all()
}

const isStarted = eq(streams.status, 'started')
const isWanted = eq(streams.streamId, sql.placeholder('streamId'))
const isOfEngine = eq(streams.engineId, sql.placeholder('engineId'))

const started = prepared((db) =>
  db.select().from(streams).where(isStarted).orderBy(asc(streams.rowId)).prepare(),
)
const open = prepared((db) => db.select().from(streams).where(and(isWanted, isStarted)).prepare())
const newest = prepared((db) =>
  db.select().from(streams).where(isWanted).orderBy(desc(streams.rowId)).limit(1).prepare(),
)
const startedOf = prepared((db) => db.select().from(streams).where(and(isOfEngine, isStarted)).prepare())
const since = prepared((db) =>
  db
    .select()
    .from(streams)
    .where(and(isOfEngine, gte(streams.startedAt, sql.placeholder('sinceMs'))))
    .orderBy(desc(streams.rowId))
    .limit(sql.placeholder('limit'))
    .prepare(),
)
const startedCounts = prepared((db) =>
  db
    .select({ engineId: streams.engineId, n: count() })
    .from(streams)
    .where(isStarted)
    .groupBy(streams.engineId)
    .prepare(),
)
const total = prepared((db) => db.select({ n: count() }).from(streams).prepare())

/** All open records, in the order of their starts. */
export const startedStreams = (db: Db): Stream[] => started(db).all()

/** The open record of a wire id. */
export const startedStream = (db: Db, streamId: string): Stream | undefined => open(db).get({ streamId })

/** The newest record of a wire id. */
export const newestStream = (db: Db, streamId: string): Stream | undefined => newest(db).get({ streamId })

export const startedStreamsOf = (db: Db, engineId: string): Stream[] => startedOf(db).all({ engineId })

/** The newest records of an engine since a time, with or without an end, at most so many. */
export const streamsSince = (db: Db, engineId: string, sinceMs: number, limit: number): Stream[] =>
  since(db).all({ engineId, sinceMs, limit })

/** How many started records each engine has; engines without one are missing. */
export const startedByEngine = (db: Db): ReadonlyMap<string | null, number> =>
  new Map(
    startedCounts(db)
      .all()
      .map(({ engineId, n }) => [engineId, n]),
  )

export const countStreams = (db: Db): number => total(db).get()?.n ?? 0

export const insertStream = (tx: Db, stream: Omit<Stream, 'rowId'>): Stream =>
  tx.insert(streams).values(stream).returning().get()

/** Ends a record; false when it had ended already. */
export const endStream = (tx: Db, rowId: number, nowMs: number, reason: string): boolean =>
  tx
    .update(streams)
    .set({ status: 'ended', endedAt: nowMs, endReason: reason })
    .where(and(eq(streams.rowId, rowId), eq(streams.status, 'started')))
    .returning({ rowId: streams.rowId })
    .all().length > 0

/** The samples of one record, oldest first, from `since` (epoch ms) on. */
export const statsOf = (db: Db, rowId: number, since: number) =>
  db
    .select()
    .from(streamStats)
    .where(eq(streamStats.streamRowId, rowId))
    .orderBy(asc(streamStats.at))
    .all()
    .filter(({ at }) => at >= since)

/** Rows that one sweep deletes at most: a statement takes a bounded number of values, and the next sweep goes on. */
const PRUNE_BATCH = 500

/** Keeps the newest `keep` ended records that ended after `before`; their samples go with them. */
export function pruneStreams(tx: Db, keep: number, before: number): void {
  const surplus = tx
    .select({ rowId: streams.rowId })
    .from(streams)
    .where(eq(streams.status, 'ended'))
    .orderBy(desc(streams.endedAt))
    .limit(PRUNE_BATCH)
    .offset(keep)
    .all()
    .map(({ rowId }) => rowId)
  if (surplus.length > 0) tx.delete(streams).where(inArray(streams.rowId, surplus)).run()
  tx.delete(streams)
    .where(and(eq(streams.status, 'ended'), lt(streams.endedAt, before)))
    .run()
}
