import type { Database } from 'bun:sqlite'
import { BUSY_MS } from './connection.ts'
import { StorageFailure, type StorageFailureKind } from './failure.ts'

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
  // Tried each second, it must not wait for somebody's lock each time.
  client.run('PRAGMA busy_timeout = 0')
  try {
    const write = client.query("INSERT OR REPLACE INTO settings VALUES ('storage_probe', ?)")
    client.transaction(() => write.run('.'.repeat(PROBE_BYTES))).immediate()
    client.transaction(() => client.run("DELETE FROM settings WHERE key = 'storage_probe'")).immediate()
  } finally {
    client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  }
}
