import { Database, SQLiteError } from 'bun:sqlite'
import { realpathSync } from 'node:fs'
import { statOf } from './files.ts'
import { createPrivate, giveTo } from './private-files.ts'

/** The process that holds a database, as it described itself. */
export interface Owner {
  readonly host: string
  readonly pid: number
  readonly startedAtMs: number
}

/** Another process holds the database. `owner` is null if that process could not write its description. */
export class DatabaseInUse extends Error {
  override readonly name = 'DatabaseInUse'

  constructor(readonly owner: Owner | null) {
    super(`the database is in use by ${owner === null ? 'another process' : ownerInWords(owner)}`)
  }
}

/** A held lock. Keep a reference to it: a garbage-collected lock is released. */
export interface DatabaseLock {
  release(): void
}

/** How often a process writes its description at most when several start at the same moment and overwrite each other's. */
const CLAIMS_MAX = 20

/**
 * Locks a database file for this process until `release` or until the process ends, in whatever way. The lock is an open
 * transaction on a second file, `<database>.lock`, which the system ends with the process. Waits at most `patienceMs` for an
 * earlier process to end, and blocks the thread meanwhile. Throws DatabaseInUse if that process does not end, and the error
 * of the system or the library if a file can't be opened.
 *
 * The lock works across different paths and containers, as long as they reach the same folder.
 */
export function lockDatabase(path: string, owner: Owner, patienceMs: number): DatabaseLock {
  const lockPath = `${realPath(path)}.lock`
  if (statOf(lockPath) === null) {
    createPrivate(lockPath)
    giveTo(lockPath, path)
  }
  const file = new Database(lockPath, { create: true, strict: true })
  try {
    file.run(`PRAGMA busy_timeout = ${patienceMs}`)
    hold(file, owner)
  } catch (error) {
    const inUse = isBusy(error) ? new DatabaseInUse(ownerIn(file)) : error
    file.close()
    throw inUse
  }
  return { release: () => file.close() }
}

/**
 * Who holds the lock of a database: `free` if nobody does, and null if that can't be told, because this user may not write to the
 * file of the lock. Changes nothing, creates nothing, and keeps no lock.
 */
export function lockHolder(path: string): { readonly owner: Owner | null } | 'free' | null {
  const lockPath = `${realIfAny(path)}.lock`
  if (statOf(lockPath) === null) return 'free'
  let file: Database | undefined
  try {
    file = new Database(lockPath, { create: false, readwrite: true })
    file.run('PRAGMA busy_timeout = 0')
    file.run('BEGIN IMMEDIATE')
    file.run('ROLLBACK')
    return 'free'
  } catch (error) {
    return file !== undefined && isBusy(error) ? { owner: ownerIn(file) } : null
  } finally {
    file?.close()
  }
}

/**
 * Commits the owner's description before it begins the transaction that is the lock, so that other processes can read the
 * description while they are locked out.
 */
function hold(file: Database, owner: Owner): void {
  for (let claims = 1; claims <= CLAIMS_MAX; claims++) {
    const isNamed = write(file, owner)
    file.run('BEGIN IMMEDIATE')
    if (!isNamed || isSame(ownerIn(file), owner)) return
    // Another process wrote its description in between.
    file.run('ROLLBACK')
  }
  throw new DatabaseInUse(ownerIn(file))
}

/** Returns false on a full disk. That must not prevent a start, because the lock itself needs no room. */
function write(file: Database, { host, pid, startedAtMs }: Owner): boolean {
  try {
    file
      .transaction(() => {
        file.run(
          'CREATE TABLE IF NOT EXISTS owner (id INTEGER PRIMARY KEY, host TEXT, pid INTEGER, started_at INTEGER)',
        )
        file.run('REPLACE INTO owner VALUES (1, ?, ?, ?)', [host, pid, startedAtMs])
      })
      .immediate()
    return true
  } catch (error) {
    if (codeOf(error) === 'SQLITE_FULL') return false
    throw error
  }
}

function ownerIn(file: Database): Owner | null {
  try {
    return file.query<Owner, []>('SELECT host, pid, started_at AS startedAtMs FROM owner WHERE id = 1').get()
  } catch {
    // The file has no table yet, or is being written.
    return null
  }
}

/** The file that SQLite opens for a path, after all links. A missing file is created first, because `realpath` needs it. */
function realPath(path: string): string {
  createPrivate(path)
  return realpathSync(path)
}

function realIfAny(path: string): string {
  return statOf(path) === null ? path : realpathSync(path)
}

const isSame = (one: Owner | null, other: Owner): boolean =>
  one?.host === other.host && one.pid === other.pid && one.startedAtMs === other.startedAtMs

/** The process that holds a database, for a sentence. */
export const ownerInWords = ({ host, pid, startedAtMs }: Owner): string =>
  `process ${pid} on host ${host}, started ${new Date(startedAtMs).toISOString()}`

const codeOf = (error: unknown): unknown => (error instanceof SQLiteError ? error.code : undefined)

const isBusy = (error: unknown): boolean => codeOf(error) === 'SQLITE_BUSY'
