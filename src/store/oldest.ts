import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm'
import { prepared } from './prepared.ts'
import { ENGINES_BATCH } from './prune.ts'
import { engines, journal, streams } from './schema.ts'
import { usedBytes } from './size.ts'
import type { Db } from './store.ts'
import { forgetStreams } from './streams.ts'

/** About how much one step frees: it takes some milliseconds. Answers wait for no more than one step. */
const STEP_BYTES = { least: 500_000, most: 1_500_000 }

/**
 * If this much is beyond the bound, more is brought than such steps delete: many requests at a time are answered between
 * two of them. A step then frees this part of it, so that steps delete as much as the requests bring.
 */
const FLOOD_BYTES = 10_000_000
const FLOOD_PART = 1 / 4

/** Rows per table in the first batch of a step. Each further batch has twice as many, because short rows free few bytes. */
const FIRST_BATCH = 10
const LAST_BATCH = 160

/**
 * A table with at most this many past rows causes no deletion. This is more than a batch. Otherwise, live rows that fill the
 * database would push out all history.
 */
const KEPT_ROWS = 256

const isEnded = eq(streams.status, 'ended')
const isPast = inArray(engines.status, ['gone', 'failed'])
const skip = sql.placeholder('skip')
const untilMs = sql.placeholder('untilMs')
const limit = sql.placeholder('limit')

const entryTime = prepared((db) =>
  db.select({ at: journal.at }).from(journal).orderBy(asc(journal.at)).limit(1).offset(skip).prepare(),
)
const recordTime = prepared((db) => {
  const ended = db.select({ at: streams.endedAt }).from(streams).where(isEnded)
  return ended.orderBy(asc(streams.endedAt)).limit(1).offset(skip).prepare()
})
const engineTime = prepared((db) => {
  const past = db.select({ at: engines.endedAt }).from(engines).where(isPast)
  return past.orderBy(asc(engines.endedAt)).limit(1).offset(skip).prepare()
})
const oldEntries = prepared((db) => {
  const old = db.select({ id: journal.id }).from(journal).where(lte(journal.at, untilMs))
  return db
    .delete(journal)
    .where(inArray(journal.id, old.orderBy(asc(journal.at)).limit(limit)))
    .prepare()
})
const oldRecords = prepared((db) => {
  const old = db.select({ rowId: streams.rowId }).from(streams)
  const ended = old.where(and(isEnded, lte(streams.endedAt, untilMs)))
  return ended.orderBy(asc(streams.endedAt)).limit(limit).prepare()
})
const oldEngines = prepared((db) => {
  const old = db.select({ id: engines.id }).from(engines)
  const past = old.where(and(isPast, lte(engines.endedAt, untilMs))).limit(limit)
  return db.delete(engines).where(inArray(engines.id, past)).prepare()
})

/**
 * Deletes the oldest history while the database holds more than `maxBytes`, at most one step. Returns whether there may be
 * more to delete. Started streams and live engines stay.
 */
export function pruneToBytes(tx: Db, maxBytes: number): boolean {
  const beforeBytes = usedBytes(tx)
  const step = stepBytes(beforeBytes - maxBytes)
  for (let batch = FIRST_BATCH; batch <= LAST_BATCH; batch *= 2) {
    const bytes = usedBytes(tx)
    if (bytes <= maxBytes) return false
    if (beforeBytes - bytes >= step) return true
    const until = oldestUntil(tx, batch)
    if (until === null) return false
    if (deleteUntil(tx, until, batch)) return true
  }
  return true
}

/** About how much the next step frees, by how much there is beyond the bound. */
function stepBytes(beyond: number): number {
  if (beyond >= FLOOD_BYTES) return beyond * FLOOD_PART
  return Math.min(STEP_BYTES.most, Math.max(STEP_BYTES.least, beyond / 8))
}

/**
 * A time (epoch ms) up to which one batch of one table is deleted, and at most one batch of each other table, so that all
 * tables reach equally far back. Null if no table has rows to spare.
 */
function oldestUntil(db: Db, batch: number): number | null {
  const ends = [entryTime(db), recordTime(db), engineTime(db)]
    .filter((time) => time.get({ skip: KEPT_ROWS }) !== undefined)
    .flatMap((time) => time.get({ skip: batch })?.at ?? [])
  return ends.length === 0 ? null : Math.min(...ends)
}

/**
 * Deletes history up to that time, at most a batch of each table. Returns whether samples of it are left for the next step.
 */
function deleteUntil(tx: Db, until: number, batch: number): boolean {
  oldEntries(tx).run({ untilMs: until, limit: batch })
  oldEngines(tx).run({ untilMs: until, limit: Math.min(batch, ENGINES_BATCH) })
  const records = oldRecords(tx).all({ untilMs: until, limit: batch })
  return forgetStreams(
    tx,
    records.map(({ rowId }) => rowId),
  )
}
