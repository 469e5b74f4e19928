import { Database } from 'bun:sqlite'
import { afterEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { DatabaseInUse, lockDatabase } from '../../../src/store/lock.ts'

/*
 * SQLite separates two connections of one process like those of two processes. What the system does with the lock of a
 * process that ends is tested with real processes (tests/e2e/one-process.test.ts).
 */

const FIRST = { host: 'one', pid: 1, startedAtMs: Date.parse('2026-11-23T12:00:00Z') }
const SECOND = { host: 'two', pid: 1, startedAtMs: FIRST.startedAtMs }

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0).toReversed()) close()
})

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'roundhouse-lock-'))
  closers.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function lock(path: string, owner = FIRST) {
  const held = lockDatabase(path, owner, 0)
  closers.push(held.release)
  return held
}

/** The error that the second process gets. */
function refusal(path: string): DatabaseInUse {
  try {
    lock(path, SECOND)
  } catch (error) {
    if (error instanceof DatabaseInUse) return error
    throw error
  }
  throw new Error('the second got it, too')
}

test('the second is refused and told who the first is, until that lets go', () => {
  const path = join(folder(), 'a.db')
  const first = lock(path)
  expect(refusal(path).message).toBe(
    'the database is in use by process 1 on host one, started 2026-11-23T12:00:00.000Z',
  )
  expect(refusal(path).owner).toEqual(FIRST)
  first.release()
  lock(path, SECOND)
})

test('the database itself stays open to all', () => {
  const path = join(folder(), 'a.db')
  lock(path)
  const database = new Database(path)
  database.run('CREATE TABLE a (b INTEGER)')
  database.close()
})

test('one file is one database, by whatever path', () => {
  const root = folder()
  const path = join(root, 'a.db')
  mkdirSync(join(root, 'links'))
  const toFile = join(root, 'links/other-name.db')
  const toFolder = join(root, 'links/folder')
  symlinkSync('../a.db', toFile)
  symlinkSync(root, toFolder)
  // The first lock is taken through a link to a file that does not exist yet.
  lock(toFile)
  for (const other of [path, relative(process.cwd(), path), toFile, join(toFolder, 'a.db')])
    expect(refusal(other).owner).toEqual(FIRST)
  lock(join(root, 'b.db'), SECOND)
})

/** Simulates other starts that write their descriptions right after ours, `times` times. */
function haveOthersStart(path: string, times: number): void {
  const file = new Database(`${path}.lock`)
  file.run('CREATE TABLE owner (id INTEGER PRIMARY KEY, host TEXT, pid INTEGER, started_at INTEGER)')
  file.run(`CREATE TABLE starts AS SELECT ${times} AS n`)
  file.run(`
    CREATE TRIGGER start AFTER INSERT ON owner WHEN (SELECT n FROM starts) > 0
    BEGIN UPDATE owner SET host = 'two'; UPDATE starts SET n = n - 1; END`)
  file.close()
}

test('of two that start at the same moment the one that has it is named', () => {
  const path = join(folder(), 'a.db')
  haveOthersStart(path, 2)
  lock(path)
  expect(refusal(path).owner).toEqual(FIRST)
})

test('a start that others always come before is refused', () => {
  const path = join(folder(), 'a.db')
  haveOthersStart(path, 1_000)
  expect(() => lock(path)).toThrow('process 1 on host two')
})

test('a name that is gone from the second file is told as nobody’s', () => {
  const path = join(folder(), 'a.db')
  lock(path)
  const other = join(folder(), 'b.db')
  writeFileSync(other, '')
  // A full disk leaves the lock without the table.
  const file = new Database(`${other}.lock`)
  closers.push(() => file.close())
  file.run('BEGIN IMMEDIATE')
  expect(refusal(other).message).toBe('the database is in use by another process')
})

test('a folder that is none, and a second file that is no database, are errors of their own', () => {
  const root = folder()
  writeFileSync(join(root, 'file'), '')
  expect(() => lock(join(root, 'file/a.db'))).toThrow('ENOTDIR')
  writeFileSync(join(root, 'a.db.lock'), 'x'.repeat(5_000))
  expect(() => lock(join(root, 'a.db'))).toThrow('not a database')
})
