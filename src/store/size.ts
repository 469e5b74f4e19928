import { sql } from 'drizzle-orm'
import type { Db } from './store.ts'

/** The size of the database in bytes, without what is still in its write-ahead log. */
export const databaseBytes = (db: Db): number =>
  db.get<[number]>(sql`select page_count * page_size from pragma_page_count(), pragma_page_size()`)[0]
