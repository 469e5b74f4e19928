import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Stream } from '../core/types.ts'
import { journal, streams } from './schema.ts'
import type { Db } from './store.ts'
import { forgetStreams } from './streams.ts'
import { bytesOf } from './text-bytes.ts'

/*
 * Rows with more text than the present version accepts. Requests had no limits once, and rows stored then are still read,
 * shown and kept in memory.
 */

/** Bytes of text. A present record has at most 36 kB, if all of its characters take four bytes. */
const RECORD_MAX = 40_000
const ENTRY_MAX = 100_000

const { streamId, key, playbackSessionId, statUrl, commandUrl, endReason } = streams
const isOversized = sql`${bytesOf([streamId, key, playbackSessionId, statUrl, commandUrl, endReason])} > ${RECORD_MAX}`

/** The batch is small, because deleting a row walks all of its pages. */
const OVERSIZED_BATCH = 5

/** Started oversized records that are tied to no engine, at most a batch. */
export const oversizedUnmatched = (db: Db): Stream[] =>
  db
    .select()
    .from(streams)
    .where(and(eq(streams.status, 'started'), isNull(streams.engineId), isOversized))
    .limit(OVERSIZED_BATCH)
    .all()

/**
 * Deletes oversized ended records and journal entries, at most a batch of each. Returns whether there may be more to delete.
 */
export function pruneOversized(tx: Db): boolean {
  const records = tx
    .select({ rowId: streams.rowId })
    .from(streams)
    .where(and(eq(streams.status, 'ended'), isOversized))
    .limit(OVERSIZED_BATCH)
    .all()
  const areSamplesLeft = forgetStreams(
    tx,
    records.map(({ rowId }) => rowId),
  )
  const entries = tx
    .select({ id: journal.id })
    .from(journal)
    .where(sql`${bytesOf([journal.streamId, journal.detail])} > ${ENTRY_MAX}`)
    .limit(OVERSIZED_BATCH)
  const gone = tx.delete(journal).where(inArray(journal.id, entries)).returning({ id: journal.id }).all()
  return areSamplesLeft || Math.max(records.length, gone.length) === OVERSIZED_BATCH
}
