import { Database } from 'bun:sqlite'
import { closeSync, fchmodSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { BUSY_MS } from './connection.ts'
import { statOf, sync } from './files.ts'
import { PRIVATE } from './private-files.ts'
import { schemaState } from './read-only.ts'

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
    copyInto(client, file)
  } finally {
    client.close()
  }
  return statSync(file).size
}

/** Copies an open database to a new file, and makes that durable. Throws like `backUp`; nothing is left then. */
export function copyInto(client: Database, file: string): void {
  createNew(file)
  try {
    client.run('VACUUM INTO ?', [file])
    sync(file)
    sync(dirname(file))
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  }
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
