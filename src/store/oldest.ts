import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm'
import { prepared } from './prepared.ts'
import { ENGINES_BATCH } from './prune.ts'
import { engines, journal, streams } from './schema.ts'
import { usedBytes } from './size.ts'
import type { Db } from './store.ts'
import { forgetStreams } from './streams.ts'

/** Bytes that a step frees, more or less: some milliseconds. */
const STEP_BYTES = 500_000

/** Rows of a table that go in the first batch of a step. Each further one has twice as many: where rows are short, many have to go. */
const FIRST_BATCH = 10
const LAST_BATCH = 160

/** Rows of a table that ask for no step, more than a batch: what is live, however much, does not take all that was. */
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
 * Deletes the oldest of what has been while the database holds more than `maxBytes`, at most a step; gives whether there may be more.
 * Started streams and live engines stay.
 */
export function pruneToBytes(tx: Db, maxBytes: number): boolean {
  const beforeBytes = usedBytes(tx)
  for (let batch = FIRST_BATCH; batch <= LAST_BATCH; batch *= 2) {
    const bytes = usedBytes(tx)
    if (bytes <= maxBytes) return false
    if (beforeBytes - bytes >= STEP_BYTES) return true
    const until = oldestUntil(tx, batch)
    if (until === null) return false
    if (deleteUntil(tx, until, batch)) return true
  }
  return true
}

/**
 * A time (epoch ms) that one batch of some table reaches to, and at most one of each other, so that all tables go equally far back.
 * Null where none has rows to spare.
 */
function oldestUntil(db: Db, batch: number): number | null {
  const ends = [entryTime(db), recordTime(db), engineTime(db)]
    .filter((time) => time.get({ skip: KEPT_ROWS }) !== undefined)
    .flatMap((time) => time.get({ skip: batch })?.at ?? [])
  return ends.length === 0 ? null : Math.min(...ends)
}

/** Deletes what has been until then, at most a batch of each table; gives whether samples of it are left to the next step. */
function deleteUntil(tx: Db, until: number, batch: number): boolean {
  oldEntries(tx).run({ untilMs: until, limit: batch })
  oldEngines(tx).run({ untilMs: until, limit: Math.min(batch, ENGINES_BATCH) })
  const records = oldRecords(tx).all({ untilMs: until, limit: batch })
  return forgetStreams(
    tx,
    records.map(({ rowId }) => rowId),
  )
}
