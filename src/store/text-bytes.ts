import { type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'

/**
 * The total bytes of text in these columns of a row. SQLite reads the lengths from the header of the row, without the text.
 */
export const bytesOf = (columns: readonly SQLiteColumn[]): SQL<number> =>
  sql.join(
    columns.map((column) => sql`coalesce(octet_length(${column}), 0)`),
    sql` + `,
  ) as SQL<number>
