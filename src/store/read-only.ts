import { constants, Database } from 'bun:sqlite'
import { realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { LIVE_STATUSES } from '../core/types.ts'
import { BUSY_MS } from './connection.ts'
import { statOf } from './files.ts'
import type { ScaleOrder } from './fleet-orders.ts'
import { embeddedMigrations } from './migrations.ts'

/**
 * Opens a database file to read it, beside a server that may be using it, without changing it. Where nobody uses it, no file
 * is left behind either: SQLite would create the log and its index only to read. Throws the error of the system or the library.
 */
export function openReadOnly(path: string): Database {
  const file = realpathSync(path)
  const isInUse = ['-wal', '-shm'].some((suffix) => statOf(`${file}${suffix}`) !== null)
  const flags = constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI
  const client = isInUse
    ? new Database(file, { readonly: true })
    : new Database(`${pathToFileURL(file).href}?immutable=1`, flags)
  // Whoever closes a database locks it for a moment.
  client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  return client
}

/** How the schema of a database compares with ours. */
export type SchemaState =
  /** It has no table of ours: an empty file, or the database of another program. */
  | 'none'
  /** Migrations are missing, which the next start applies. */
  | 'older'
  | 'current'
  /** It has a migration that this version does not know. */
  | 'newer'

/** Compares the schema of a database with ours. Throws the library's error if the file can't be read. */
export function schemaState(client: Database): SchemaState {
  const isThere = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '__drizzle_migrations'"
  if (client.query(isThere).get() === null) return 'none'
  const rows = client.query<{ at: number }, []>('SELECT created_at AS at FROM __drizzle_migrations').all()
  const made = new Set(rows.map(({ at }) => Number(at)))
  const known = embeddedMigrations().map(({ folderMillis }) => folderMillis)
  if (made.difference(new Set(known)).size > 0) return 'newer'
  if (made.size === 0) return 'none'
  return known.every((at) => made.has(at)) ? 'current' : 'older'
}

/**
 * The first thing that SQLite finds wrong with a file; null if it is sound. Takes about 2 ms per megabyte. Throws the library's
 * error if the file can't be read.
 */
export function damageIn(client: Database): string | null {
  const [found] = client.query('PRAGMA quick_check(1)').values()
  const text = String(found?.[0])
  return text === 'ok' ? null : text
}

/** The last `/scale` order, by names that every version has; null without one. Throws as `ownRows` does. */
export function orderIn(client: Database): ScaleOrder | null {
  const row = client
    .query<{ value: string }, []>("SELECT value FROM settings WHERE key = 'scale_order'")
    .get()
  return row === null ? null : (JSON.parse(row.value) as ScaleOrder)
}

/** What a database says about the containers of its installation. */
export interface OwnRows {
  /** Null if the database has none yet. */
  readonly installation: string | null
  /** The containers of live engines, with the number of streams that were reported started there. */
  readonly streams: ReadonlyMap<string, number>
}

/** Reads the rows by names that every version of the schema has. Throws the library's error if the file can't be read. */
export function ownRows(client: Database): OwnRows {
  const id = client
    .query<{ value: string }, []>("SELECT value FROM settings WHERE key = 'installation_id'")
    .get()
  const live = LIVE_STATUSES.map((status) => `'${status}'`).join(', ')
  const rows = client
    .query<{ container: string; streams: number }, []>(
      `SELECT container_id AS container,
         (SELECT count(*) FROM streams WHERE engine_id = engines.id AND streams.status = 'started') AS streams
       FROM engines WHERE container_id IS NOT NULL AND status IN (${live})`,
    )
    .all()
  return {
    installation: id?.value ?? null,
    streams: new Map(rows.map(({ container, streams }) => [container, streams])),
  }
}
