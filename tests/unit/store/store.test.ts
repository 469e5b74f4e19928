import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import fc from 'fast-check'
import journal from '../../../drizzle/meta/_journal.json' with { type: 'json' }
import type { Engine } from '../../../src/core/types.ts'
import {
  engineById,
  insertEngine,
  liveEngines,
  pruneEngines,
  retire,
  skipEngineNumber,
  takeEngineNumber,
  transition,
} from '../../../src/store/engines.ts'
import { bindKey, pruneKeys } from '../../../src/store/idempotency.ts'
import { appendJournal, newestJournal, pruneJournal } from '../../../src/store/journal.ts'
import { leasesIn, takeLease, tryLease } from '../../../src/store/leases.ts'
import { embeddedMigrations } from '../../../src/store/migrations.ts'
import { idempotencyKeys } from '../../../src/store/schema.ts'
import { type Db, openStore } from '../../../src/store/store.ts'
import {
  endStream,
  insertStream,
  newestStream,
  pruneStreams,
  startedStream,
  streamsSince,
  streamsWhere,
} from '../../../src/store/streams.ts'
import { engine, stream } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'

let temp: TempStore
beforeEach(() => {
  temp = tempStore()
})
afterEach(() => temp.dispose())

const lease = (port: number, engineId = 'engine-1') =>
  ({ scope: 'host', port, kind: 'http', engineId }) as const

describe('migrations', () => {
  test('every generated file is embedded', () => {
    expect(embeddedMigrations()).toHaveLength(journal.entries.length)
  })

  test('opening again changes nothing and loses nothing', () => {
    temp.store.transact((tx) => insertEngine(tx, engine()))
    expect(engineById(temp.reopen().db, 'engine-1')).toEqual(engine())
  })

  test('the generated SQL is what the schema says now', () => {
    // Generating again beside a copy finds nothing to add.
    const root = join(import.meta.dir, '../../..')
    const copy = mkdtempSync(join(tmpdir(), 'roundhouse-drizzle-'))
    cpSync(join(root, 'drizzle'), copy, { recursive: true })
    // drizzle-kit accepts no absolute folder.
    const out = relative(root, copy)
    const flags = ['--dialect=sqlite', '--schema=src/store/schema.ts', '--casing=snake_case', `--out=${out}`]
    const run = Bun.spawnSync(['bunx', 'drizzle-kit', 'generate', ...flags], { cwd: root, stderr: 'pipe' })
    expect(run.stdout.toString() + run.stderr.toString()).toContain('No schema changes')
    rmSync(copy, { recursive: true })
  })

  test('a file that is no database is refused with the library’s word', async () => {
    const path = `${temp.path}.txt`
    await Bun.write(path, 'this is not a database, however long it is'.repeat(100))
    expect(() => openStore(path)).toThrow('not a database')
  })
})

describe('durability', () => {
  test('writes are in WAL with full synchronisation and foreign keys', () => {
    const pragma = (name: string) => temp.store.db.get<unknown[]>(`PRAGMA ${name}`)
    expect(Object.values(pragma('journal_mode') ?? {})).toEqual(['wal'])
    expect(Object.values(pragma('synchronous') ?? {})).toEqual([2])
    expect(Object.values(pragma('foreign_keys') ?? {})).toEqual([1])
  })
})

describe('the log of the database', () => {
  const MEGABYTE = 1_000_000
  const write = (megabytes: number): void => {
    for (let n = 0; n < megabytes; n++)
      temp.store.transact((tx) =>
        appendJournal(tx, n, { kind: 'stream.failed', detail: { text: 'x'.repeat(MEGABYTE) } }),
      )
  }
  const logBytes = (): number => Bun.file(`${temp.path}-wal`).size

  test('stays small, and what it grew to while another program read is given back', () => {
    write(20)
    expect(logBytes()).toBeLessThan(8 * MEGABYTE)
    const other = new Database(temp.path)
    other.run('BEGIN')
    other.query('SELECT * FROM settings').all()
    write(20)
    expect(logBytes()).toBeGreaterThan(15 * MEGABYTE)
    other.run('COMMIT')
    other.close()
    write(10)
    expect(logBytes()).toBeLessThan(9 * MEGABYTE)
  })
})

describe('transactions', () => {
  test('one that throws leaves nothing behind and does not count as a version', () => {
    const before = temp.store.version()
    const failing = () =>
      temp.store.transact((tx) => {
        insertEngine(tx, engine())
        takeLease(tx, lease(19_000), 1)
        throw new Error('broken off')
      })
    expect(failing).toThrow('broken off')
    expect(liveEngines(temp.store.db)).toEqual([])
    expect(leasesIn(temp.store.db)).toEqual([])
    expect(temp.store.version()).toBe(before)
  })

  test('the version grows and listeners hear after the commit', () => {
    const seen: number[] = []
    temp.store.onCommit(() => seen.push(liveEngines(temp.store.db).length))
    temp.store.transact((tx) => insertEngine(tx, engine()))
    expect(seen).toEqual([1])
    expect(temp.store.version()).toBe(1)
  })

  test('while one runs, another connection gets no write in between', () => {
    const other = new Database(temp.path)
    temp.store.transact((tx) => {
      insertEngine(tx, engine())
      expect(() => other.run("INSERT INTO settings VALUES ('a', 'b')")).toThrow('locked')
    })
    other.close()
  })
})

describe('leases', () => {
  beforeEach(() => {
    temp.store.transact((tx) => {
      insertEngine(tx, engine())
      insertEngine(tx, engine({ id: 'engine-2', name: 'acestream-2', containerId: 'd'.repeat(64) }))
      takeLease(tx, lease(19_000), 1)
    })
  })

  test('a port is held once in a scope', () => {
    expect(() => temp.store.transact((tx) => takeLease(tx, lease(19_000, 'engine-2'), 2))).toThrow('UNIQUE')
    temp.store.transact((tx) => {
      expect(tryLease(tx, lease(19_000, 'engine-2'), 2)).toBe(false)
      expect(tryLease(tx, { ...lease(19_000, 'engine-2'), scope: 'gluetun' }, 2)).toBe(true)
    })
  })

  test.each(['gone', 'failed'] as const)('go with an engine that is %s', (status) => {
    temp.store.transact((tx) => retire(tx, 'engine-1', ['ready'], status, {}))
    expect(leasesIn(temp.store.db)).toEqual([])
  })

  test('stay with an engine in any other status', () => {
    temp.store.transact((tx) => transition(tx, 'engine-1', ['ready'], 'draining'))
    expect(leasesIn(temp.store.db, 'host')).toEqual([lease(19_000)])
  })
})

describe('engines', () => {
  test('a transition from another status than expected changes nothing and says so', () => {
    temp.store.transact((tx) => {
      insertEngine(tx, engine({ status: 'draining' }))
      expect(transition(tx, 'engine-1', ['starting'], 'ready', { readyAt: 9 })).toBe(false)
    })
    expect(engineById(temp.store.db, 'engine-1')).toEqual(engine({ status: 'draining' }))
  })

  test('numbers are never given twice, also across a restart and above those seen', () => {
    const take = () => temp.store.transact((tx) => takeEngineNumber(tx))
    expect([take(), take()]).toEqual([1, 2])
    temp.reopen()
    expect(take()).toBe(3)
    temp.store.transact((tx) => skipEngineNumber(tx, 41))
    expect(take()).toBe(42)
    temp.store.transact((tx) => skipEngineNumber(tx, 7))
    expect(take()).toBe(43)
  })
})

describe('streams', () => {
  test('one open record per wire id, as many ended ones as there were', () => {
    temp.store.transact((tx) => {
      insertEngine(tx, engine())
      const first = insertStream(tx, stream())
      expect(() => insertStream(tx, stream())).toThrow('UNIQUE')
      expect(endStream(tx, first.rowId, 9, 'eof')).toBe(true)
      expect(endStream(tx, first.rowId, 10, 'eof')).toBe(false)
      insertStream(tx, stream({ startedAt: 20 }))
    })
    expect(streamsWhere(temp.store.db, {})).toHaveLength(2)
    expect(startedStream(temp.store.db, 'key|session')?.startedAt).toBe(20)
    expect(newestStream(temp.store.db, 'key|session')?.startedAt).toBe(20)
    expect(streamsWhere(temp.store.db, { status: 'ended' })[0]).toMatchObject({
      endedAt: 9,
      endReason: 'eof',
    })
  })
})

test('the newest streams of engines are found for all of them at once, of each since its time and so many', () => {
  const engineIds = ['engine-0', 'engine-1', 'engine-2']
  const started = fc.array(fc.record({ engineId: fc.constantFrom(...engineIds), startedAt: fc.nat(9) }))
  const asked = fc.uniqueArray(
    fc.record({ engineId: fc.constantFrom(...engineIds, 'none'), sinceMs: fc.nat(9) }),
    { selector: ({ engineId }) => engineId },
  )
  const { store } = temp
  store.transact((tx) => {
    for (const [index, id] of engineIds.entries())
      insertEngine(tx, engine({ id, name: id, containerId: String(index).repeat(64) }))
  })
  fc.assert(
    fc.property(started, asked, fc.integer({ min: 1, max: 4 }), (streams, wanted, limit) => {
      const rows = store.transact((tx) => {
        pruneStreams(tx, 0, 100)
        return streams.map(({ engineId, startedAt }, index) =>
          insertStream(
            tx,
            stream({ engineId, startedAt, streamId: `s${index}`, status: 'ended', endedAt: 5 }),
          ),
        )
      })
      const expected = wanted.flatMap(({ engineId, sinceMs }) =>
        rows
          .filter((row) => row.engineId === engineId && row.startedAt >= sinceMs)
          .toReversed()
          .slice(0, limit),
      )
      expect(streamsSince(store.db, wanted, limit)).toEqual(expected.toSorted((a, b) => b.rowId - a.rowId))
    }),
  )
})

describe('retention', () => {
  test('keeps the newest history and every living row', () => {
    temp.store.transact((tx) => {
      for (let i = 0; i < 6; i++) {
        const containerId = String(i).repeat(64)
        insertEngine(tx, engine({ id: `gone-${i}`, status: 'gone', containerId, endedAt: 100 + i }))
      }
      insertEngine(tx, engine({ createdAt: 1 }))
      for (let i = 0; i < 6; i++)
        insertStream(tx, stream({ engineId: null, status: 'ended', endedAt: 100 + i }))
      insertStream(tx, stream({ startedAt: 1 }))
      for (let i = 0; i < 6; i++) appendJournal(tx, 100 + i, { kind: 'engine.gone' })
      pruneEngines(tx, 4, 103)
      pruneStreams(tx, 4, 103)
      pruneJournal(tx, 4, 103)
    })
    expect(engineById(temp.store.db, 'gone-2')).toBeUndefined()
    expect(engineById(temp.store.db, 'gone-3')).toBeDefined()
    expect(liveEngines(temp.store.db)).toHaveLength(1)
    expect(streamsWhere(temp.store.db, { status: 'ended' }).map(({ endedAt }) => endedAt)).toEqual([
      103, 104, 105,
    ])
    expect(streamsWhere(temp.store.db, { status: 'started' })).toHaveLength(1)
    expect(newestJournal(temp.store.db, 10).map(({ at }) => at)).toEqual([105, 104, 103])
  })

  test('keeps the newest keys, and none that is too old', () => {
    const keys = (): string[] =>
      temp.store.db
        .select({ key: idempotencyKeys.key })
        .from(idempotencyKeys)
        .all()
        .map(({ key }) => key)
    temp.store.transact((tx) => {
      const { id: engineId } = insertedEngine(tx)
      for (let i = 0; i < 6; i++) bindKey(tx, { key: `k${i}`, requestHash: 'hash', engineId }, 100 + i)
      pruneKeys(tx, 4, 0)
    })
    expect(keys()).toEqual(['k2', 'k3', 'k4', 'k5'])
    temp.store.transact((tx) => pruneKeys(tx, 4, 104))
    expect(keys()).toEqual(['k4', 'k5'])
  })
})

function insertedEngine(tx: Db): Engine {
  const row = engine()
  insertEngine(tx, row)
  return row
}
