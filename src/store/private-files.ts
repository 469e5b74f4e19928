import { chmodSync, closeSync, fchmodSync, openSync, realpathSync } from 'node:fs'
import { statOf } from './files.ts'

/** Read and written by their user alone: they tell what everybody watches, and who writes them decides what runs. */
const PRIVATE = 0o600
const OF_OTHERS = 0o077

/** What SQLite and the lock keep beside a database. Made later, they get the mode of the database. */
const SUFFIXES = ['', '-wal', '-shm', '-journal', '.lock', '.lock-journal']

/** Makes an empty file for this user alone, whatever the umask, where there is none. Throws the system's error. */
export function createPrivate(path: string): void {
  if (statOf(path) !== null) return
  const file = openSync(path, 'a', PRIVATE)
  try {
    fchmodSync(file, PRIVATE)
  } finally {
    closeSync(file)
  }
}

/** Files of a database that others could read, write or run. */
export interface Tightened {
  /** None can any more. */
  readonly closed: readonly string[]
  /** They still can: the files are somebody else's, or can't be changed. */
  readonly open: readonly string[]
}

/**
 * Takes from all others what they may do with the files of a database, as far as there are any. By their paths and never by opening
 * them: closing a file would drop the locks that this process has on it.
 */
export function tighten(path: string): Tightened {
  const database = realpathIfAny(path)
  const closed: string[] = []
  const open: string[] = []
  for (const file of SUFFIXES.map((suffix) => `${database}${suffix}`)) {
    const mode = statOf(file)?.mode ?? 0
    if ((mode & OF_OTHERS) === 0) continue
    const list = isChanged(file, mode & PRIVATE) ? closed : open
    list.push(file)
  }
  return { closed, open }
}

function isChanged(file: string, mode: number): boolean {
  try {
    chmodSync(file, mode)
    return true
  } catch {
    return false
  }
}

function realpathIfAny(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
