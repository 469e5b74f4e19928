import { sql } from 'drizzle-orm'
import type { Db } from './store.ts'

/** The size of the database in bytes, without what is still in its write-ahead log. */
export const databaseBytes = (db: Db): number =>
  db.get<[number]>(sql`select page_count * page_size from pragma_page_count(), pragma_page_size()`)[0]

/** The bytes of the pages that hold something. The file grows only where no other page is left, so it has what this was at most. */
export const usedBytes = (db: Db): number =>
  db.get<[number]>(
    sql`select (page_count - freelist_count) * page_size from pragma_page_count(), pragma_freelist_count(), pragma_page_size()`,
  )[0]
