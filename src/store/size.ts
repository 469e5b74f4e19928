import { sql } from 'drizzle-orm'
import type { Db } from './store.ts'

/** The size of the database in bytes. Pages that are still only in the write-ahead log count, too. */
export const databaseBytes = (db: Db): number =>
  db.get<[number]>(sql`select page_count * page_size from pragma_page_count(), pragma_page_size()`)[0]

/**
 * Bytes of the pages in use. SQLite reuses free pages before it grows the file, so the file is never larger than the highest
 * value that this had.
 */
export const usedBytes = (db: Db): number =>
  db.get<[number]>(
    sql`select (page_count - freelist_count) * page_size from pragma_page_count(), pragma_freelist_count(), pragma_page_size()`,
  )[0]
