import { accessSync, constants, realpathSync, statfsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Content, DatabaseFacts } from '../../cli/doctor/database.ts'
import { storageFailureOf } from '../../store/failure.ts'
import { statOf } from '../../store/files.ts'
import { lockHolder, ownerInWords } from '../../store/lock.ts'
import { damageIn, openReadOnly, schemaState } from '../../store/read-only.ts'
import { MOUNTS, mountOf, ownContainer, type Surroundings } from './surroundings.ts'

/** Looks at a database and at what it lies on, without changing either. */
export function databaseFacts(path: string, around: Surroundings): Omit<DatabaseFacts, 'answers'> {
  const folder = folderOf(path)
  const file = folder === 'missing' || folder === 'no_folder' ? 'none' : fileOf(path)
  const isFile = file === 'writable' || file === 'read_only'
  return {
    path,
    folder,
    file,
    fileSystem: fileSystemOf(path, around),
    freeBytes: freeBytesOf(dirname(path)),
    lock: isFile ? holderOf(path) : 'free',
    content: isFile ? contentOf(path) : null,
  }
}

function folderOf(path: string): DatabaseFacts['folder'] {
  const found = statOf(dirname(path))
  if (found === null) return 'missing'
  if (!found.isDirectory()) return 'no_folder'
  return isAllowed(dirname(path), constants.W_OK | constants.X_OK) ? 'writable' : 'read_only'
}

function fileOf(path: string): DatabaseFacts['file'] {
  const found = statOf(path)
  if (found === null) return 'none'
  if (!found.isFile()) return 'no_file'
  return isAllowed(path, constants.R_OK | constants.W_OK) ? 'writable' : 'read_only'
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

function holderOf(path: string): DatabaseFacts['lock'] {
  const holder = lockHolder(path)
  if (holder === 'free') return 'free'
  if (holder === null) return 'unknown'
  return { owner: holder.owner === null ? 'another process' : ownerInWords(holder.owner) }
}

function contentOf(path: string): Content {
  try {
    const client = openReadOnly(path)
    try {
      const damage = damageIn(client)
      return { kind: 'read', schema: schemaState(client), damage }
    } finally {
      client.close()
    }
  } catch (error) {
    const failure = storageFailureOf(error)
    const why = failure?.message ?? (error instanceof Error ? error.message : String(error))
    return { kind: 'unreadable', why, remedy: failure?.remedy ?? 'check the file of DB_URL' }
  }
}

/**
 * The type of the file system that a path lies on; null if it is not known. `container` stands for the layer of our own
 * container, which is removed with it.
 */
export function fileSystemOf(path: string, around: Surroundings): string | null {
  const mount = mountOf(around.read(MOUNTS), realFolder(path))
  if (mount === null) return null
  const isOwnLayer = mount.at === '/' && mount.type === 'overlay' && ownContainer(around) !== null
  return isOwnLayer ? 'container' : mount.type
}

/** The path after all links, as far as there are folders. */
function realFolder(path: string): string {
  const whole = resolve(path)
  try {
    return realpathSync(whole)
  } catch {
    return whole === '/' ? whole : join(realFolder(dirname(whole)), basename(whole))
  }
}

function freeBytesOf(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return null
  }
}
