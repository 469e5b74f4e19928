import { afterEach, beforeEach, expect, test } from 'bun:test'
import { FleetRows } from '../../../src/control/engines/fleet-rows.ts'
import { ExpectedStreams } from '../../../src/control/facts/expected-streams.ts'
import type { EngineView } from '../../../src/control/views/engine-json.ts'
import { ViewedEngines } from '../../../src/control/views/viewed-engines.ts'
import { EXPECTED_MS } from '../../../src/core/proxies/expected.ts'
import { insertEngine, liveEngines } from '../../../src/store/engines.ts'
import { insertStream } from '../../../src/store/streams.ts'
import { engine, stream } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

let temp: TempStore
let site: ReturnType<typeof siteWithTwo>
beforeEach(() => {
  temp = tempStore()
  site = siteWithTwo()
})
afterEach(() => temp.dispose())

/** Two engines, of which the names are told that were viewed since the last question. */
function siteWithTwo() {
  const { store } = temp
  const clock = new VirtualClock()
  const expected = new ExpectedStreams(clock, (error) => {
    throw error
  })
  store.transact((tx) => {
    insertEngine(tx, engine({ id: 'one', name: 'one', containerId: '1'.repeat(64) }))
    insertEngine(tx, engine({ id: 'two', name: 'two', containerId: '2'.repeat(64) }))
  })
  const facts = { version: 0 }
  const viewed: string[] = []
  const engines = new ViewedEngines({
    ...{ store, rows: new FleetRows(store) },
    listings: { factsVersion: () => facts.version, expectedOn: (each) => expected.of(each) },
    view: ({ name }, started) => {
      viewed.push(name)
      return {
        container_name: name,
        forwarded: true,
        streams: started.map(({ streamId }) => streamId),
      } as EngineView
    },
  })
  const chosen = (id: string): void => {
    const found = liveEngines(store.db).find((each) => each.id === id)
    if (found !== undefined) expected.chosen(found)
  }
  const viewedNow = (): readonly string[] => {
    engines.read()
    return viewed.splice(0)
  }
  return { clock, engines, facts, chosen, viewedNow }
}

test('a choice views the engine that was chosen again, and no other; so does its end', async () => {
  expect(site.viewedNow()).toEqual(['one', 'two'])
  expect(site.viewedNow()).toEqual([])
  site.chosen('two')
  expect(site.viewedNow()).toEqual(['two'])
  expect(site.engines.read().map(({ expected }) => expected?.streams ?? 0)).toEqual([0, 1])
  await site.clock.advance(1)
  site.chosen('two')
  expect(site.viewedNow()).toEqual(['two'])
  await site.clock.advance(EXPECTED_MS)
  expect(site.viewedNow()).toEqual(['two'])
  expect(site.engines.read().map(({ expected }) => expected)).toEqual([null, null])
})

test('a fact and a commit view all again', () => {
  site.viewedNow()
  site.facts.version++
  expect(site.viewedNow()).toEqual(['one', 'two'])
  temp.store.transact((tx) => insertStream(tx, stream({ streamId: 's', engineId: 'two' })))
  expect(site.viewedNow()).toEqual(['one', 'two'])
  expect(site.engines.read().map(({ view }) => view.streams)).toEqual([[], ['s']])
})

test('what proxies are shown otherwise is rendered once for the same values', () => {
  const [one] = site.engines.read()
  const shown = one?.shownAs({ isForwarded: false, usedMs: 5 }) ?? ''
  expect(JSON.parse(shown)).toMatchObject({
    container_name: 'one',
    forwarded: false,
    last_stream_usage: '1970-01-01T00:00:00.005Z',
  })
  expect(JSON.parse(one?.shownAs({ isForwarded: false, usedMs: 6 }) ?? '')).toMatchObject({
    last_stream_usage: '1970-01-01T00:00:00.006Z',
  })
  expect(JSON.parse(one?.json ?? '')).not.toHaveProperty('last_stream_usage')
})
