import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backUp, NotCopied } from '../../../src/store/backup.ts'
import { BUSY_MS } from '../../../src/store/connection.ts'
import { insertEngine } from '../../../src/store/engines.ts'
import { lockDatabase, lockHolder } from '../../../src/store/lock.ts'
import { damageIn, openReadOnly, ownRows, schemaState } from '../../../src/store/read-only.ts'
import { assertRestorable, restoreFrom } from '../../../src/store/restore.ts'
import { setSetting, setting } from '../../../src/store/settings.ts'
import { openStore, type Store } from '../../../src/store/store.ts'
import { engine } from '../../support/builders.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0).toReversed()) close()
})

/** A folder of its own, with a database whose setting `mark` is `value`, if one is given. */
function place(value?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-backup-'))
  closers.push(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'a.db')
  if (value !== undefined) seed(path, value)
  return { folder, path, file: join(folder, 'copy.db') }
}

/** Writes a database that is closed entirely: a store that is closed keeps its log until its statements are collected. */
function seed(path: string, value: string): void {
  const draft = `${path}.draft`
  const store = marked(draft, value)
  backUp(draft, path)
  store.close()
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${draft}${suffix}`, { force: true })
  run(path, 'PRAGMA journal_mode = WAL')
}

function marked(path: string, value: string): Store {
  const store = openStore(path)
  store.transact((tx) => setSetting(tx, 'mark', value))
  return store
}

function markIn(path: string): string | undefined {
  const store = openStore(path)
  try {
    return setting(store.db, 'mark')
  } finally {
    store.close()
  }
}

const modeOf = (path: string): number => statSync(path).mode & 0o777

/** Takes away the newest migration, as if an earlier version had written the file. */
const makeOlder = (path: string) =>
  run(
    path,
    'DELETE FROM __drizzle_migrations WHERE created_at = (SELECT max(created_at) FROM __drizzle_migrations)',
  )
const makeNewer = (path: string) =>
  run(path, "INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 9999999999999)")

function run(path: string, sql: string): void {
  const client = new Database(path)
  client.run(sql)
  client.close()
}

/** Overwrites the pages behind the first with nonsense. */
function damage(path: string): void {
  const bytes = readFileSync(path)
  bytes.fill(0xa5, 4096)
  writeFileSync(path, bytes)
}

describe('a backup', () => {
  test('has what is committed in the log, is private and one file, though a store is open', () => {
    const { folder, path, file } = place()
    const store = marked(path, 'one')
    closers.push(() => store.close())
    expect(existsSync(`${path}-wal`)).toBe(true)
    expect(backUp(path, file)).toBe(statSync(file).size)
    store.transact((tx) => setSetting(tx, 'mark', 'two'))
    expect(modeOf(file)).toBe(0o600)
    expect(readdirSync(folder).filter((name) => name.startsWith('copy'))).toEqual(['copy.db'])
    expect(markIn(file)).toBe('one')
  })

  test('overwrites nothing', () => {
    const { path, file } = place('one')
    writeFileSync(file, 'mine')
    expect(() => backUp(path, file)).toThrow('exists, and no file is overwritten')
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })

  test('leaves no file behind where it fails, nor beside the database where it does not', () => {
    const { folder, path, file } = place('one')
    backUp(path, file)
    rmSync(file)
    expect(readdirSync(folder)).toEqual(['a.db'])
    expect(() => backUp(join(folder, 'none.db'), file)).toThrow(NotCopied)
    writeFileSync(join(folder, 'empty.db'), '')
    expect(() => backUp(join(folder, 'empty.db'), file)).toThrow('is no database of Roundhouse')
    damage(path)
    expect(() => backUp(path, file)).toThrow()
    expect(readdirSync(folder).toSorted()).toEqual(['a.db', 'empty.db'])
  })
})

describe('a restored database', () => {
  test('is the copy, and the one before is kept', () => {
    const { folder, path, file } = place('one')
    backUp(path, file)
    chmodSync(file, 0o644)
    marked(path, 'two').close()
    const restored = restoreFrom(file, path, 'now')
    expect(restored.kept).toBe(`${restored.path}.before-restore-now`)
    expect(modeOf(path)).toBe(0o600)
    expect(markIn(path)).toBe('one')
    expect(markIn(String(restored.kept))).toBe('two')
    expect(markIn(file)).toBe('one')
    expect(readdirSync(folder).filter((name) => name.includes('restoring'))).toEqual([])
  })

  test('takes what a crash left in the log of the database before along with that, and none of it itself', () => {
    const { folder, path, file } = place('one')
    backUp(path, file)
    // A store that is not closed leaves its log, as after a crash.
    const crashed = marked(path, 'two')
    const log = readFileSync(`${path}-wal`)
    const main = readFileSync(path)
    crashed.close()
    writeFileSync(path, main)
    writeFileSync(`${path}-wal`, log)
    const { kept } = restoreFrom(file, path, 'now')
    expect(existsSync(`${path}-wal`)).toBe(false)
    expect(markIn(path)).toBe('one')
    expect(markIn(String(kept))).toBe('two')
    expect(folder).not.toBe('')
  })

  test('replaces a damaged one, which is kept with its log', () => {
    const { path, file } = place('one')
    backUp(path, file)
    writeFileSync(path, 'no database at all')
    writeFileSync(`${path}-wal`, 'its log')
    const { kept } = restoreFrom(file, path, 'now')
    expect(markIn(path)).toBe('one')
    expect(readFileSync(String(kept), 'utf8')).toBe('no database at all')
    expect(readFileSync(`${kept}-wal`, 'utf8')).toBe('its log')
  })

  test('may be of an earlier version', () => {
    const { path, file } = place('one')
    backUp(path, file)
    makeOlder(file)
    expect(() => assertRestorable(file)).not.toThrow()
  })

  test.each([
    ['a newer version', makeNewer, 'written by a newer version'],
    ['damage', damage, /damaged|malformed/],
    ['another program', (path: string) => writeFileSync(path, 'text'), /not a database/],
    ['nothing', (path: string) => writeFileSync(path, ''), 'is no database of Roundhouse'],
    ['a folder', (path: string) => rmSync(path), 'there is no file'],
  ] as const)('is none of %s', (_, spoil, words) => {
    const { folder, path, file } = place('one')
    backUp(path, file)
    spoil(file)
    const before = readFileSync(path)
    expect(() => restoreFrom(file, path, 'now')).toThrow(words)
    expect(readFileSync(path)).toEqual(before)
    expect(readdirSync(folder).filter((name) => /restor/.test(name))).toEqual([])
  })

  test.skipIf(process.getuid?.() !== 0)('belongs to the owner of the one before, or of the folder', () => {
    const { folder, path, file } = place('one')
    backUp(path, file)
    chownSync(path, 65_534, 65_534)
    lockDatabase(path, { host: 'one', pid: 1, startedAtMs: 5 }, 0).release()
    restoreFrom(file, path, 'now')
    expect([path, `${path}.lock`].map((each) => statSync(each).uid)).toEqual([65_534, 65_534])
    chownSync(folder, 65_533, 65_533)
    const other = join(folder, 'other.db')
    lockDatabase(other, { host: 'one', pid: 1, startedAtMs: 5 }, 0).release()
    restoreFrom(file, other, 'now')
    expect([other, `${other}.lock`].map((each) => statSync(each).uid)).toEqual([65_533, 65_533])
  })

  test('is not made of itself', () => {
    const { path, file } = place('one')
    symlinkSync(path, file)
    expect(() => restoreFrom(file, path, 'now')).toThrow('is the database itself')
  })
})

describe('a look', () => {
  test('at a database that nobody uses leaves no file, and sees what is in it', () => {
    const { folder, path } = place('one')
    const client = openReadOnly(path)
    expect(schemaState(client)).toBe('current')
    expect(damageIn(client)).toBeNull()
    client.close()
    expect(readdirSync(folder)).toEqual(['a.db'])
  })

  test('waits for whoever locks the database, as a store does', () => {
    const { path } = place('one')
    for (const isInUse of [false, true]) {
      if (isInUse) writeFileSync(`${path}-wal`, '')
      const client = openReadOnly(path)
      expect(client.query('PRAGMA busy_timeout').values()).toEqual([[BUSY_MS]])
      client.close()
    }
  })

  test('sees what an open store has committed', () => {
    const { path } = place()
    const store = marked(path, 'one')
    closers.push(() => store.close())
    store.transact((tx) => {
      setSetting(tx, 'installation_id', 'id-1')
      insertEngine(tx, engine({ status: 'ready', containerId: 'c1' }))
    })
    const client = openReadOnly(path)
    expect(ownRows(client)).toEqual({ installation: 'id-1', streams: new Map([['c1', 0]]) })
    client.close()
  })

  test.each([
    ['older', makeOlder],
    ['newer', makeNewer],
  ] as const)('tells a database that is %s', (state, change) => {
    const { path } = place('one')
    change(path)
    const client = openReadOnly(path)
    expect(schemaState(client)).toBe(state)
    client.close()
  })
})

describe('the holder of a lock', () => {
  const owner = { host: 'one', pid: 1, startedAtMs: 5 }

  test('is told while it holds the lock, without taking or making anything', () => {
    const { folder, path } = place('one')
    expect(lockHolder(path)).toBe('free')
    expect(readdirSync(folder)).toEqual(['a.db'])
    const lock = lockDatabase(path, owner, 0)
    expect(lockHolder(path)).toEqual({ owner })
    lock.release()
    const before = readFileSync(`${path}.lock`)
    expect(lockHolder(path)).toBe('free')
    expect(readFileSync(`${path}.lock`)).toEqual(before)
    lockDatabase(path, owner, 0).release()
  })

  test('can not be told of a file that is no lock', () => {
    const { path } = place('one')
    writeFileSync(`${path}.lock`, 'no database')
    expect(lockHolder(path)).toBeNull()
  })
})
