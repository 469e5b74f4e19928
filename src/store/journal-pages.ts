import { and, desc, eq, gte, inArray, like, lt, or, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import { type JournalRow, journalRows } from './journal.ts'
import { engines, journal } from './schema.ts'
import type { Db } from './store.ts'

/** Which entries; what is left out does not narrow. */
export interface JournalFilter {
  readonly kinds?: readonly string[]
  readonly engineIds?: readonly string[]
  readonly streamId?: string
  /** Epoch milliseconds. */
  readonly sinceMs?: number
  /** Only entries older than this one. */
  readonly beforeId?: number
}

/**
 * The newest entries that match, at most so many, newest first. Each walk goes along one index from its newest end, so that it
 * takes time by what is given and not by how long the journal is.
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
    // What is older than the last of a full page is not on it.
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

/** The conditions of each walk: one index is chosen here, and hidden from SQLite are all that it would rather take. */
function walks({ kinds, engineIds, streamId }: JournalFilter): SQL[][] {
  const isOfKinds = kinds === undefined ? [] : [inArray(bare(journal.kind), [...kinds])]
  const isOfEngines = engineIds === undefined ? [] : [inArray(bare(journal.engineId), [...engineIds])]
  if (streamId !== undefined) return [[eq(journal.streamId, streamId), ...isOfEngines, ...isOfKinds]]
  if (engineIds !== undefined) return engineIds.map((id) => [eq(journal.engineId, id), ...isOfKinds])
  return kinds === undefined ? [[]] : kinds.map((kind) => [eq(journal.kind, kind)])
}

/** A column that no index is looked for; see "unary plus" in SQLite's notes on its query planner. */
const bare = (column: SQLiteColumn): SQL => sql`+${column}`

/** The id that no entry since then is below; null when there is none. The clock may have been set back meanwhile. */
const firstIdSince = (db: Db, sinceMs: number): number | null =>
  db
    .select({ id: sql<number | null>`min(${bare(journal.id)})` })
    .from(journal)
    .where(gte(journal.at, sinceMs))
    .get()?.id ?? null

/**
 * The engines, past ones too, that a word may mean: an engine's id, its container's id or at least 12 characters of it, or its
 * container's name. The word itself is among them, since the journal outlives the rows of engines.
 */
export function engineIdsOf(db: Db, word: string): string[] {
  const isPart = /^[0-9a-f]{12,63}$/.test(word)
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
