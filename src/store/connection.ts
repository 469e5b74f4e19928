import { Database } from 'bun:sqlite'
import { type BunSQLiteDatabase, drizzle } from 'drizzle-orm/bun-sqlite'
import { StorageFailure } from './failure.ts'
import { embeddedMigrations, type Migration } from './migrations.ts'
import { createPrivate } from './private-files.ts'
import * as schema from './schema.ts'

/** An open database with the tables of this version. */
export interface Connection {
  readonly client: Database
  readonly db: BunSQLiteDatabase<typeof schema>
}

/** For so long a write waits for another process; nobody is answered meanwhile. */
export const BUSY_MS = 250

/**
 * What the log has when it is begun anew, at most: SQLite does so after each 1,000 pages (4 MB), unless another program reads an older
 * state of the database meanwhile. What it grew to until then would stay its size.
 */
const LOG_BYTES = 8_388_608

/**
 * Opens the database file, makes it if it is missing, and brings it up to date. WAL with `synchronous=FULL`: what is
 * committed survives a power cut. Throws the error of the system or the library when the file can't be opened, or not written to, or
 * is no database, and StorageFailure, with the file as it was, when a newer version wrote it.
 */
export function openFile(path: string): Connection {
  createPrivate(path)
  const client = new Database(path, { create: true, strict: true })
  try {
    return connect(client)
  } catch (error) {
    // Left open, it would keep its locks.
    client.close()
    throw error
  }
}

/** The same for a database that is open already. */
export function connect(client: Database): Connection {
  client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  assertKnown(client)
  client.run('PRAGMA journal_mode = WAL')
  client.run('PRAGMA synchronous = FULL')
  client.run('PRAGMA foreign_keys = ON')
  client.run(`PRAGMA journal_size_limit = ${LOG_BYTES}`)
  const db = drizzle({ client, schema, casing: 'snake_case' })
  migrate(db, embeddedMigrations())
  return { client, db }
}

/** An empty database in memory. Rows may name others that were not copied, so foreign keys are not looked at. */
export function openMemory(): Connection {
  const connection = connect(new Database(':memory:', { strict: true }))
  connection.client.run('PRAGMA foreign_keys = OFF')
  return connection
}

/**
 * Opens a database file only to read it once, where it can't be opened otherwise: on a full disk there is no room for the index of
 * its log, which is kept in memory for a connection that has the file for itself.
 */
export function openToRead(path: string): Database {
  const client = new Database(path, { strict: true })
  client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  client.run('PRAGMA locking_mode = EXCLUSIVE')
  return client
}

/**
 * Throws StorageFailure where a migration was made that this version does not know: a newer one wrote the file, which would be read
 * wrongly and written over.
 */
export function assertKnown(client: Database): void {
  const tables = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '__drizzle_migrations'"
  if (client.query(tables).get() === null) return
  const known = new Set(embeddedMigrations().map(({ folderMillis }) => folderMillis))
  const made = client.query<{ at: number }, []>('SELECT created_at AS at FROM __drizzle_migrations').all()
  const unknown = made.find(({ at }) => !known.has(Number(at)))
  if (unknown === undefined) return
  const since = new Date(Number(unknown.at)).toISOString()
  throw new StorageFailure('newer', new Error(`a change of ${since} is not known here`))
}

/** `migrate()` of drizzle reads a folder; its dialect takes the entries themselves. Internal in 0.45, held by a test. */
interface Dialect {
  migrate(migrations: Migration[], session: unknown, config: { migrationsTable?: string }): void
}

function migrate(db: BunSQLiteDatabase<typeof schema>, migrations: Migration[]): void {
  const { dialect, session } = db as unknown as { dialect: Dialect; session: unknown }
  dialect.migrate(migrations, session, {})
}
