import { Database } from 'bun:sqlite'
import { afterEach, expect, test } from 'bun:test'
import { FleetRows } from '../../../src/control/engines/fleet-rows.ts'
import { insertEngine, retire } from '../../../src/store/engines.ts'
import { endStream, insertStream } from '../../../src/store/streams.ts'
import { engine, stream } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'

let temp: TempStore
afterEach(() => temp.dispose())

test('the rows are read once for each version of the store, and say what was committed last', () => {
  temp = tempStore()
  const { store } = temp
  const rows = new FleetRows(store)
  expect(rows.read()).toMatchObject({ engines: [], started: new Map() })
  const { rowId } = store.transact((tx) => {
    insertEngine(tx, engine())
    return insertStream(tx, stream())
  })
  const read = rows.read()
  expect(read.engines).toEqual([engine()])
  expect(read.started.get('engine-1')).toMatchObject([{ rowId, status: 'started' }])
  expect(rows.read()).toBe(read)
  // Streams without an engine affect no decision, and there may be many.
  store.transact((tx) =>
    insertStream(tx, { ...stream(), streamId: 'other', engineId: null, containerId: null }),
  )
  expect([...rows.read().started.keys()]).toEqual(['engine-1'])
  const reread = rows.read()
  // Data written with `record` does not change the version of the state.
  store.record(() => undefined)
  expect(rows.read()).toBe(reread)
  store.transact((tx) => endStream(tx, rowId, 5, 'eof'))
  expect(rows.read().started.get('engine-1')).toBeUndefined()
  store.transact((tx) => retire(tx, 'engine-1', ['ready'], 'gone', {}))
  expect(rows.read().engines).toEqual([])
})

test('a started stream is read once, and another database is read anew', () => {
  temp = tempStore()
  const { store } = temp
  store.transact((tx) => {
    insertEngine(tx, engine())
    for (const streamId of ['one', 'two', 'three']) insertStream(tx, { ...stream(), streamId })
  })
  const rows = new FleetRows(store)
  const [one, two, three] = rows.read().started.get('engine-1') ?? []
  const four = store.transact((tx) => {
    endStream(tx, two?.rowId ?? 0, 5, 'eof')
    return insertStream(tx, { ...stream(), streamId: 'four' })
  })
  const after = rows.read().started.get('engine-1') ?? []
  expect(after).toEqual([one, three, four].flatMap((each) => each ?? []))
  expect(after[0]).toBe(one)
  expect(after[1]).toBe(three)
  const holder = new Database(temp.path)
  holder.run('BEGIN IMMEDIATE')
  store.transactOrKeep((tx) => endStream(tx, three?.rowId ?? 0, 6, 'eof'), 1)
  const inOutage = rows.read().started.get('engine-1') ?? []
  holder.close()
  expect(inOutage).toEqual([one, four].flatMap((each) => each ?? []))
  expect(inOutage[0]).not.toBe(one)
})
