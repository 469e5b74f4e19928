import { and, desc, eq, gte, inArray, like, lt, or, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import { type JournalRow, journalRows } from './journal.ts'
import { engines, journal } from './schema.ts'
import type { Db } from './store.ts'

/** Selects journal entries. A member that is left out does not restrict the result. */
export interface JournalFilter {
  readonly kinds?: readonly string[]
  readonly engineIds?: readonly string[]
  readonly streamId?: string
  /** Epoch milliseconds. */
  readonly sinceMs?: number
  /** Only entries older than the entry with this id. */
  readonly beforeId?: number
}

/**
 * The newest `limit` entries that match, newest first. Each walk reads one index from its newest end, so the time depends on
 * the number of results and not on the length of the journal.
 */
export function journalWhere(db: Db, filter: JournalFilter, limit: number): JournalRow[] {
  const { sinceMs, beforeId } = filter
  const firstId = sinceMs === undefined ? 0 : firstIdSince(db, sinceMs)
  if (firstId === null) return []
  const wanted: SQL[] = []
  if (beforeId !== undefined) wanted.push(lt(journal.id, beforeId))
  if (sinceMs !== undefined) wanted.push(gte(bare(journal.at), sinceMs))
  let ids: readonly number[] = []
  for (const walk of walks(filter)) {
    // The page is full, so entries older than its last one can't be on it.
    const from = ids.length < limit ? firstId : (ids.at(-1) ?? firstId)
    const found = idsWhere(db, [...walk, gte(journal.id, from), ...wanted], limit)
    ids = [...ids, ...found].toSorted(descending).slice(0, limit)
  }
  return journalRows(db)
    .where(sql`${journal.id} in (select value from json_each(${JSON.stringify(ids)}))`)
    .all()
    .toSorted((one, other) => descending(one.id, other.id))
}

const descending = (one: number, other: number): number => other - one

const idsWhere = (db: Db, wanted: readonly SQL[], limit: number): number[] =>
  db
    .select({ id: journal.id })
    .from(journal)
    .where(and(...wanted))
    .orderBy(desc(journal.id))
    .limit(limit)
    .all()
    .map(({ id }) => id)

/**
 * The conditions of each walk. This function chooses one index per walk, and hides the other columns from SQLite's planner,
 * which would prefer their indexes.
 */
function walks({ kinds, engineIds, streamId }: JournalFilter): SQL[][] {
  const isOfKinds = kinds === undefined ? [] : [inArray(bare(journal.kind), [...kinds])]
  const isOfEngines = engineIds === undefined ? [] : [inArray(bare(journal.engineId), [...engineIds])]
  if (streamId !== undefined) return [[eq(journal.streamId, streamId), ...isOfEngines, ...isOfKinds]]
  if (engineIds !== undefined) return engineIds.map((id) => [eq(journal.engineId, id), ...isOfKinds])
  return kinds === undefined ? [[]] : kinds.map((kind) => [eq(journal.kind, kind)])
}

/** A column for which SQLite uses no index; see "unary plus" in SQLite's documentation of its query planner. */
const bare = (column: SQLiteColumn): SQL => sql`+${column}`

/**
 * The lowest id of all entries since that time, or null if there are none. Entries with higher ids may be older, because the
 * clock may have been set back.
 */
const firstIdSince = (db: Db, sinceMs: number): number | null =>
  db
    .select({ id: sql<number | null>`min(${bare(journal.id)})` })
    .from(journal)
    .where(gte(journal.at, sinceMs))
    .get()?.id ?? null

/**
 * The ids of the engines, past ones included, that `word` may mean: an engine's id, its container's id or at least the first
 * 12 characters of it, or its container's name. `word` itself is among them, because the journal outlives the rows of
 * engines.
 */
export function engineIdsOf(db: Db, word: string): string[] {
  const isPart = /^[0-9a-z]{12,63}$/.test(word)
  const found = db
    .select({ id: engines.id })
    .from(engines)
    .where(
      or(
        eq(engines.containerId, word),
        eq(engines.name, word),
        ...(isPart ? [like(engines.containerId, `${word}%`)] : []),
      ),
    )
    .all()
  return [...new Set([word, ...found.map(({ id }) => id)])]
}
