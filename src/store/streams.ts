import { and, asc, count, desc, eq, gte, inArray, lt, type SQL } from 'drizzle-orm'
import type { Stream } from '../core/types.ts'
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

/** The open record of a wire id. */
export const startedStream = (db: Db, streamId: string): Stream | undefined =>
  db
    .select()
    .from(streams)
    .where(and(eq(streams.streamId, streamId), eq(streams.status, 'started')))
    .get()

/** The newest record of a wire id. */
export const newestStream = (db: Db, streamId: string): Stream | undefined =>
  db.select().from(streams).where(eq(streams.streamId, streamId)).orderBy(desc(streams.rowId)).limit(1).get()

export const startedStreamsOf = (db: Db, engineId: string): Stream[] =>
  db
    .select()
    .from(streams)
    .where(and(eq(streams.engineId, engineId), eq(streams.status, 'started')))
    .all()

/** The newest records of an engine since a time, with or without an end, at most so many. */
export const streamsSince = (db: Db, engineId: string, sinceMs: number, limit: number): Stream[] =>
  db
    .select()
    .from(streams)
    .where(and(eq(streams.engineId, engineId), gte(streams.startedAt, sinceMs)))
    .orderBy(desc(streams.rowId))
    .limit(limit)
    .all()

/** How many started records each engine has; engines without one are missing. */
export const startedByEngine = (db: Db): ReadonlyMap<string | null, number> =>
  new Map(
    db
      .select({ engineId: streams.engineId, n: count() })
      .from(streams)
      .where(eq(streams.status, 'started'))
      .groupBy(streams.engineId)
      .all()
      .map(({ engineId, n }) => [engineId, n]),
  )

export const countStreams = (db: Db): number => db.select({ n: count() }).from(streams).get()?.n ?? 0

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
