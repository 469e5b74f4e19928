import type { Database } from 'bun:sqlite'
import { BUSY_MS } from './connection.ts'
import { StorageFailure, type StorageFailureKind, storageFailureOf } from './failure.ts'

/** Larger than a small transaction, so that a disk whose last block is free does not count as having room. */
const PROBE_BYTES = 65_536

/**
 * Writes a value and deletes it again, both durably. Throws the library's error if the file accepts no writes. After a
 * failure `damaged`, the file must also pass SQLite's check, which takes about 2 ms per megabyte.
 */
export function tryWriting(client: Database, before: StorageFailureKind): void {
  if (before === 'damaged') {
    const [found] = client.query<[string], []>('PRAGMA quick_check(1)').values()
    if (found?.[0] !== 'ok') throw new StorageFailure('damaged', new Error(String(found?.[0])))
  }
  withoutWaiting(client, () => {
    const write = client.query("INSERT OR REPLACE INTO settings VALUES ('storage_probe', ?)")
    client.transaction(() => write.run('.'.repeat(PROBE_BYTES))).immediate()
    client.transaction(() => client.run("DELETE FROM settings WHERE key = 'storage_probe'")).immediate()
  })
}

/**
 * Creates a new log for a database whose log was removed. First writes everything of the old log to the file. Throws the
 * library's error if another process has the database open.
 */
export function renewLog(client: Database): void {
  withoutWaiting(client, () => {
    client.run('PRAGMA journal_mode = DELETE')
    client.run('PRAGMA journal_mode = WAL')
    // SQLite creates the files at the first read.
    client.query('SELECT 1 FROM sqlite_schema').get()
  })
}

/**
 * Moves the content of the log to the database, as far as that works now. Meant for a database file that was moved away: at
 * the next start SQLite would apply the log that stayed behind to whatever file is there then, and damage it.
 */
export function emptyLog(client: Database): void {
  try {
    withoutWaiting(client, () => client.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  } catch (error) {
    if (storageFailureOf(error) === null) throw error
  }
}

/** Runs `work` without waiting for locks. The probe runs every second and must not wait for a lock each time. */
function withoutWaiting(client: Database, work: () => void): void {
  client.run('PRAGMA busy_timeout = 0')
  try {
    work()
  } finally {
    client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  }
}
