/** Why the database does not accept writes or can't be read. */
export type StorageFailureKind =
  | 'full'
  | 'io'
  | 'read_only'
  | 'locked'
  | 'damaged'
  | 'newer'
  | 'unopenable'
  | 'moved'

/** A failure of the storage itself, not of the statement that was executed. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure'

  /** `message` describes the failure; `cause` is SQLite's error, if there is one. */
  constructor(
    readonly kind: StorageFailureKind,
    cause?: unknown,
  ) {
    const own = cause instanceof Error ? ` (${cause.message})` : ''
    super(`${WORDS[kind].what}${own}`, { cause })
  }

  /** What an operator can do about it. */
  get remedy(): string {
    return WORDS[this.kind].remedy
  }
}

const WORDS: Readonly<Record<StorageFailureKind, { readonly what: string; readonly remedy: string }>> = {
  full: {
    what: 'the disk is full',
    remedy: 'free space on the disk that DB_URL is on; nothing else has to be done',
  },
  io: {
    what: 'the disk reports an error',
    remedy: "look at the host's log (dmesg) for the disk that DB_URL is on",
  },
  read_only: {
    what: 'its file system is read-only',
    remedy: "mount the file system that DB_URL is on for writing; the host's log says why it is not",
  },
  locked: {
    what: 'another process holds its lock',
    remedy: 'end the process that writes to the file of DB_URL; none but Roundhouse may',
  },
  damaged: {
    what: 'its file is damaged',
    remedy:
      'stop Roundhouse, put the file of DB_URL aside (with -wal and -shm) and start again: engines are found by their labels',
  },
  newer: {
    what: 'its file was written by a newer version of Roundhouse',
    remedy:
      'start that version again; or put in place of the file of DB_URL the copy that it made before the update, whose name ends ' +
      'with .schema- and a number (docs/OPERATIONS.md, "Going back"); or put the file of DB_URL aside (with -wal and -shm): ' +
      'engines are found by their labels',
  },
  unopenable: {
    what: 'its file can not be opened',
    remedy: 'see to it that the folder of DB_URL exists and that this user may write to it',
  },
  moved: {
    what: 'its file was removed or replaced',
    remedy:
      'put the file of DB_URL back, or restart Roundhouse, which goes on with what is there: engines are found by their labels',
  },
}

/** Prefixes of SQLite's error codes. Extended codes begin with the primary code. */
const CODES: readonly (readonly [string, StorageFailureKind])[] = [
  ['SQLITE_FULL', 'full'],
  ['SQLITE_IOERR', 'io'],
  ['SQLITE_READONLY', 'read_only'],
  ['SQLITE_BUSY', 'locked'],
  ['SQLITE_LOCKED', 'locked'],
  ['SQLITE_CORRUPT', 'damaged'],
  ['SQLITE_NOTADB', 'damaged'],
  ['SQLITE_CANTOPEN', 'unopenable'],
  ['SQLITE_PERM', 'unopenable'],
]

/** Returns the storage failure that an error is or has as a cause, and null for any other error. */
export function storageFailureOf(error: unknown): StorageFailure | null {
  if (error instanceof StorageFailure) return error
  if (!(error instanceof Error)) return null
  const code = 'code' in error ? String(error.code) : ''
  const kind = CODES.find(([start]) => code.startsWith(start))?.[1]
  return kind === undefined ? storageFailureOf(error.cause) : new StorageFailure(kind, error)
}
