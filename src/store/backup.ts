import { Database } from 'bun:sqlite'
import {
  chownSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { BUSY_MS } from './connection.ts'
import { statOf } from './files.ts'
import { PRIVATE } from './private-files.ts'
import { emptyLog } from './probe.ts'
import { damageIn, openReadOnly, schemaState } from './read-only.ts'

/** Why a database was not copied, as a sentence for people without its full stop. */
export class NotCopied extends Error {
  override readonly name = 'NotCopied'
}

/**
 * Copies a database to a new file, as it is at one moment, while others may write to it. The copy is a single file that only
 * this user may read, and is durable when this returns its size in bytes. Throws NotCopied if there is no database of ours or
 * the file exists, and the error of the system or the library if it can't be read or written; nothing is left then.
 */
export function backUp(path: string, file: string): number {
  if (!statOf(path)?.isFile()) throw new NotCopied(`there is no database at ${path}`)
  // A connection that may write takes part in the locks, and leaves no log behind.
  const client = new Database(path, { create: false, readwrite: true })
  try {
    client.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
    if (schemaState(client) === 'none') throw new NotCopied(`${path} is no database of Roundhouse`)
    createNew(file)
    copyInto(client, file)
  } finally {
    client.close()
  }
  return statSync(file).size
}

/** Where a restored database is, and where the one that it replaced; `kept` is null if there was none. */
export interface Restored {
  readonly path: string
  readonly kept: string | null
}

/** Throws NotCopied if a file is no sound database of this version or an earlier one, and the library's error if it can't be read. */
export function assertRestorable(file: string): void {
  if (!statOf(file)?.isFile()) throw new NotCopied(`there is no file ${file}`)
  const client = openReadOnly(file)
  try {
    assertUsable(client, file)
  } finally {
    client.close()
  }
}

/**
 * Puts a copy of the database `file` in the place of the database at `path`, which the caller has locked. What was there is kept
 * as `<path>.before-restore-<mark>`, with its log. Where the file system has hard links, there is a database at every moment, so
 * a start after a crash does not begin with an empty one. Throws like `assertRestorable`, and the error of the system if a file
 * can't be written; the database is as it was then.
 */
export function restoreFrom(file: string, path: string, mark: string): Restored {
  assertRestorable(file)
  const target = realpathSync(path)
  if (realpathSync(file) === target) throw new NotCopied(`${file} is the database itself`)
  const fresh = `${target}.restoring-${mark}`
  copyTo(fresh, file)
  try {
    const before = statSync(target)
    giveTo(fresh, before)
    const kept = before.size === 0 ? null : keep(target, `${target}.before-restore-${mark}`)
    renameSync(fresh, target)
    sync(dirname(target))
    return { path: target, kept }
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
}

function copyTo(fresh: string, file: string): void {
  const client = openReadOnly(file)
  try {
    createNew(fresh)
    copyInto(client, fresh)
  } finally {
    client.close()
  }
}

function assertUsable(client: Database, file: string): void {
  const state = schemaState(client)
  if (state === 'none') throw new NotCopied(`${file} is no database of Roundhouse`)
  if (state === 'newer') throw new NotCopied(`${file} was written by a newer version of Roundhouse`)
  const damage = damageIn(client)
  if (damage !== null) throw new NotCopied(`${file} is damaged (${damage})`)
}

/** Creates the file, so that no file that appeared meanwhile is overwritten. SQLite writes into an empty one. */
function createNew(file: string): void {
  try {
    const handle = openSync(file, 'wx', PRIVATE)
    fchmodSync(handle, PRIVATE)
    closeSync(handle)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      throw new NotCopied(`${file} exists, and no file is overwritten`)
    throw error
  }
}

function copyInto(client: Database, file: string): void {
  try {
    client.run('VACUUM INTO ?', [file])
    sync(file)
    sync(dirname(file))
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  }
}

/**
 * Keeps a database under another name as well, until its own name is given to another file. The log goes with it, if it could
 * not be emptied: SQLite would apply it to whatever is there under the old name.
 */
function keep(path: string, name: string): string {
  emptyLogOf(path)
  linkOrRename(path, name)
  for (const suffix of ['-wal', '-shm']) {
    if (statOf(`${path}${suffix}`) !== null) renameSync(`${path}${suffix}`, `${name}${suffix}`)
  }
  return name
}

/**
 * Moves the log of a database into its file. The last connection removes the log, also that of a damaged file, in which it
 * would be lost; so such a file is kept as it is.
 */
function emptyLogOf(path: string): void {
  if (!isSound(path)) return
  const client = new Database(path, { create: false, readwrite: true })
  try {
    emptyLog(client)
  } finally {
    client.close()
  }
}

function isSound(path: string): boolean {
  try {
    const client = openReadOnly(path)
    try {
      return damageIn(client) === null
    } finally {
      client.close()
    }
  } catch {
    return false
  }
}

function linkOrRename(path: string, name: string): void {
  try {
    linkSync(path, name)
  } catch {
    renameSync(path, name)
  }
}

/** Gives a file to the user that the database belonged to, if this user may do that: the server may run as another one. */
function giveTo(file: string, { uid, gid }: Pick<Stats, 'uid' | 'gid'>): void {
  if (process.getuid?.() === 0) chownSync(file, uid, gid)
}

/** Makes what was written to a file, or the names in a folder, durable. */
function sync(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
