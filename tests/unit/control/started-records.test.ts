import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { FleetRows } from '../../../src/control/engines/fleet-rows.ts'
import { SessionFacts } from '../../../src/control/facts/session-facts.ts'
import { Statistics } from '../../../src/control/streams/statistics.ts'
import { StartedRecords } from '../../../src/control/views/started-records.ts'
import { insertEngine } from '../../../src/store/engines.ts'
import type { Store } from '../../../src/store/store.ts'
import { endStream, insertStream } from '../../../src/store/streams.ts'
import { engine, figures, stream } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

let temp: TempStore
let site: ReturnType<typeof siteOn>
beforeEach(() => {
  temp = tempStore()
  site = siteOn(temp.store)
})
afterEach(async () => {
  await site.statistics.stop()
  temp.dispose()
})

const OTHER = 'd'.repeat(64)
const onError = (error: unknown): never => {
  throw error
}

/** Three started streams, the last of them on another engine, and the cache of their records. */
function siteOn(store: Store) {
  const clock = new VirtualClock()
  const limits = { perStream: 9, total: 99 }
  const statistics = new Statistics({ store, clock, intervalMs: 1_000, limits, onError })
  statistics.start()
  const sessions = new SessionFacts(onError)
  const rows = store.transact((tx) => {
    insertEngine(tx, engine())
    insertEngine(tx, engine({ id: 'engine-2', name: 'acestream-2', containerId: OTHER }))
    const other = { engineId: 'engine-2', containerId: OTHER }
    return [
      insertStream(tx, stream({ streamId: 'one' })),
      insertStream(tx, stream({ streamId: 'two' })),
      insertStream(tx, stream({ streamId: 'three', ...other })),
    ] as const
  })
  const started = () => new StartedRecords({ store, clock, rows: new FleetRows(store), sessions, statistics })
  return { clock, statistics, sessions, rows, started, records: started() }
}

/** Reads the cached records, which must equal freshly rendered ones. */
function read() {
  const records = site.records.read()
  expect(records.map(({ json }) => json)).toEqual(
    site
      .started()
      .read()
      .map(({ json }) => json),
  )
  return records
}

const collect = async (rowId: number, downloaded: number): Promise<void> => {
  site.statistics.note(rowId, figures({ downloaded }), site.clock.now())
  await site.clock.advance(1_000)
  await settled()
}

test('a commit renders what is new, and no other record', async () => {
  const before = read()
  expect(site.records.read()).toBe(before)
  const [one, two] = site.rows
  temp.store.transact((tx) => {
    endStream(tx, two.rowId, 9, 'eof')
    insertStream(tx, stream({ streamId: 'four' }))
  })
  const after = read()
  expect(after).toHaveLength(3)
  expect(after[0]).toBe(before[0])
  expect(after[2]).toBe(before[2])
  const listOf = (containerId: string | null) =>
    site.records
      .listOf(containerId ?? '')
      .json()
      .json()
  expect(await listOf(one.containerId)).toMatchObject([{ id: 'one' }, { id: 'four' }])
  expect(await listOf(OTHER)).toMatchObject([{ id: 'three' }])
  expect(await listOf('none')).toEqual([])
})

test('all answers share the bytes of a list until one of its records changes', async () => {
  const [one, two] = site.rows
  const listOf = (containerId: string | null) => site.records.listOf(containerId ?? '').json()
  const before = listOf(one.containerId)
  temp.store.transact(() => undefined)
  expect(listOf(one.containerId)).toBe(before)
  await collect(two.rowId, 2)
  expect(listOf(two.containerId)).not.toBe(before)
})

test('a new sample is shown in its record, and costs no other', async () => {
  const [one, two] = site.rows
  await collect(one.rowId, 1)
  await collect(two.rowId, 2)
  const before = read()
  await collect(two.rowId, 3)
  const after = read()
  expect(after[0]).toBe(before[0])
  expect(JSON.parse(after[1]?.json ?? '')).toMatchObject({ id: 'two', downloaded: 3 })
  expect(after[2]).toBe(before[2])
})

test('a stall is shown with the next version, and its end', () => {
  const [{ rowId: streamRowId }] = site.rows
  const says = (downloaded: number, atMs: number): void => {
    const told = { state: 'serves', figures: figures({ downloaded }), atMs } as const
    site.sessions.note([{ engineId: 'engine-1', generation: 1, streamRowId, ...told }])
  }
  const shown = () => {
    temp.store.transact(() => undefined)
    return JSON.parse(read()[0]?.json ?? '')
  }
  says(5, 1_000)
  expect(shown()).toMatchObject({ stalled_since: null })
  says(5, 20_000)
  expect(shown()).toMatchObject({ stalled_since: new Date(1_000).toISOString() })
  says(6, 21_000)
  expect(shown()).toMatchObject({ stalled_since: null })
})

test('an outage of the storage shows what its copy has', async () => {
  const [one, two] = site.rows
  await collect(one.rowId, 1)
  read()
  const holder = new Database(temp.path)
  holder.run('BEGIN IMMEDIATE')
  temp.store.transactOrKeep((tx) => endStream(tx, two.rowId, 9, 'eof'))
  const records = read()
  holder.close()
  expect(records.map(({ json }) => JSON.parse(json))).toMatchObject([
    { id: 'one', downloaded: 1 },
    { id: 'three', downloaded: null },
  ])
})
