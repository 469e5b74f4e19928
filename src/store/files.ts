import { closeSync, fsyncSync, openSync, type Stats, statSync } from 'node:fs'

/**
 * The files of an open database. A process that has them open does not notice when they are removed or replaced, and what it
 * then writes is in no file that a later start would find. So this class compares the files with those that it found before.
 */
export class DatabaseFiles {
  #seen = new Map<string, string | null>()

  constructor(readonly path: string) {
    this.remember()
  }

  /** Takes the present files as the expected ones. */
  remember(): void {
    for (const file of [this.path, `${this.path}-wal`, `${this.path}-shm`])
      this.#seen.set(file, identityOf(file))
  }

  /** Whether the database file was replaced or removed. */
  isMoved(): boolean {
    return identityOf(this.path) !== this.#seen.get(this.path)
  }

  /**
   * The first file that was replaced or removed, or null if all are the same. A file that was created since does not count.
   */
  lost(): string | null {
    for (const [file, seen] of this.#seen) {
      const now = identityOf(file)
      if (seen === null) this.#seen.set(file, now)
      else if (now !== seen) return file
    }
    return null
  }
}

/** Identifies a file by device and inode. Returns null if there is no file. */
function identityOf(path: string): string | null {
  const found = statOf(path)
  return found === null ? null : `${found.dev}:${found.ino}`
}

/** Returns null if the file can't be found, also because its folder does not exist, is no folder or can't be read. */
export function statOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

/** Makes what was written to a file, or the names in a folder, durable. */
export function sync(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
