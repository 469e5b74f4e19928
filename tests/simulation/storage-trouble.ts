import type { Database } from 'bun:sqlite'

/** What the disk under the database does: nothing wrong, or it refuses what is to be committed. */
export class StorageTrouble {
  #lastRefusalMs = Number.NEGATIVE_INFINITY
  /** Every transaction is refused. */
  isFull = false
  /** Of the next transactions this many pass before one is refused; null for none. */
  passesBefore: number | null = null

  constructor(private readonly now: () => number) {}

  /** Whether an answer that the database takes no writes may be true. */
  isFelt(): boolean {
    return this.now() - this.#lastRefusalMs < FELT_MS
  }

  /** Puts the trouble between a database and whoever writes to it by transactions. */
  under(database: Database): Database {
    const transaction = database.transaction.bind(database)
    return Object.assign(database, {
      transaction: (work: (...args: unknown[]) => unknown) =>
        transaction((...args: unknown[]) => {
          const result = work(...args)
          // The log is written at the commit; what is refused is rolled back.
          if (this.#refuses()) {
            this.#lastRefusalMs = this.now()
            throw diskIsFull()
          }
          return result
        }),
    })
  }

  #refuses(): boolean {
    if (this.passesBefore === null) return this.isFull
    if (this.passesBefore-- > 0) return this.isFull
    this.passesBefore = null
    return true
  }
}

/** It is tried each second whether the database takes writes again. */
const FELT_MS = 1_500

/** As SQLite says it. */
const diskIsFull = (): Error =>
  Object.assign(new Error('database or disk is full'), { name: 'SQLiteError', code: 'SQLITE_FULL' })
