import type { Database } from 'bun:sqlite'
import { BUSY_MS } from './connection.ts'
import { StorageFailure, type StorageFailureKind, storageFailureOf } from './failure.ts'

/** More than a small transaction needs, so that a disk with its last block free is not taken for one with room. */
const PROBE_BYTES = 65_536

/**
 * Writes something and takes it away again, both durably. Throws the library's error where the file takes no writes. What was found
 * damaged has to be whole, too; that takes some 2 ms for each megabyte.
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
 * Gives a database a new log where its own was removed: all that is in that goes to the file first. Throws the library's error where
 * another process has the database open.
 */
export function renewLog(client: Database): void {
  withoutWaiting(client, () => {
    client.run('PRAGMA journal_mode = DELETE')
    client.run('PRAGMA journal_mode = WAL')
    // The files are made at the first read.
    client.query('SELECT 1 FROM sqlite_schema').get()
  })
}

/**
 * Moves what the log of a database holds to the database, as far as that works now. For one that was taken out of its place: SQLite
 * would apply a log that it left behind to whatever lies there at the next start, and damage it.
 */
export function emptyLog(client: Database): void {
  try {
    withoutWaiting(client, () => client.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  } catch (error) {
    if (storageFailureOf(error) === null) throw error
  }
}

/** Tried each second, it must not wait for somebody's lock each time. */
function withoutWaiting(client: Database, work: () => void): void {
  client.run('PRAGMA busy_timeout = 0')
  try {
    work()
  } finally {
    client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  }
}
