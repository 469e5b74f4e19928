import { Database } from 'bun:sqlite'
import { linkSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { copyInto, NotCopied } from './backup.ts'
import { statOf, sync } from './files.ts'
import { giveTo } from './private-files.ts'
import { emptyLog } from './probe.ts'
import { damageIn, openReadOnly, schemaState } from './read-only.ts'

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
 * a start after a crash does not begin with an empty one. Throws like `assertRestorable`, and changes nothing then; throws the
 * error of the system if a file can't be written.
 */
export function restoreFrom(file: string, path: string, mark: string): Restored {
  assertRestorable(file)
  const target = realpathSync(path)
  if (realpathSync(file) === target) throw new NotCopied(`${file} is the database itself`)
  const fresh = `${target}.restoring-${mark}`
  copyTo(fresh, file)
  try {
    const before = statSync(target)
    // Of an empty file, which the lock may have made just now, the owner says nothing.
    giveTo(fresh, before.size === 0 ? dirname(target) : target)
    const kept = before.size === 0 ? null : keep(target, `${target}.before-restore-${mark}`)
    renameSync(fresh, target)
    giveTo(`${target}.lock`, target)
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
