import { type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'

/** The bytes of text in these columns of a row together. Their lengths are told by the row's head alone. */
export const bytesOf = (columns: readonly SQLiteColumn[]): SQL<number> =>
  sql.join(
    columns.map((column) => sql`coalesce(octet_length(${column}), 0)`),
    sql` + `,
  ) as SQL<number>
