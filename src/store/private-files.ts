import { chmodSync, chownSync, closeSync, fchmodSync, openSync, realpathSync } from 'node:fs'
import { statOf } from './files.ts'

/**
 * Only the owner may read and write these files: they reveal what people watch, and their content decides which containers
 * run.
 */
export const PRIVATE = 0o600
const OF_OTHERS = 0o077

/**
 * Suffixes of the files that SQLite and the lock keep beside a database. SQLite gives files that it creates later the mode
 * of the database.
 */
const SUFFIXES = ['', '-wal', '-shm', '-journal', '.lock', '.lock-journal']

/**
 * Creates an empty file that only this user may use, whatever the umask, unless the file exists. Throws the system's error.
 */
export function createPrivate(path: string): void {
  if (statOf(path) !== null) return
  const file = openSync(path, 'a', PRIVATE)
  try {
    fchmodSync(file, PRIVATE)
  } finally {
    closeSync(file)
  }
}

/**
 * Gives a file to the user and group of another one, or of a folder, if root made it: a command may run as root beside a server
 * that does not. SQLite does the same for the files that it makes. A file that is not there is left out. Throws the system's
 * error.
 */
export function giveTo(file: string, like: string): void {
  const owner = statOf(like)
  if (owner !== null && statOf(file) !== null && process.getuid?.() === 0)
    chownSync(file, owner.uid, owner.gid)
}

/** Files of a database that others could read, write or run. */
export interface Tightened {
  /** Files that others can't access any more. */
  readonly closed: readonly string[]
  /** Files that others can still access, because they belong to another user or can't be changed. */
  readonly open: readonly string[]
}

/**
 * Removes all permissions of others from the existing files of a database. Changes the files by path and never opens them,
 * because closing a file would drop the locks that this process holds on it.
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
