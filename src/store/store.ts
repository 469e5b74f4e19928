import type { Database } from 'bun:sqlite'
import { basename } from 'node:path'
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core'
import { Emitter } from '../lib/emitter.ts'
import type { OnError } from '../lib/guard.ts'
import { assertKnown, type Connection, connect, openFile, openToRead } from './connection.ts'
import { copyOf, liveRows, type Rows } from './copy.ts'
import { StorageFailure, type StorageFailureKind, storageFailureOf } from './failure.ts'
import { DatabaseFiles } from './files.ts'
import { emptyLog, renewLog, tryWriting } from './probe.ts'
import type * as schema from './schema.ts'

/** The database or a transaction of it; every query of this folder takes one. */
export type Db = BaseSQLiteDatabase<'sync', void, typeof schema>

/** An async callback would commit at its first `await` (bun:sqlite), so a promise is refused by its type. */
type NotPromise<R> = R extends PromiseLike<unknown> ? never : R

type Work<R> = (tx: Db) => NotPromise<R>

/**
 * The one truth, in a SQLite file. While the file does not take writes (a full disk, say) it is an outage: reads are answered from
 * a copy in memory, and writes are refused but for those of `transactOrKeep`, which the copy takes, and the file when it can again.
 */
export interface Store {
  /** For reads outside a transaction: the file or, in an outage, the copy. To be asked for anew at each use. */
  readonly db: Db
  /**
   * Runs `work` in an immediate transaction: all of it is committed, durably, or none. Throws what `work` throws,
   * after the rollback, and StorageFailure in an outage. Synchronous: nothing else runs in this process meanwhile.
   */
  transact<R>(work: Work<R>): R
  /**
   * The same for what is told once and would be lost, as a proxy's events are: in an outage it is done in the copy at once, kept in
   * memory and done in the file afterwards, in its order, so `work` may run twice. `size` tells how many characters it writes, where that is not little. Throws
   * StorageFailure when too many, or too much of them, are kept.
   */
  transactOrKeep<R>(work: Work<R>, size?: number): R
  /**
   * The same as `transact` for figures that no decision depends on and that come all the time, as statistics do: nobody is told, and
   * the version stays. Who shows them keeps a version of its own.
   */
  record(work: (tx: Db) => void): void
  /** Runs what reads; where the file can't be read any more, again on the copy. Throws what `work` throws. */
  read<R>(work: () => R): R
  /** Why writes are refused; null while they are taken. */
  failure(): StorageFailure | null
  /** Throws StorageFailure in an outage, for who acts outside first and writes afterwards. */
  assertWritable(): void
  /** How many transactions are kept for the file. */
  keptCount(): number
  /** The failure of the storage that an error is, which begins an outage if there is none; null for every other error. */
  failed(error: unknown): StorageFailure | null
  /** Notices files that went, and remembers what is live for the case that they can't be read any more. */
  check(): void
  /** Tries to end an outage; null when the file takes writes and has got all that was kept. Throws what kept work throws. */
  recover(): StorageFailure | null
  /** Grows with every committed transaction, and with what was kept; a view computed at one version is good until the next. */
  version(): number
  /** Calls `listener` after every commit; it must be quick and must not write. */
  onCommit(listener: () => void): void
  /** Calls `listener` when an outage begins and when it ends; it must be quick and must not write. */
  onStorage(listener: () => void): void
  close(): void
}

interface StoreOptions {
  /** Hears of listeners that fail; by default whoever made the change does. */
  readonly onError: OnError
}

const DEFAULTS: StoreOptions = {
  onError: (error) => {
    throw error
  },
}

/**
 * Opens the database file, makes it if it is missing, and brings it up to date. Where it can be read and takes no writes it begins
 * with an outage. Throws the error of the system or the library when it can't be opened or is no database, and StorageFailure when
 * a newer version wrote it.
 */
export function openStore(path: string, options = DEFAULTS): Store {
  const open = (): Connection => openFile(path)
  try {
    return new FileStore({ open, path }, options, open())
  } catch (error) {
    const failure = storageFailureOf(error)
    if (failure === null || FINAL.has(failure.kind)) throw error
    return new FileStore({ open, path }, options, failure)
  }
}

/** What waiting does not mend. */
const FINAL: ReadonlySet<StorageFailureKind> = new Set(['damaged', 'newer'])

/** The store on a database that is open already; several may share it, one after the other. Throws the library's error. */
export function createStore(client: Database, options = DEFAULTS): Store {
  const connection = connect(client)
  return new FileStore({ open: () => connection, path: null }, options, connection)
}

/** Transactions that are kept at most, an hour of a busy fleet; and what they write, in characters, which the copy holds too. */
const KEPT_MAX = 10_000
const KEPT_SIZE_MAX = 8_000_000

interface Outage {
  failure: StorageFailure
  readonly copy: Connection
  readonly kept: ((tx: Db) => unknown)[]
  /** Characters that were kept since it began. */
  size: number
}

/** Where the file is; `path` is null for a database that is none. */
interface Source {
  readonly open: () => Connection
  readonly path: string | null
}

class FileStore implements Store {
  #file: Connection | null = null
  #outage: Outage | null = null
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
      return this.#keep(this.#outage, work, size)
    }
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
    if (failure !== null && this.#outage === null) this.#begin(failure)
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
    this.#committed()
    return result
  }

  /** The file with its log, in its place. Throws StorageFailure where it is not. */
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

  /** What was kept goes to the file in its order; what has gone there is not kept any more, also where the next one fails. */
  #catchUp({ db }: Connection, { kept }: Outage): void {
    while (kept[0] !== undefined) {
      const [work] = kept
      try {
        db.transaction((tx) => void work(tx), { behavior: 'immediate' })
      } catch (error) {
        // What fails by itself would fail again.
        if (storageFailureOf(error) === null) kept.shift()
        throw error
      }
      kept.shift()
    }
  }

  #begin(failure: StorageFailure): void {
    if (this.#file === null) throw failure
    this.#outage = { failure, copy: copyOf(this.#file.client, this.#known), kept: [], size: 0 }
    this.#version++
    this.#storage.emit()
  }

  /** At a start: the file is read once, and opened for writing by a later `recover`. */
  #beginUnopened(failure: StorageFailure): void {
    if (this.source.path === null) throw failure
    const client = openToRead(this.source.path)
    try {
      assertKnown(client)
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

const moved = (file: string): StorageFailure => new StorageFailure('moved', new Error(basename(file)))
