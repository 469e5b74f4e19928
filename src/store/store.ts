import { Database } from 'bun:sqlite'
import { type BunSQLiteDatabase, drizzle } from 'drizzle-orm/bun-sqlite'
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core'
import { embeddedMigrations, type Migration } from './migrations.ts'
import * as schema from './schema.ts'

/** The database or a transaction of it; every query of this folder takes one. */
export type Db = BaseSQLiteDatabase<'sync', void, typeof schema>

/** An async callback would commit at its first `await` (bun:sqlite), so a promise is refused by its type. */
type NotPromise<R> = R extends PromiseLike<unknown> ? never : R

export interface Store {
  /** For reads outside a transaction. */
  readonly db: Db
  /**
   * Runs `work` in an immediate transaction: all of it is committed, durably, or none. Throws what `work` throws,
   * after the rollback. Synchronous: nothing else runs in this process meanwhile.
   */
  transact<R>(work: (tx: Db) => NotPromise<R>): R
  /**
   * The same for figures that no decision depends on and that come all the time, as statistics do: nobody is told, and the
   * version stays. Who shows them keeps a version of its own.
   */
  record(work: (tx: Db) => void): void
  /** Grows with every committed transaction; a view computed at one version is good until the next. */
  version(): number
  /** Calls `listener` after every commit; it must be quick and must not write. */
  onCommit(listener: () => void): void
  close(): void
}

/**
 * Opens the database file, makes it if it is missing, and brings it up to date. WAL with `synchronous=FULL`: what is
 * committed survives a power cut. Throws the library's error when the file can't be opened or is no database.
 */
export function openStore(path: string): Store {
  return createStore(new Database(path, { create: true, strict: true }))
}

/** The store on a database that is open already; several may share it, one after the other. Else as `openStore`. */
export function createStore(client: Database): Store {
  client.run('PRAGMA busy_timeout = 5000')
  client.run('PRAGMA journal_mode = WAL')
  client.run('PRAGMA synchronous = FULL')
  client.run('PRAGMA foreign_keys = ON')
  const db = drizzle({ client, schema, casing: 'snake_case' })
  migrate(db, embeddedMigrations())
  return storeOn(client, db)
}

function storeOn(client: Database, db: BunSQLiteDatabase<typeof schema>): Store {
  let version = 0
  const listeners: (() => void)[] = []
  return {
    db,
    transact: <R>(work: (tx: Db) => NotPromise<R>): R => {
      const result = db.transaction((tx): R => work(tx), { behavior: 'immediate' })
      version++
      for (const listener of listeners) listener()
      return result
    },
    record: (work) => db.transaction((tx) => work(tx), { behavior: 'immediate' }),
    version: () => version,
    onCommit: (listener) => {
      listeners.push(listener)
    },
    close: () => client.close(),
  }
}

/** `migrate()` of drizzle reads a folder; its dialect takes the entries themselves. Internal in 0.45, held by a test. */
interface Dialect {
  migrate(migrations: Migration[], session: unknown, config: { migrationsTable?: string }): void
}

function migrate(db: BunSQLiteDatabase<typeof schema>, migrations: Migration[]): void {
  const { dialect, session } = db as unknown as { dialect: Dialect; session: unknown }
  dialect.migrate(migrations, session, {})
}
