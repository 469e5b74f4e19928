import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { liveEngines } from '../../../src/store/engines.ts'
import { embeddedMigrations } from '../../../src/store/migrations.ts'
import type { SchemaChange } from '../../../src/store/schema-change.ts'
import { openStore, type Store } from '../../../src/store/store.ts'
import { streamsWhere } from '../../../src/store/streams.ts'

/* The update of a database that version 0.1.0 wrote (with two engines and two streams), and the way back. */

const SCHEMA = 4
const WRITTEN = await Bun.file(join(import.meta.dir, '../../fixtures/database-0.1.0.sql')).text()

let folder: string
let path: string
let changes: SchemaChange[]
let store: Store | null

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundhouse-store-'))
  path = join(folder, 'orchestrator.db')
  changes = []
  store = null
  const database = new Database(path)
  database.exec(WRITTEN)
  database.close()
})
afterEach(() => {
  store?.close()
  rmSync(folder, { recursive: true })
})

function open(): Store {
  store?.close()
  store = openStore(path, { onSchemaChange: (change) => changes.push(change) })
  return store
}

const copyPath = () => `${path}.schema-${SCHEMA}`

/** Everything that a database file has. */
function contentOf(file: string) {
  const database = new Database(file, { readonly: true })
  const tables = database
    .query<{ name: string; sql: string }, []>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    )
    .all()
  const content = tables.map(({ name, sql }) => ({
    name,
    sql,
    rows: database.query(`SELECT * FROM ${name}`).values(),
  }))
  database.close()
  return content
}

const names = () => liveEngines(open().db).map(({ name, imageId }) => [name, imageId])

test('it is migrated with all that it has, once, and a copy is kept of what it was', () => {
  const before = contentOf(path)
  expect(names()).toEqual([
    ['acestream-1', null],
    ['acestream-2', null],
  ])
  expect(
    streamsWhere(open().db, {})
      .map(({ status }) => status)
      .toSorted(),
  ).toEqual(['ended', 'started'])
  const to = embeddedMigrations().length
  expect(to).toBeGreaterThan(SCHEMA)
  expect(changes).toEqual([{ from: SCHEMA, to, copy: { path: copyPath() } }])
  expect(contentOf(copyPath())).toEqual(before)
  expect((statSync(copyPath()).mode & 0o777).toString(8)).toBe('600')
})

test('the copy in its place is the way back, and the next update works like the first', () => {
  const before = contentOf(path)
  open().close()
  store = null
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
  renameSync(copyPath(), path)
  expect(contentOf(path)).toEqual(before)
  expect(names()).toHaveLength(2)
  expect(changes).toHaveLength(2)
  expect(contentOf(copyPath())).toEqual(before)
})

test('only the copy of the last change is kept', () => {
  writeFileSync(`${path}.schema-3`, 'an earlier copy')
  writeFileSync(`${copyPath()}.part`, 'what a crash left')
  open()
  expect(readdirSync(folder).filter((name) => name.includes('.schema-'))).toEqual([
    `orchestrator.db.schema-${SCHEMA}`,
  ])
})

test('a copy that is not possible prevents no update, and is told', () => {
  mkdirSync(join(copyPath(), 'in the way'), { recursive: true })
  expect(names()).toHaveLength(2)
  expect(changes).toEqual([
    { from: SCHEMA, to: embeddedMigrations().length, copy: { error: expect.any(Error) } },
  ])
  expect(readdirSync(folder)).not.toContain(`orchestrator.db.schema-${SCHEMA}.part`)
})

test('one that takes no writes at the start is read as it is, and updated once it does', () => {
  const holder = new Database(path)
  holder.run('BEGIN IMMEDIATE')
  const opened = open()
  expect(opened.failure()?.kind).toBe('locked')
  expect(liveEngines(opened.db)).toHaveLength(2)
  expect(opened.recover()?.kind).toBe('locked')
  expect(changes).toEqual([])
  expect(readdirSync(folder).filter((name) => name.includes('.schema-'))).toEqual([])
  holder.close()
  expect(opened.recover()).toBeNull()
  expect(liveEngines(opened.db)).toHaveLength(2)
  expect(changes).toMatchObject([{ copy: { path: copyPath() } }])
})

test('a new database and one of this version are not copied', () => {
  open()
  path = join(folder, 'new.db')
  open()
  open()
  expect(changes).toHaveLength(1)
  expect(readdirSync(folder).filter((name) => name.startsWith('new.db.'))).toEqual([])
})
