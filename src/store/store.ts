import type { Database } from 'bun:sqlite'
import { basename } from 'node:path'
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core'
import { Emitter } from '../lib/emitter.ts'
import type { OnError } from '../lib/guard.ts'
import { type Connection, connect, knownSchema, openFile, openToRead } from './connection.ts'
import { copyOf, liveRows, type Rows } from './copy.ts'
import { StorageFailure, type StorageFailureKind, storageFailureOf } from './failure.ts'
import { DatabaseFiles } from './files.ts'
import { emptyLog, renewLog, tryWriting } from './probe.ts'
import type * as schema from './schema.ts'
import type { SchemaChange } from './schema-change.ts'

/** The database or a transaction of it. Every query of this folder takes one. */
export type Db = BaseSQLiteDatabase<'sync', void, typeof schema>

/** Refuses promises by type, because a transaction with an async callback would commit at the first `await` (bun:sqlite). */
type NotPromise<R> = R extends PromiseLike<unknown> ? never : R

/** What a transaction does. */
export type Work<R> = (tx: Db) => NotPromise<R>

/** One transaction of several that are committed at once; see `transactOrKeep` for `size`. */
export interface Part {
  readonly work: Work<unknown>
  readonly size: number
}

/** What came of a part: its result, or what it threw. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown }

/**
 * The orchestrator's state, in a SQLite file. While the file does not accept writes (for example, on a full disk) there is
 * an outage: reads come from a copy in memory, and writes are refused. Only writes of `transactOrKeep` are accepted; they go
 * to the copy at once and to the file when it accepts writes again.
 */
export interface Store {
  /** For reads outside a transaction: the file or, in an outage, the copy. Read this property again for each use. */
  readonly db: Db
  /**
   * Runs `work` in an immediate transaction: all of it is committed durably, or nothing. Throws what `work` throws, after
   * the rollback, and StorageFailure in an outage. Runs synchronously, so no other code of this process runs meanwhile.
   */
  transact<R>(work: Work<R>): R
  /**
   * Like `transact`, for facts that are reported only once and would be lost, such as a proxy's events. In an outage, `work`
   * runs on the copy at once, is kept in memory, and runs on the file later, in order; so it may run twice. `size` is the
   * number of characters that `work` writes, if that is not small. Throws StorageFailure when too many transactions, or too
   * many characters, are kept.
   */
  transactOrKeep<R>(work: Work<R>, size?: number): R
  /**
   * Does what `transactOrKeep` does for each part, in their order, with one commit for all. A part that throws leaves nothing
   * behind, and the others are committed all the same. In an outage, also one that begins here, each part is kept or refused
   * by itself. Commit listeners are called once.
   */
  transactTogether(parts: readonly Part[]): readonly Outcome[]
  /**
   * Like `transact`, for frequent figures that no decision depends on, such as statistics. Commit listeners are not called,
   * and the version stays. A component that shows such figures keeps its own version.
   */
  record(work: (tx: Db) => void): void
  /**
   * Runs a function that reads. If the file can't be read any more, runs it again on the copy. Throws what `work` throws.
   */
  read<R>(work: () => R): R
  /** Why writes are refused, or null while they are accepted. */
  failure(): StorageFailure | null
  /** Throws StorageFailure in an outage. For callers that act outside first and write afterwards. */
  assertWritable(): void
  /** How many transactions are kept for the file. */
  keptCount(): number
  /**
   * Returns the storage failure that an error is, or null for any other error. A storage failure begins an outage if there
   * is none.
   */
  failed(error: unknown): StorageFailure | null
  /**
   * Begins an outage if a file of the database was removed or replaced. Otherwise remembers the live rows, in case the file
   * can't be read later.
   */
  check(): void
  /**
   * Tries to end an outage. Returns null when the file accepts writes and has received all kept transactions. Throws what
   * kept work throws.
   */
  recover(): StorageFailure | null
  /** Grows with every committed or kept transaction. A view computed at one version is valid until the version changes. */
  version(): number
  /** Calls `listener` after every commit. The listener must be quick and must not write. */
  onCommit(listener: () => void): void
  /** Calls `listener` when an outage begins and when it ends. The listener must be quick and must not write. */
  onStorage(listener: () => void): void
  close(): void
}

interface StoreOptions {
  /** Receives errors of listeners. By default, such an error is thrown to the caller that made the change. */
  readonly onError: OnError
  /** Called once the tables of an existing file were changed to those of this version. By default, nothing happens. */
  readonly onSchemaChange: (change: SchemaChange) => void
}

const DEFAULTS: StoreOptions = {
  onError: (error) => {
    throw error
  },
  onSchemaChange: () => undefined,
}

/**
 * Opens the database file, creates it if it is missing, and applies migrations. If the file can be read but accepts no
 * writes, the store begins with an outage. Throws the error of the system or the library if the file can't be opened or is
 * no database, and StorageFailure if a newer version wrote it.
 */
export function openStore(path: string, given: Partial<StoreOptions> = {}): Store {
  const options = { ...DEFAULTS, ...given }
  const open = (): Connection => openFile(path, options.onSchemaChange)
  try {
    return new FileStore({ open, path }, options, open())
  } catch (error) {
    const failure = storageFailureOf(error)
    if (failure === null || FINAL.has(failure.kind)) throw error
    return new FileStore({ open, path }, options, failure)
  }
}

/** Failures that waiting does not mend. */
const FINAL: ReadonlySet<StorageFailureKind> = new Set(['damaged', 'newer'])

/**
 * Creates a store on a database that is already open. Several stores may use the database, one after the other. Throws the
 * library's error.
 */
export function createStore(client: Database, options = DEFAULTS): Store {
  const connection = connect(client)
  return new FileStore({ open: () => connection, path: null }, options, connection)
}

/**
 * Limits for kept transactions: their number, which is an hour of a busy fleet, and the characters that they write, which
 * the copy holds, too.
 */
const KEPT_MAX = 10_000
const KEPT_SIZE_MAX = 8_000_000

interface Outage {
  failure: StorageFailure
  readonly copy: Connection
  readonly kept: ((tx: Db) => unknown)[]
  /** Characters written by kept transactions since the outage began. */
  size: number
}

/** How to open the file, and its path. `path` is null for a database without a file. */
interface Source {
  readonly open: () => Connection
  readonly path: string | null
}

class FileStore implements Store {
  #file: Connection | null = null
  #outage: Outage | null = null
  readonly #thrown = new WeakSet<StorageFailure>()
  readonly #files: DatabaseFiles | null
  #known: Rows = new Map()
  #knownVersion = -1
  #version = 0
  readonly #commits: Emitter
  readonly #storage: Emitter

  constructor(
    private readonly source: Source,
    { onError }: StoreOptions,
    opened: Connection | StorageFailure,
  ) {
    this.#commits = new Emitter(onError)
    this.#storage = new Emitter(onError)
    this.#files = source.path === null ? null : new DatabaseFiles(source.path)
    if (opened instanceof StorageFailure) this.#beginUnopened(opened)
    else this.#use(opened)
  }

  get db(): Db {
    const connection = this.#outage?.copy ?? this.#file
    if (connection === null) throw new Error('the store is closed')
    return connection.db
  }

  transact<R>(work: Work<R>): R {
    const result = this.#write(work)
    this.#committed()
    return result
  }

  transactOrKeep<R>(work: Work<R>, size = 0): R {
    try {
      return this.transact(work)
    } catch (error) {
      if (this.failed(error) === null || this.#outage === null) throw error
      const result = this.#keep(this.#outage, work, size)
      this.#committed()
      return result
    }
  }

  transactTogether(parts: readonly Part[]): readonly Outcome[] {
    // One alone needs no savepoint.
    if (parts.length === 1)
      return parts.map(({ work, size }) => outcomeOf(() => this.transactOrKeep(work, size)))
    const outcomes = this.#writeOrKeep(parts)
    if (outcomes.some((outcome) => 'result' in outcome)) this.#committed()
    return outcomes
  }

  record(work: (tx: Db) => void): void {
    this.#write(work)
  }

  read<R>(work: () => R): R {
    try {
      return work()
    } catch (error) {
      if (this.#outage !== null || this.failed(error) === null) throw error
      return work()
    }
  }

  failure(): StorageFailure | null {
    return this.#outage?.failure ?? null
  }

  assertWritable(): void {
    if (this.#outage !== null) throw this.#outage.failure
  }

  keptCount(): number {
    return this.#outage?.kept.length ?? 0
  }

  failed(error: unknown): StorageFailure | null {
    const failure = storageFailureOf(error)
    // A failure that was thrown before is of an outage that has begun, and may be over by now.
    if (failure !== null && this.#outage === null && !this.#thrown.has(failure)) this.#begin(failure)
    return failure
  }

  check(): void {
    if (this.#outage !== null || this.#file === null) return
    const lost = this.#files?.lost() ?? null
    if (lost !== null) this.#begin(moved(lost))
    else if (this.#knownVersion !== this.#version) this.#remember(this.#file)
  }

  recover(): StorageFailure | null {
    const outage = this.#outage
    if (outage === null) return null
    try {
      const file = this.#whole()
      tryWriting(file.client, outage.failure.kind)
      this.#catchUp(file, outage)
    } catch (error) {
      const failure = storageFailureOf(error)
      if (failure === null) throw error
      outage.failure = failure
      this.#thrown.add(failure)
      return failure
    }
    this.#outage = null
    outage.copy.client.close()
    this.#committed()
    this.#storage.emit()
    return null
  }

  version(): number {
    return this.#version
  }

  onCommit(listener: () => void): void {
    this.#commits.on(listener)
  }

  onStorage(listener: () => void): void {
    this.#storage.on(listener)
  }

  close(): void {
    this.#outage?.copy.client.close()
    this.#file?.client.close()
  }

  #write<R>(work: Work<R>): R {
    const { db } = this.#writable()
    try {
      return db.transaction((tx): R => work(tx), { behavior: 'immediate' })
    } catch (error) {
      throw this.failed(error) ?? error
    }
  }

  #writeOrKeep(parts: readonly Part[]): readonly Outcome[] {
    try {
      return this.#write((tx) => parts.map(({ work }) => this.#inSavepoint(() => work(tx))))
    } catch (error) {
      const outage = this.failed(error) === null ? null : this.#outage
      if (outage === null) throw error
      return parts.map(({ work, size }) => outcomeOf(() => this.#keep(outage, work, size)))
    }
  }

  /**
   * Runs a part of the transaction that is open. Throws a failure of the storage: SQLite may have rolled back the other parts
   * with it. bun:sqlite notices that, while Drizzle would report the savepoint that is gone.
   */
  #inSavepoint(work: () => unknown): Outcome {
    const outcome = outcomeOf(this.#writable().client.transaction(work))
    if ('error' in outcome && storageFailureOf(outcome.error) !== null) throw outcome.error
    return outcome
  }

  #writable(): Connection {
    this.assertWritable()
    if (this.#file === null) throw new Error('the store is closed')
    return this.#file
  }

  #keep<R>(outage: Outage, work: Work<R>, size: number): R {
    const { copy, kept, failure } = outage
    if (kept.length >= KEPT_MAX || outage.size + size > KEPT_SIZE_MAX) throw failure
    const result = copy.db.transaction((tx): R => work(tx))
    kept.push(work)
    outage.size += size
    return result
  }

  /** Returns the file with its log, both in place. Throws StorageFailure if the file is not in its place. */
  #whole(): Connection {
    const files = this.#files
    if (files?.isMoved() === true) {
      if (this.#file !== null) emptyLog(this.#file.client)
      throw moved(files.path)
    }
    const file = this.#file ?? this.source.open()
    if (this.#file === null) this.#use(file)
    if (files !== null && files.lost() !== null) {
      renewLog(file.client)
      files.remember()
    }
    return file
  }

  /**
   * Runs the kept transactions on the file in order. Each one is dropped once it is in the file, even if the next one fails.
   */
  #catchUp({ db }: Connection, { kept }: Outage): void {
    while (kept[0] !== undefined) {
      const [work] = kept
      try {
        db.transaction((tx) => void work(tx), { behavior: 'immediate' })
      } catch (error) {
        // A failure of the work itself would occur again.
        if (storageFailureOf(error) === null) kept.shift()
        throw error
      }
      kept.shift()
    }
  }

  #begin(failure: StorageFailure): void {
    if (this.#file === null) throw failure
    this.#thrown.add(failure)
    this.#outage = { failure, copy: copyOf(this.#file.client, this.#known), kept: [], size: 0 }
    this.#version++
    this.#storage.emit()
  }

  /** Begins an outage at the start: reads the file once. A later `recover` opens it for writing. */
  #beginUnopened(failure: StorageFailure): void {
    if (this.source.path === null) throw failure
    this.#thrown.add(failure)
    const client = openToRead(this.source.path)
    try {
      knownSchema(client)
      this.#known = liveRows(client)
      this.#outage = { failure, copy: copyOf(client, this.#known), kept: [], size: 0 }
    } finally {
      client.close()
    }
  }

  #use(file: Connection): void {
    this.#file = file
    this.#files?.remember()
    this.#remember(file)
  }

  #remember({ client }: Connection): void {
    try {
      this.#known = liveRows(client)
      this.#knownVersion = this.#version
    } catch (error) {
      if (this.failed(error) === null) throw error
    }
  }

  #committed(): void {
    this.#version++
    this.#commits.emit()
  }
}

function outcomeOf(work: () => unknown): Outcome {
  try {
    return { result: work() }
  } catch (error) {
    return { error }
  }
}

const moved = (file: string): StorageFailure => new StorageFailure('moved', new Error(basename(file)))
