import { backUp, NotCopied } from '../../store/backup.ts'
import { storageFailureOf } from '../../store/failure.ts'
import { DatabaseInUse, lockDatabase, type Owner } from '../../store/lock.ts'
import { assertRestorable, restoreFrom } from '../../store/restore.ts'
import { done, failed, type Told } from './outcome.ts'

/** Copies the database to a new file, also while a server runs. */
export function backup(path: string, file: string): Told {
  try {
    const bytes = backUp(path, file)
    return done(`Copied ${path} to ${file} (${bytes} bytes). Put it back with: roundhouse restore ${file}\n`)
  } catch (error) {
    return failed(`no backup was made: ${wordsOf(error)}`, remedyOf(error, BACKUP_REMEDY))
  }
}

/** Puts a copy in the place of the database, unless a server uses it. `owner` describes this process in the lock. */
export function restore(path: string, file: string, owner: Owner): Told {
  try {
    // Before the lock, which makes a file where there is no database.
    assertRestorable(file)
    const lock = lockDatabase(path, owner, 0)
    try {
      const restored = restoreFrom(file, path, markOf(owner.startedAtMs))
      const kept = restored.kept === null ? '' : `What was there is kept as ${restored.kept}.\n`
      return done(`Restored ${restored.path} from ${file}.\n${kept}`)
    } finally {
      lock.release()
    }
  } catch (error) {
    if (error instanceof DatabaseInUse)
      return failed(`nothing was restored: ${error.message}`, 'stop that server first')
    return failed(`nothing was restored: ${wordsOf(error)}`, remedyOf(error, RESTORE_REMEDY))
  }
}

const BACKUP_REMEDY = 'check DB_URL, and name a new file in a folder that this user may write to'
const RESTORE_REMEDY = 'name a file that backup wrote, and check DB_URL and the rights on its folder'

/** A time that fits into the name of a file. */
const markOf = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The remedy of the storage where it is the one of a server, too: a full disk, an error of the disk. */
function remedyOf(error: unknown, own: string): string {
  const failure = error instanceof NotCopied ? null : storageFailureOf(error)
  return failure !== null && ['full', 'io', 'locked'].includes(failure.kind) ? failure.remedy : own
}
