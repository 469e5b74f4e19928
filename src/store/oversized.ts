import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Stream } from '../core/types.ts'
import { journal, streams } from './schema.ts'
import type { Db } from './store.ts'
import { forgetStreams } from './streams.ts'
import { bytesOf } from './text-bytes.ts'

/*
 * Rows with more text than any of today can have: requests had no bounds once, and what was stored then is read, shown and kept in
 * memory with the rest.
 */

/** Bytes of text; a record of today has 36 kB at most, all of it in characters of four bytes. */
const RECORD_MAX = 40_000
const ENTRY_MAX = 100_000

const { streamId, key, playbackSessionId, statUrl, commandUrl, endReason } = streams
const isOversized = sql`${bytesOf([streamId, key, playbackSessionId, statUrl, commandUrl, endReason])} > ${RECORD_MAX}`

/** Few, since all pages of each are walked. */
const OVERSIZED_BATCH = 5

/** Started records of that kind that no engine serves, at most a batch. */
export const oversizedUnmatched = (db: Db): Stream[] =>
  db
    .select()
    .from(streams)
    .where(and(eq(streams.status, 'started'), isNull(streams.engineId), isOversized))
    .limit(OVERSIZED_BATCH)
    .all()

/** Deletes past records and entries of that kind, at most a batch of each; gives whether there may be more. */
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
