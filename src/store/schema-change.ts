import type { Database } from 'bun:sqlite'
import { readdirSync, realpathSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { sync } from './files.ts'
import { createPrivate } from './private-files.ts'

/** The tables of an existing database were changed to those of this version. A schema is numbered by its migrations. */
export interface SchemaChange {
  readonly from: number
  readonly to: number
  /** The copy of the database as it was before, for a way back to the earlier version; or why there is none. */
  readonly copy: { readonly path: string } | { readonly error: unknown }
}

/** Room that the migration itself may need beside the copy. */
const ROOM_BYTES = 16_777_216

/**
 * Copies a database before its tables are changed: an earlier version may refuse the changed file or misread it. The copy is
 * beside the file, as `<file>.schema-<number>`, for this user alone, and the only one: that of an earlier change is removed.
 * It may take a second for the largest database.
 *
 * A copy that is not possible must not prevent an update, so its error is returned. Throws the library's error if the file
 * takes no writes, because then its tables can't be changed either.
 */
export function copyBefore(client: Database, file: string, schema: number): SchemaChange['copy'] {
  client.run('BEGIN IMMEDIATE; ROLLBACK')
  const database = realpathSync(file)
  const path = `${database}.schema-${schema}`
  const part = `${path}.part`
  try {
    assertRoom(client, dirname(database))
    rmSync(part, { force: true, recursive: true })
    createPrivate(part)
    client.run('VACUUM INTO ?', [part])
    // SQLite does not wait for the disk here, and the change that follows must not be on it before the copy is.
    sync(part)
    renameSync(part, path)
    sync(dirname(path))
    removeEarlier(database, path)
    return { path }
  } catch (error) {
    rmSync(part, { force: true, recursive: true })
    return { error }
  }
}

function assertRoom(client: Database, folder: string): void {
  const size = client
    .query<{ bytes: number }, []>(
      'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size',
    )
    .get()
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < (size?.bytes ?? 0) + ROOM_BYTES) throw new Error('the disk has too little room for it')
}

function removeEarlier(database: string, kept: string): void {
  const folder = dirname(database)
  const copies = readdirSync(folder).filter((name) => name.startsWith(`${basename(database)}.schema-`))
  for (const name of copies) if (join(folder, name) !== kept) rmSync(join(folder, name), { force: true })
}
