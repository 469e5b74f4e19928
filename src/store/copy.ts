import type { Database } from 'bun:sqlite'
import { type Connection, openMemory } from './connection.ts'
import { storageFailureOf } from './failure.ts'

/** Rows of tables. Each row has its values in the order of `columns`: an earlier version's table may have fewer. */
export type Rows = ReadonlyMap<string, TableRows>

interface TableRows {
  readonly columns: readonly string[]
  readonly values: readonly Row[]
}

type Row = readonly (string | number | bigint | boolean | null | Uint8Array)[]

const NO_ROWS: TableRows = { columns: [], values: [] }

/** The rows that all components work with. They are few enough to be read every few seconds. */
const LIVE: Readonly<Record<string, string>> = {
  settings: '',
  breakers: '',
  port_leases: '',
  engines: "WHERE status NOT IN ('gone', 'failed')",
  streams: "WHERE status = 'started'",
  // The copy must hand out the same ids as the file, because transactions run in the copy are repeated in the file later.
  sqlite_sequence: '',
}

/** The history that is shown during an outage: the newest rows of each table. */
const PAST: Readonly<Record<string, string>> = {
  idempotency_keys: 'ORDER BY created_at DESC LIMIT 1000',
  engines: "WHERE status IN ('gone', 'failed') ORDER BY ended_at DESC LIMIT 200",
  streams: "WHERE status = 'ended' ORDER BY row_id DESC LIMIT 1000",
  journal: 'ORDER BY id DESC LIMIT 1000',
  stream_stats:
    'WHERE id IN (SELECT max(id) FROM stream_stats JOIN streams ON row_id = stream_row_id ' +
    "WHERE streams.status = 'started' GROUP BY stream_row_id)",
}

/** The rows that decisions depend on. Throws the library's error if they can't be read. */
export const liveRows = (client: Database): Rows =>
  new Map(Object.entries(LIVE).map(([table, which]) => [table, rowsOf(client, table, which)]))

/**
 * Creates a database in memory with as much of the file as can be read: all live rows, and the newest history. `known` are
 * the live rows that were read last; they are used if the file can't be read any more.
 */
export function copyOf(client: Database, known: Rows): Connection {
  const copy = openMemory()
  for (const [table, which] of Object.entries(PAST))
    insert(copy.client, table, readable(() => rowsOf(client, table, which)) ?? NO_ROWS)
  for (const [table, which] of Object.entries(LIVE)) {
    const rows = readable(() => rowsOf(client, table, which)) ?? known.get(table) ?? NO_ROWS
    // The rows inserted above have already raised the counters of the copy.
    if (table === 'sqlite_sequence') copy.client.run('DELETE FROM sqlite_sequence')
    insert(copy.client, table, rows)
  }
  return copy
}

function rowsOf(client: Database, table: string, which: string): TableRows {
  const statement = client.query<never, []>(`SELECT * FROM ${table} ${which}`)
  return { values: statement.values() as Row[], columns: statement.columnNames }
}

/** Returns null if the file can't be read. */
function readable<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (storageFailureOf(error) === null) throw error
    return null
  }
}

function insert(client: Database, table: string, { columns, values }: TableRows): void {
  if (values.length === 0) return
  const names = columns.map((column) => `"${column}"`).join()
  const places = Array(columns.length).fill('?').join()
  const statement = client.query(`INSERT INTO ${table} (${names}) VALUES (${places})`)
  client.transaction(() => {
    for (const row of values) statement.run(...row)
  })()
}
