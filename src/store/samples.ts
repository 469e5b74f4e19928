import { and, desc, eq, getTableColumns, gte, lte, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { Sample } from '../core/streams/figures.ts'
import { prepared } from './prepared.ts'
import { streamStats, streams } from './schema.ts'
import type { Db } from './store.ts'

/** How many samples are kept per stream and in total. */
export interface SampleLimits {
  readonly perStream: number
  readonly total: number
}

const FIGURES = [
  ...['streamRowId', 'seq', 'at', 'status', 'peers', 'speedDown', 'speedUp', 'downloaded', 'uploaded'],
  ...['livePos', 'liveFirst', 'liveLast', 'bufferPieces'],
] as const

const isOfStream = eq(streamStats.streamRowId, sql.placeholder('streamRowId'))
/** Selects the newest sample of each stream that a query joins. */
const isNewest = sql`${streamStats.seq} = (select max(n.seq) from stream_stats n where n.stream_row_id = ${streams.rowId})`
const isAsked = (column: unknown): SQL =>
  sql`${column} in (select value from json_each(${sql.placeholder('ids')}))`

const lastSeq = prepared((db) =>
  db
    .select({ seq: streamStats.seq })
    .from(streamStats)
    .where(isOfStream)
    .orderBy(desc(streamStats.seq))
    .limit(1)
    .prepare(),
)
const insert = prepared((db) =>
  db
    .insert(streamStats)
    .values(Object.fromEntries(FIGURES.map((name) => [name, sql.placeholder(name)])) as never)
    .prepare(),
)
const trim = prepared((db) =>
  db
    .delete(streamStats)
    .where(and(isOfStream, lte(streamStats.seq, sql.placeholder('seq'))))
    .prepare(),
)
const inBooks = prepared((db) =>
  db
    .select({ rowId: streams.rowId, endedAt: streams.endedAt })
    .from(streams)
    .where(isAsked(streams.rowId))
    .prepare(),
)
const newestAsked = prepared((db) =>
  db
    .select(getTableColumns(streamStats))
    .from(streams)
    .innerJoin(streamStats, eq(streamStats.streamRowId, streams.rowId))
    .where(and(isAsked(streams.rowId), isNewest))
    .prepare(),
)
const sumOf = (column: SQLiteColumn) => sql<number>`coalesce(sum(${column}), 0)`
const startedSums = prepared((db) =>
  db
    .select({
      peers: sumOf(streamStats.peers),
      speedDown: sumOf(streamStats.speedDown),
      speedUp: sumOf(streamStats.speedUp),
      downloaded: sumOf(streamStats.downloaded),
      uploaded: sumOf(streamStats.uploaded),
    })
    .from(streams)
    .innerJoin(streamStats, eq(streamStats.streamRowId, streams.rowId))
    .where(and(eq(streams.status, 'started'), isNewest))
    .prepare(),
)

/**
 * Sums over the newest sample of each started stream, in the units of `Figures`. A figure that a sample lacks counts as 0.
 */
export function sumsOfStarted(db: Db) {
  const sums = startedSums(db).get()
  if (sums === undefined) throw new Error('a sum without a row')
  return sums
}

/** The newest sample of each of these streams that has any. */
export const newestSamplesOf = (db: Db, rowIds: readonly number[]): Sample[] =>
  newestAsked(db).all({ ids: JSON.stringify(rowIds) })

/** The newest `limit` samples of one stream since `sinceMs` (epoch ms), oldest first. */
export const samplesOf = (db: Db, streamRowId: number, sinceMs: number, limit: number): Sample[] =>
  db
    .select()
    .from(streamStats)
    .where(and(eq(streamStats.streamRowId, streamRowId), gte(streamStats.at, sinceMs)))
    .orderBy(desc(streamStats.seq))
    .limit(limit)
    .all()
    .reverse()

/**
 * Writes samples, and deletes those that exceed the limits. Skips samples of streams that have no row any more or had ended
 * before the sample was taken. Such samples exist because the sessions of ended streams are still polled when an engine may
 * be stopped. `seqs` maps each stream to the number of its last sample, and is updated.
 */
export function addSamples(
  tx: Db,
  samples: readonly Sample[],
  seqs: Map<number, number>,
  { perStream, total }: SampleLimits,
): void {
  const ids = JSON.stringify(samples.map(({ streamRowId }) => streamRowId))
  const endings = new Map(
    inBooks(tx)
      .all({ ids })
      .map(({ rowId, endedAt }) => [rowId, endedAt ?? Number.POSITIVE_INFINITY]),
  )
  for (const sample of samples) {
    const { streamRowId, at } = sample
    if (at > (endings.get(streamRowId) ?? Number.NEGATIVE_INFINITY)) continue
    const seq = 1 + (seqs.get(streamRowId) ?? lastSeq(tx).get({ streamRowId })?.seq ?? 0)
    insert(tx).run({ ...sample, seq })
    if (seq > perStream) trim(tx).run({ streamRowId, seq: seq - perStream })
    seqs.set(streamRowId, seq)
  }
  pruneSamples(tx, total)
}

/** Keeps the newest `keep` samples of all streams together. */
function pruneSamples(tx: Db, keep: number): void {
  const newest = tx
    .select({ id: streamStats.id })
    .from(streamStats)
    .orderBy(desc(streamStats.id))
    .limit(1)
    .get()
  if (newest !== undefined && newest.id > keep)
    tx.delete(streamStats)
      .where(lte(streamStats.id, newest.id - keep))
      .run()
}
