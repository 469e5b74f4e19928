import { afterEach, beforeEach, expect, test } from 'bun:test'
import { Addresses } from '../../../src/control/engines/addresses.ts'
import type { Caller } from '../../../src/control/reporting/caller.ts'
import { StreamBooks } from '../../../src/control/streams/stream-books.ts'
import { StreamStops } from '../../../src/control/streams/stream-stops.ts'
import type { Engine } from '../../../src/core/types.ts'
import { CommitGroup } from '../../../src/store/commit-group.ts'
import { insertEngine } from '../../../src/store/engines.ts'
import type { Db } from '../../../src/store/store.ts'
import { insertStream } from '../../../src/store/streams.ts'
import { engine, stream } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

let temp: TempStore
beforeEach(() => {
  temp = tempStore()
})
afterEach(() => temp.dispose())

/** Stops the stream of an engine with a container in this state. Returns the answer and the requested paths. */
async function stopOf(state: Engine['containerState']) {
  const { store } = temp
  const settings = {
    advertise: 'auto',
    advertiseHost: 'localhost',
    dockerHost: '127.0.0.1',
    publishAddress: '',
  } as const
  const addresses = new Addresses(settings, () => [])
  const playback = { failed: () => {}, ended: () => {} }
  const clock = new VirtualClock()
  const expected = { reported: () => {} }
  const reach = { began: () => {}, failed: () => {} }
  const commits = new CommitGroup(store, clock)
  const story = { noting: <R>(_: Caller, work: (tx: Db) => R) => work }
  const books = new StreamBooks({
    ...{ store, commits, story, clock, addresses, playback, expected, reach, perEngineMax: 9 },
  })
  const asked: string[] = []
  const stopSession = (_: unknown, path: string) => {
    asked.push(path)
    return Promise.resolve('stopped' as const)
  }
  store.transact((tx) => {
    insertEngine(tx, engine({ containerState: state }))
    insertStream(tx, stream())
  })
  const answer = await new StreamStops({ store, books, addresses, stopSession }).stop('key|session')
  return { asked, updated: answer.updated, session: answer.session, status: answer.stream.status }
}

test('an engine that runs is asked to stop the session, and the stream ends', async () => {
  expect(await stopOf('running')).toEqual({
    asked: ['/ace/cmd/a/session'],
    updated: true,
    session: 'stopped',
    status: 'ended',
  })
})

test('an engine that does not run is asked nothing, and the stream ends', async () => {
  expect(await stopOf('exited')).toEqual({ asked: [], updated: true, session: 'none', status: 'ended' })
})
