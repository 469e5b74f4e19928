import { type DatabasePlace, placeWarning, remotenessOf } from '../../core/reporting/database-place.ts'
import { fault, ok, type Row, skipped, warning } from './row.ts'

export interface DatabaseFacts extends DatabasePlace {
  readonly folder: 'writable' | 'missing' | 'no_folder' | 'read_only'
  /** `none` if there is no file yet, which a start creates. */
  readonly file: 'writable' | 'none' | 'read_only' | 'no_file'
  readonly freeBytes: number | null
  /** Who holds the lock; `unknown` if that can't be told. */
  readonly lock: 'free' | 'unknown' | { readonly owner: string }
  /** Whether a server of ours answers at the address of these settings. */
  readonly answers: boolean
  /** What the file contains; null if there is none. */
  readonly content: Content | null
}

export type Content =
  | {
      readonly kind: 'read'
      readonly schema: 'none' | 'older' | 'current' | 'newer'
      readonly damage: string | null
    }
  | { readonly kind: 'unreadable'; readonly why: string; readonly remedy: string }

/** Whether the database can be used: its folder, its file, the lock, what is in it, and what it lies on. */
export function databaseRows(facts: DatabaseFacts): readonly Row[] {
  const place = placeRow(facts)
  if (place.status === 'fault' && facts.folder !== 'read_only') return [place]
  return [place, lockRow(facts), ...contentRows(facts), ...fileSystemRows(facts), ...spaceRows(facts)]
}

function placeRow({ path, folder, file }: DatabaseFacts): Row {
  if (folder === 'missing' || folder === 'no_folder')
    return fault(
      'database',
      `the folder of ${path} ${folder === 'missing' ? 'is not there' : 'is no folder'}`,
      'make it, or name another file in DB_URL (sqlite:////data/orchestrator.db has four slashes)',
    )
  if (file === 'no_file') return fault('database', `${path} is no ordinary file`, 'name a file in DB_URL')
  if (folder === 'read_only')
    return fault(
      'database',
      `this user may not write to the folder of ${path}`,
      'give the folder to the user of the server (chown), mount it for writing, or name another in DB_URL',
    )
  if (file === 'read_only')
    return fault(
      'database',
      `this user may not write to ${path}`,
      'give the file to the user of the server (chown)',
    )
  return ok('database', file === 'none' ? `${path} is created at the first start` : `${path} can be written`)
}

function lockRow({ path, lock, answers }: DatabaseFacts): Row {
  if (lock === 'unknown') return skipped('database_lock', `this user may not look into ${path}.lock`)
  if (lock === 'free') return ok('database_lock', 'no server uses it')
  if (answers) return ok('database_lock', `the server that answers here uses it (${lock.owner})`)
  return fault(
    'database_lock',
    `it is in use by ${lock.owner}, and no server answers at the address of these settings`,
    'give the doctor the settings of that server; or end it, or take another DB_URL and CONTAINER_LABEL for this one',
  )
}

function contentRows({ content }: DatabaseFacts): readonly Row[] {
  if (content === null) return []
  if (content.kind === 'unreadable') return [fault('database_content', content.why, content.remedy)]
  const { schema, damage } = content
  const rows =
    damage === null
      ? []
      : [
          fault(
            'database_content',
            `the file is damaged (${damage})`,
            'put a backup in its place (roundhouse restore), or put it aside with -wal and -shm: engines are found by their labels',
          ),
        ]
  return [...rows, schemaRow(schema)]
}

function schemaRow(schema: 'none' | 'older' | 'current' | 'newer'): Row {
  switch (schema) {
    case 'newer':
      return fault(
        'database_schema',
        'a newer version of Roundhouse wrote it',
        'start that version, or restore a backup that this one made (roundhouse restore)',
      )
    case 'older':
      return warning(
        'database_schema',
        'an earlier version of Roundhouse wrote it; the next start changes it, and the earlier version refuses it then',
        'make a copy first if you may want to go back: roundhouse backup FILE',
      )
    case 'none':
      return ok('database_schema', 'it is empty; the next start makes its tables')
    case 'current':
      return ok('database_schema', 'it is sound and of this version')
    default:
      return schema satisfies never
  }
}

function fileSystemRows(facts: DatabaseFacts): readonly Row[] {
  const { fileSystem, path } = facts
  if (fileSystem === null) return []
  const doubt = placeWarning(facts)
  if (doubt !== null) {
    const rowOf = remotenessOf(fileSystem) === 'network' ? fault : warning
    return [rowOf('file_system', doubt.message, doubt.remedy)]
  }
  if (fileSystem === 'container')
    return [
      warning(
        'file_system',
        `${path} lies in the container itself, and is gone when that is made anew`,
        'mount a volume at its folder (docker run -v, volumes in the compose file)',
      ),
    ]
  return [ok('file_system', `it lies on ${fileSystem}`)]
}

/** The database and its log stay below 150 MB. */
const WANTED_BYTES = 200_000_000
const LEAST_BYTES = 20_000_000

function spaceRows({ freeBytes }: DatabaseFacts): readonly Row[] {
  if (freeBytes === null) return []
  const text = `${Math.floor(freeBytes / 1e6)} MB are free on its disk`
  const remedy = 'free some space there: the database may grow to 150 MB'
  if (freeBytes < LEAST_BYTES) return [fault('space', text, remedy)]
  return [freeBytes < WANTED_BYTES ? warning('space', text, remedy) : ok('space', text)]
}
