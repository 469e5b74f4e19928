import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { renameSync, truncateSync } from 'node:fs'
import { insertEngine, liveEngines } from '../../../src/store/engines.ts'
import { StorageFailure, storageFailureOf } from '../../../src/store/failure.ts'
import { appendJournal, lastJournalId, newestJournal } from '../../../src/store/journal.ts'
import { setSetting, setting } from '../../../src/store/settings.ts'
import { type Db, openStore } from '../../../src/store/store.ts'
import { insertStream, streamsWhere } from '../../../src/store/streams.ts'
import { engine, stream } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'

/* What the store does while its file accepts no writes. The simplest outage is another process that holds the lock. */

let temp: TempStore
let holder: Database | null

beforeEach(() => {
  temp = tempStore()
  holder = null
  temp.store.transact((tx) => insertEngine(tx, engine()))
})
afterEach(() => {
  release()
  temp.dispose()
})

const hold = (): void => {
  holder = new Database(temp.path)
  holder.run('BEGIN IMMEDIATE')
}
const release = (): void => {
  holder?.close()
  holder = null
}
const started = (id: string) => (tx: Db) => {
  appendJournal(tx, 1, { kind: 'stream.started', streamId: id })
  return insertStream(tx, stream({ streamId: id })).rowId
}
const ids = () => streamsWhere(temp.store.db, { status: 'started' }).map(({ streamId }) => streamId)
const failureIn = (work: () => unknown): StorageFailure => {
  try {
    work()
  } catch (error) {
    if (error instanceof StorageFailure) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('a file that is locked by another process', () => {
  test('begins no outage by a failure of an earlier one, which somebody passes on late', () => {
    hold()
    const late = failureIn(() => temp.store.transact((tx) => setSetting(tx, 'a', 'b')))
    temp.store.recover()
    const later = failureIn(() => temp.store.assertWritable())
    release()
    expect(temp.store.recover()).toBeNull()
    for (const failure of [late, later]) {
      expect(temp.store.failed(new Error('a look failed', { cause: failure }))).toBe(failure)
      expect(temp.store.failure()).toBeNull()
    }
  })

  test('refuses a write with a failure that says so, and the next one without waiting', () => {
    hold()
    expect(failureIn(() => temp.store.transact((tx) => setSetting(tx, 'a', 'b')))).toMatchObject({
      kind: 'locked',
      message: 'another process holds its lock (database is locked)',
    })
    release()
    // Only `recover` finds out that writes are accepted again.
    expect(failureIn(() => temp.store.transact((tx) => setSetting(tx, 'a', 'b'))).kind).toBe('locked')
    expect(() => temp.store.assertWritable()).toThrow(StorageFailure)
  })

  test('is read on, with what is kept for it', () => {
    hold()
    const rowId = temp.store.transactOrKeep(started('one'))
    expect(liveEngines(temp.store.db)).toEqual([engine()])
    expect(streamsWhere(temp.store.db, { status: 'started' })).toMatchObject([{ rowId, streamId: 'one' }])
    expect(temp.store.keptCount()).toBe(1)
  })

  test('gets what was kept for it in its order, with the same ids', () => {
    temp.store.transact(started('before'))
    hold()
    const rows = ['one', 'two'].map((id) => temp.store.transactOrKeep(started(id)))
    const lastEntry = lastJournalId(temp.store.db)
    release()
    expect(temp.store.recover()).toBeNull()
    expect(temp.store.failure()).toBeNull()
    const { db } = temp.reopen()
    expect(ids()).toEqual(['before', 'one', 'two'])
    expect(streamsWhere(db, { status: 'started' }).map(({ rowId }) => rowId)).toEqual([1, ...rows])
    expect(newestJournal(db, 1)[0]).toMatchObject({ id: lastEntry, streamId: 'two' })
  })

  test('stays refused as long as it is locked, and loses nothing', () => {
    hold()
    temp.store.transactOrKeep(started('one'))
    expect(temp.store.recover()?.kind).toBe('locked')
    expect(ids()).toEqual(['one'])
    release()
    expect(temp.store.recover()).toBeNull()
    expect(ids()).toEqual(['one'])
  })

  test('the beginning, what is kept and the end are new versions, and listeners hear of them', () => {
    const seen: string[] = []
    temp.store.onCommit(() => seen.push('commit'))
    temp.store.onStorage(() => seen.push(temp.store.failure() === null ? 'end' : 'begin'))
    const versions = [temp.store.version()]
    hold()
    failureIn(() => temp.store.transact(started('one')))
    versions.push(temp.store.version())
    temp.store.transactOrKeep(started('one'))
    versions.push(temp.store.version())
    release()
    temp.store.recover()
    versions.push(temp.store.version())
    expect(seen).toEqual(['begin', 'commit', 'commit', 'end'])
    expect(new Set(versions).size).toBe(4)
  })

  test('kept work that fails by itself is reported and keeps no other from being written', () => {
    hold()
    let runs = 0
    temp.store.transactOrKeep(() => {
      if (++runs > 1) throw new Error('a mistake')
    })
    temp.store.transactOrKeep(started('one'))
    release()
    expect(() => temp.store.recover()).toThrow('a mistake')
    expect(temp.store.recover()).toBeNull()
    expect(ids()).toEqual(['one'])
  })

  test('a start finds it as it is, and what it keeps is written later', () => {
    hold()
    temp.store.close()
    const store = openStore(temp.path)
    expect(liveEngines(store.db)).toEqual([engine()])
    store.transactOrKeep(started('one'))
    release()
    store.recover()
    store.close()
    temp.reopen()
    expect(ids()).toEqual(['one'])
  })
})

describe('what is kept', () => {
  test('has a bound, after which it is refused', () => {
    hold()
    for (let n = 0; n < 10_000; n++) temp.store.transactOrKeep(() => n)
    expect(failureIn(() => temp.store.transactOrKeep(started('one'))).kind).toBe('locked')
    expect(ids()).toEqual([])
  })

  test('has a bound of its size, after which small work is taken all the same', () => {
    hold()
    for (let n = 0; n < 80; n++) temp.store.transactOrKeep(() => n, 99_999)
    expect(failureIn(() => temp.store.transactOrKeep(started('long'), 99_999)).kind).toBe('locked')
    temp.store.transactOrKeep(started('short'), 50)
    expect(ids()).toEqual(['short'])
    release()
    expect(temp.store.recover()).toBeNull()
    // The next outage may keep the full amount again.
    hold()
    for (let n = 0; n < 80; n++) temp.store.transactOrKeep(() => n, 99_999)
    expect(temp.store.keptCount()).toBe(80)
  })

  test('is nothing where the file takes writes', () => {
    temp.store.transactOrKeep(started('one'))
    expect([temp.store.keptCount(), temp.store.failure()]).toEqual([0, null])
    temp.reopen()
    expect(ids()).toEqual(['one'])
  })

  test('is no mistake of the work itself', () => {
    const mistake = () => {
      throw new Error('a mistake')
    }
    expect(() => temp.store.transactOrKeep(mistake)).toThrow('a mistake')
    expect(temp.store.failure()).toBeNull()
  })
})

describe('a file that was moved away', () => {
  test('is noticed, and used again when it is back', () => {
    renameSync(temp.path, `${temp.path}.away`)
    temp.store.check()
    expect(temp.store.failure()).toMatchObject({ kind: 'moved' })
    expect(liveEngines(temp.store.db)).toEqual([engine()])
    expect(temp.store.recover()?.kind).toBe('moved')
    renameSync(`${temp.path}.away`, temp.path)
    expect(temp.store.recover()).toBeNull()
  })

  test('is not confused with another file of its name', () => {
    renameSync(temp.path, `${temp.path}.away`)
    openStore(temp.path).close()
    temp.store.check()
    expect(temp.store.recover()?.kind).toBe('moved')
    renameSync(`${temp.path}.away`, temp.path)
  })
})

describe('a damaged file', () => {
  /** Overwrites all pages except the first, after moving the log's content there. */
  const damage = async (): Promise<void> => {
    temp.store.db.run('PRAGMA wal_checkpoint(TRUNCATE)')
    const bytes = new Uint8Array(await Bun.file(temp.path).arrayBuffer())
    bytes.fill(0xff, 4_096)
    await Bun.write(temp.path, bytes)
    // A write of another connection makes ours drop the pages that it has in memory.
    temp.store.db.run('PRAGMA shrink_memory')
  }

  test('is read from what was known last', async () => {
    temp.store.check()
    await damage()
    expect(temp.store.read(() => liveEngines(temp.store.db))).toEqual([engine()])
    expect(temp.store.failure()?.kind).toBe('damaged')
    expect(temp.store.transactOrKeep(started('one'))).toBeGreaterThan(0)
    expect(temp.store.recover()?.kind).toBe('damaged')
    expect(ids()).toEqual(['one'])
  })

  test('is refused at a start, with the remedy', async () => {
    await damage()
    const failure = storageFailureOf(
      (() => {
        try {
          openStore(temp.path)
          return null
        } catch (error) {
          return error
        }
      })(),
    )
    expect(failure?.remedy).toContain('engines are found by their labels')
  })

  test('that is cut short is one, too', () => {
    temp.store.db.run('PRAGMA wal_checkpoint(TRUNCATE)')
    temp.store.check()
    truncateSync(temp.path, 8_192)
    temp.store.db.run('PRAGMA shrink_memory')
    expect(temp.store.read(() => liveEngines(temp.store.db))).toEqual([engine()])
    expect(temp.store.failure()).not.toBeNull()
  })
})

describe('an error', () => {
  test.each([
    ['SQLITE_FULL', 'full'],
    ['SQLITE_IOERR_WRITE', 'io'],
    ['SQLITE_READONLY', 'read_only'],
    ['SQLITE_BUSY', 'locked'],
    ['SQLITE_CORRUPT', 'damaged'],
    ['SQLITE_CANTOPEN', 'unopenable'],
  ] as const)('of SQLite with the code %s is a failure of the kind %s', (code, kind) => {
    const error = Object.assign(new Error('its words'), { code })
    expect(storageFailureOf(error)?.kind).toBe(kind)
    expect(storageFailureOf(new Error('a query failed', { cause: error }))?.kind).toBe(kind)
  })

  test.each([
    ['a mistake', new Error('a mistake')],
    ['a broken rule of a table', Object.assign(new Error('taken'), { code: 'SQLITE_CONSTRAINT_UNIQUE' })],
    ['no error at all', null],
  ] as const)('that is %s is none of the storage', (_, error) => expect(storageFailureOf(error)).toBeNull())
})

test('the probe leaves nothing behind', () => {
  hold()
  failureIn(() => temp.store.transact(started('one')))
  release()
  temp.store.recover()
  expect(setting(temp.store.db, 'storage_probe')).toBeUndefined()
})
