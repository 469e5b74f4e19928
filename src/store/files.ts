import { type Stats, statSync } from 'node:fs'

/**
 * The files of an open database: who has them open goes on with them unawares when they are removed or replaced, and what is written
 * then is in no file that a later start would find. So they are compared with what was found at the beginning.
 */
export class DatabaseFiles {
  #seen = new Map<string, string | null>()

  constructor(readonly path: string) {
    this.remember()
  }

  /** From now on these are the files. */
  remember(): void {
    for (const file of [this.path, `${this.path}-wal`, `${this.path}-shm`])
      this.#seen.set(file, identityOf(file))
  }

  /** Whether the database itself is another file than it was, or none. */
  isMoved(): boolean {
    return identityOf(this.path) !== this.#seen.get(this.path)
  }

  /** The first file that is another one than it was, or none; null where all are the same. One that came later is none of those. */
  lost(): string | null {
    for (const [file, seen] of this.#seen) {
      const now = identityOf(file)
      if (seen === null) this.#seen.set(file, now)
      else if (now !== seen) return file
    }
    return null
  }
}

/** Null where there is no file. */
function identityOf(path: string): string | null {
  const found = statOf(path)
  return found === null ? null : `${found.dev}:${found.ino}`
}

/** Null where no file can be found, also since what should be its folder is none, or may not be looked into. */
export function statOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}
