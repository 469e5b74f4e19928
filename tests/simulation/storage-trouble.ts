import type { Database } from 'bun:sqlite'

/** Simulates the disk under the database: it works, or it refuses commits. */
export class StorageTrouble {
  #lastRefusalMs = Number.NEGATIVE_INFINITY
  /** Whether every transaction is refused. */
  isFull = false
  /** How many transactions pass before one is refused; null for no refusal. */
  passesBefore: number | null = null
  /** Called when a transaction has done its work, before its commit. */
  beforeCommit: () => void = () => undefined

  constructor(private readonly now: () => number) {}

  /** Whether an answer that the database accepts no writes may be true now. */
  isFelt(): boolean {
    return this.now() - this.#lastRefusalMs < FELT_MS
  }

  /** Whether the database may have accepted no writes at some time since then. */
  wasFeltSince(ms: number): boolean {
    return this.#lastRefusalMs + FELT_MS >= ms
  }

  /** Applies the refusals to the transactions of a database. */
  under(database: Database): Database {
    const transaction = database.transaction.bind(database)
    let depth = 0
    return Object.assign(database, {
      transaction: (work: (...args: unknown[]) => unknown) =>
        transaction((...args: unknown[]) => {
          depth++
          try {
            const result = work(...args)
            // The log is written at the commit, and before it if the work is long: a savepoint is refused as well. What is
            // refused is rolled back.
            if (this.#refuses()) {
              this.#lastRefusalMs = this.now()
              throw diskIsFull()
            }
            if (depth === 1) this.beforeCommit()
            return result
          } finally {
            depth--
          }
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

/** The orchestrator tries every second whether the database accepts writes again. */
const FELT_MS = 1_500

/** The error that SQLite gives. */
const diskIsFull = (): Error =>
  Object.assign(new Error('database or disk is full'), { name: 'SQLiteError', code: 'SQLITE_FULL' })
