import { Database, SQLiteError } from 'bun:sqlite'
import { realpathSync } from 'node:fs'
import { createPrivate } from './private-files.ts'

/** The process that has a database, as it named itself. */
export interface Owner {
  readonly host: string
  readonly pid: number
  readonly startedAtMs: number
}

/** Another process has the database; `owner` is null where it could not write its name. */
export class DatabaseInUse extends Error {
  override readonly name = 'DatabaseInUse'

  constructor(readonly owner: Owner | null) {
    super(`the database is in use by ${owner === null ? 'another process' : inWords(owner)}`)
  }
}

/** Has to be kept: what nobody refers to any more is closed. */
export interface DatabaseLock {
  release(): void
}

/** How often two that start at the same moment overwrite each other's name at most. */
const CLAIMS_MAX = 20

/**
 * Takes a database file for this process, until `release` or the end of the process, however that comes: the lock is a
 * transaction held open on a second file, `<database>.lock`, and the system drops it with the process. Waits so long for an
 * earlier one to end, blocking the thread. Throws DatabaseInUse where it does not, and the error of the system or the library
 * where one of the files can't be opened.
 *
 * Found by any path and from any container, as long as the folder is the same.
 */
export function lockDatabase(path: string, owner: Owner, patienceMs: number): DatabaseLock {
  const lockPath = `${realPath(path)}.lock`
  createPrivate(lockPath)
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

/** Others read the name of the owner beside the transaction that keeps them out, so it is committed before that. */
function hold(file: Database, owner: Owner): void {
  for (let claims = 1; claims <= CLAIMS_MAX; claims++) {
    const isNamed = write(file, owner)
    file.run('BEGIN IMMEDIATE')
    if (!isNamed || isSame(ownerIn(file), owner)) return
    // Another start came in between.
    file.run('ROLLBACK')
  }
  throw new DatabaseInUse(ownerIn(file))
}

/** False on a full disk, which is no reason not to start: the lock itself needs no room. */
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
    // It has no table yet, or is being written.
    return null
  }
}

/** The file that SQLite opens for a path, at the end of all links. It is made where it is missing, so that there is an end. */
function realPath(path: string): string {
  createPrivate(path)
  return realpathSync(path)
}

const isSame = (one: Owner | null, other: Owner): boolean =>
  one?.host === other.host && one.pid === other.pid && one.startedAtMs === other.startedAtMs

const inWords = ({ host, pid, startedAtMs }: Owner): string =>
  `process ${pid} on host ${host}, started ${new Date(startedAtMs).toISOString()}`

const codeOf = (error: unknown): unknown => (error instanceof SQLiteError ? error.code : undefined)

const isBusy = (error: unknown): boolean => codeOf(error) === 'SQLITE_BUSY'
