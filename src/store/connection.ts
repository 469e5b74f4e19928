import { Database } from 'bun:sqlite'
import { type BunSQLiteDatabase, drizzle } from 'drizzle-orm/bun-sqlite'
import { StorageFailure } from './failure.ts'
import { embeddedMigrations, type Migration } from './migrations.ts'
import { createPrivate } from './private-files.ts'
import * as schema from './schema.ts'
import { copyBefore, type SchemaChange } from './schema-change.ts'

/** An open database with the tables of this version. */
export interface Connection {
  readonly client: Database
  readonly db: BunSQLiteDatabase<typeof schema>
}

/** How long a write waits for a lock of another process. The thread is blocked meanwhile, so no request is answered. */
export const BUSY_MS = 250

/**
 * Maximum size of the log after SQLite restarts it. SQLite restarts the log after every 1,000 pages (4 MB), unless another
 * program still reads an older state of the database. Without this limit, the file of the log would never shrink.
 */
const LOG_BYTES = 8_388_608

/**
 * Opens the database file, creates it if it is missing, and applies migrations. If the tables of an existing file change,
 * copies it before and calls `onChange` afterwards. Uses WAL with `synchronous=FULL`, so committed data survives a power
 * cut. Throws the error of the system or the library if the file can't be opened, can't be written or is no database. Throws
 * StorageFailure, and leaves the file unchanged, if a newer version wrote it.
 */
export function openFile(path: string, onChange: (change: SchemaChange) => void): Connection {
  createPrivate(path)
  const client = new Database(path, { create: true, strict: true })
  try {
    client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
    const from = knownSchema(client)
    const to = embeddedMigrations().length
    if (from === 0 || from === to) return connect(client)
    const copy = copyBefore(client, path, from)
    const connection = connect(client)
    onChange({ from, to, copy })
    return connection
  } catch (error) {
    // An open connection would keep its locks.
    client.close()
    throw error
  }
}

/** Does the same as `openFile` for a database that is already open. */
export function connect(client: Database): Connection {
  client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  knownSchema(client)
  client.run('PRAGMA journal_mode = WAL')
  client.run('PRAGMA synchronous = FULL')
  client.run('PRAGMA foreign_keys = ON')
  client.run(`PRAGMA journal_size_limit = ${LOG_BYTES}`)
  const db = drizzle({ client, schema, casing: 'snake_case' })
  migrate(db, embeddedMigrations())
  return { client, db }
}

/**
 * Opens an empty database in memory. Its foreign keys are not checked, because rows may reference others that were not
 * copied.
 */
export function openMemory(): Connection {
  const connection = connect(new Database(':memory:', { strict: true }))
  connection.client.run('PRAGMA foreign_keys = OFF')
  return connection
}

/**
 * Opens a database file to read it once, when it can't be opened otherwise. On a full disk there is no room for the index of
 * the log; a connection that has the file for itself keeps that index in memory.
 */
export function openToRead(path: string): Database {
  const client = new Database(path, { strict: true })
  client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  client.run('PRAGMA locking_mode = EXCLUSIVE')
  return client
}

/**
 * Returns the number of migrations that were applied to the file, 0 for an empty one. Throws StorageFailure if it has one
 * that this version does not know. A newer version wrote such a file, so this version would misread and overwrite it.
 */
export function knownSchema(client: Database): number {
  const tables = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '__drizzle_migrations'"
  if (client.query(tables).get() === null) return 0
  const known = new Set(embeddedMigrations().map(({ folderMillis }) => folderMillis))
  const made = client.query<{ at: number }, []>('SELECT created_at AS at FROM __drizzle_migrations').all()
  const unknown = made.find(({ at }) => !known.has(Number(at)))
  if (unknown === undefined) return made.length
  throw new StorageFailure(
    'newer',
    new Error(`its schema is ${made.length}, and this version has ${known.size}`),
  )
}

/**
 * drizzle's `migrate()` reads a folder, but its dialect accepts the entries directly. The dialect is internal in 0.45; a
 * test notices if it changes.
 */
interface Dialect {
  migrate(migrations: Migration[], session: unknown, config: { migrationsTable?: string }): void
}

function migrate(db: BunSQLiteDatabase<typeof schema>, migrations: Migration[]): void {
  const { dialect, session } = db as unknown as { dialect: Dialect; session: unknown }
  dialect.migrate(migrations, session, {})
}
