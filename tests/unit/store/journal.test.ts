import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/bun-sqlite'
import { insertEngine } from '../../../src/store/engines.ts'
import {
  appendJournal,
  JOURNAL_KINDS,
  journalAfter,
  lastJournalId,
  pruneJournal,
} from '../../../src/store/journal.ts'
import { engineIdsOf, type JournalFilter, journalWhere } from '../../../src/store/journal-pages.ts'
import * as schema from '../../../src/store/schema.ts'
import { engine } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'

let temp: TempStore
beforeEach(() => {
  temp = tempStore()
})
afterEach(() => temp.dispose())

/** 120 entries, one per second from 1 s on, with three kinds, four engines and five streams in turn. */
const KINDS = ['stream.started', 'stream.ended', 'engine.ready'] as const
function fill(count = 120): void {
  temp.store.transact((tx) => {
    for (let n = 1; n <= count; n++)
      appendJournal(tx, n * 1_000, {
        kind: KINDS[n % 3] ?? 'engine.ready',
        engineId: n % 4 === 0 ? null : `engine-${n % 4}`,
        streamId: `stream-${n % 5}`,
        detail: { n },
      })
  })
}

/** The filter's conditions, implemented simply. */
const isWanted = ({ kinds, engineIds, streamId, sinceMs = 0, beforeId = 1_000 }: JournalFilter, n: number) =>
  (kinds === undefined || kinds.includes(KINDS[n % 3] ?? '')) &&
  (engineIds === undefined || (n % 4 !== 0 && engineIds.includes(`engine-${n % 4}`))) &&
  (streamId === undefined || streamId === `stream-${n % 5}`) &&
  n * 1_000 >= sinceMs &&
  n < beforeId

const FILTERS: JournalFilter[] = [
  {},
  { kinds: ['stream.started'] },
  { kinds: ['stream.started', 'stream.ended'] },
  { kinds: ['vpn.up'] },
  { engineIds: ['engine-1'] },
  { engineIds: ['engine-1', 'engine-2'] },
  { streamId: 'stream-3' },
  { kinds: ['engine.ready', 'stream.ended'], engineIds: ['engine-1', 'engine-3'] },
  { kinds: ['engine.ready'], engineIds: ['engine-2'], streamId: 'stream-3' },
].flatMap((filter) => [filter, { ...filter, sinceMs: 40_000 }, { ...filter, beforeId: 70, sinceMs: 20_500 }])

/** How SQLite describes the walk of a filter. */
function walkOf({ streamId, engineIds, kinds }: JournalFilter): string {
  if (streamId !== undefined) return 'INDEX journal_stream (stream_id=? AND id>'
  if (engineIds !== undefined) return 'INDEX journal_engine (engine_id=? AND id>'
  return kinds === undefined ? 'INTEGER PRIMARY KEY (rowid>' : 'INDEX journal_kind (kind=? AND id>'
}

describe('the entries of a filter', () => {
  test.each(FILTERS)('%j are all that match, newest first, and no more than asked for', (filter) => {
    fill()
    const all = Array.from({ length: 120 }, (_, at) => 120 - at).filter((n) => isWanted(filter, n))
    const ids = (limit: number) => journalWhere(temp.store.db, filter, limit).map(({ id }) => id)
    expect(ids(1_000)).toEqual(all)
    expect(ids(7)).toEqual(all.slice(0, 7))
  })

  test('since a time are found though the clock was set back', () => {
    temp.store.transact((tx) => {
      for (const at of [5_000, 6_000, 2_000, 3_000]) appendJournal(tx, at, { kind: 'vpn.up' })
    })
    const ats = journalWhere(temp.store.db, { sinceMs: 3_000 }, 10).map(({ at }) => at)
    expect(ats).toEqual([3_000, 6_000, 5_000])
    expect(journalWhere(temp.store.db, { sinceMs: 7_000 }, 10)).toEqual([])
  })

  test.each(FILTERS)('%j are found by an index, without a sort', (filter) => {
    fill()
    const client = new Database(temp.path, { readonly: true })
    const asked: { readonly query: string; readonly params: unknown[] }[] = []
    const logger = { logQuery: (query: string, params: unknown[]) => asked.push({ query, params }) }
    journalWhere(drizzle({ client, schema, casing: 'snake_case', logger }), filter, 10)
    const steps = asked.flatMap(({ query, params }) =>
      client
        .query<{ detail: string }, (string | number)[]>(`EXPLAIN QUERY PLAN ${query}`)
        .all(...params.map((param) => (typeof param === 'number' ? param : String(param))))
        .map(({ detail }) => detail),
    )
    client.close()
    // In the end, the entries of the page are read by id.
    const isFetch = (step: string) => /engines|json_each|LIST SUBQUERY|PRIMARY KEY \(rowid=/.test(step)
    const searches = steps.filter((step) => !isFetch(step))
    const isFloor = (step: string) => step.includes('COVERING INDEX journal_at (at>?)')
    expect(searches.filter(isFloor)).toHaveLength(filter.sinceMs === undefined ? 0 : 1)
    for (const step of searches) expect(isFloor(step) || step.includes(walkOf(filter)) ? '' : step).toBe('')
    expect(searches.join()).not.toMatch(/SCAN|TEMP B-TREE/)
  })
})

describe('an entry', () => {
  test('has what its engine is known by, as long as that is known', () => {
    temp.store.transact((tx) => {
      insertEngine(tx, engine({ id: 'one', containerId: 'c1', name: 'acestream-1' }))
      appendJournal(tx, 1_000, { kind: 'engine.ready', engineId: 'one' })
      appendJournal(tx, 2_000, { kind: 'engine.gone', engineId: 'forgotten', detail: { reason: 'x' } })
    })
    const nothing = { containerId: null, containerName: null, streamId: null }
    expect(journalAfter(temp.store.db, 0, 10)).toEqual([
      {
        ...nothing,
        id: 1,
        at: 1_000,
        kind: 'engine.ready',
        engineId: 'one',
        containerId: 'c1',
        containerName: 'acestream-1',
        detail: {},
      },
      { ...nothing, id: 2, at: 2_000, kind: 'engine.gone', engineId: 'forgotten', detail: { reason: 'x' } },
    ])
    expect(journalAfter(temp.store.db, 1, 10).map(({ id }) => id)).toEqual([2])
    expect(journalAfter(temp.store.db, 0, 1).map(({ id }) => id)).toEqual([1])
  })

  test('is of an engine by its id, its container, a part of that, or its name', () => {
    const containerId = `${'0123456789ab'}${'c'.repeat(52)}`
    temp.store.transact((tx) => insertEngine(tx, engine({ id: 'one', containerId, name: 'acestream-1' })))
    for (const word of [containerId, '0123456789ab', 'acestream-1'])
      expect(engineIdsOf(temp.store.db, word)).toEqual([word, 'one'])
    for (const word of ['one', '0123456789', 'acestream-', '%'])
      expect(engineIdsOf(temp.store.db, word)).toEqual([word])
    const service = 'vyqu0zbsi37tsw6m3ixrnfqhf'
    temp.store.transact((tx) => insertEngine(tx, engine({ id: 'two', containerId: service })))
    expect(engineIdsOf(temp.store.db, service.slice(0, 12))).toEqual([service.slice(0, 12), 'two'])
  })
})

test('the newest id is known though its entry is not kept any more', () => {
  expect(lastJournalId(temp.store.db)).toBe(0)
  fill(3)
  temp.store.transact((tx) => pruneJournal(tx, 10, 10_000))
  expect(journalAfter(temp.store.db, 0, 10)).toEqual([])
  expect(lastJournalId(temp.store.db)).toBe(3)
})

test('kinds are named once', () => {
  expect(new Set(JOURNAL_KINDS).size).toBe(JOURNAL_KINDS.length)
})
