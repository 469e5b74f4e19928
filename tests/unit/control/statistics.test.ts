import { afterEach, describe, expect, test } from 'bun:test'
import { count, desc, eq } from 'drizzle-orm'
import { Statistics } from '../../../src/control/streams/statistics.ts'
import { insertEngine } from '../../../src/store/engines.ts'
import { samplesOf } from '../../../src/store/samples.ts'
import { streamStats, streams } from '../../../src/store/schema.ts'
import { insertStream } from '../../../src/store/streams.ts'
import { engine, figures, stream } from '../../support/builders.ts'
import { Rig } from '../../support/rig.ts'
import { tempStore } from '../../support/temp-store.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

interface StreamRow {
  readonly record: number
  readonly peers: number | null
  readonly speed_down: number | null
  readonly stats_at: string | null
  readonly stalled_since: string | null
  readonly livepos: object | null
}
interface SampleRow {
  readonly ts: string
  readonly downloaded: number | null
}

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

async function rigWith(env: Readonly<Record<string, string>> = {}): Promise<Rig> {
  const rig = await new Rig(env).start()
  cleanUps.push(() => rig.dispose())
  await rig.provision()
  await rig.play(19_000)
  return rig
}

const PATH = '/streams/key%7Csession'
const one = (rig: Rig) => rig.json<StreamRow>('GET', PATH)
const stats = (rig: Rig, query = '') => rig.json<SampleRow[]>('GET', `${PATH}/stats${query}`)

function fail(error: unknown): never {
  throw error
}

describe('the statistics of a stream', () => {
  test('are nothing before its engine said something, also when it said that it serves it', async () => {
    const rig = await rigWith()
    await rig.say(1, 'serves', null)
    await rig.clock.advance(60_000)
    expect(await stats(rig)).toEqual([])
    expect(await one(rig)).toMatchObject({ peers: null, speed_down: null, stats_at: null, livepos: null })
  })

  test('are written once a round, the newest of it, and shown in the books', async () => {
    const rig = await rigWith({ COLLECT_INTERVAL_S: '5' })
    const version = rig.temp.store.version()
    await rig.say(1, 'serves', { downloaded: 100, peers: 1 })
    await rig.clock.advance(1_000)
    const atMs = rig.clock.now()
    await rig.say(1, 'serves', {
      status: 'dl',
      peers: 12,
      speedDown: 830,
      speedUp: 40,
      downloaded: 1_000,
      uploaded: 50,
      livePos: 1_764_060_000,
      liveFirst: 1_764_059_000,
      liveLast: 1_764_060_030,
      bufferPieces: 15,
    })
    expect(await stats(rig)).toEqual([])
    await rig.clock.advance(5_000)
    const at = new Date(atMs).toISOString()
    const told = { peers: 12, speed_down: 830, speed_up: 40, downloaded: 1_000, uploaded: 50 }
    expect(await stats(rig)).toMatchObject([{ ts: at, status: 'dl', ...told }])
    const shown = { ...told, stats_at: at, stalled_since: null }
    const livepos = {
      pos: 1_764_060_000,
      live_first: 1_764_059_000,
      live_last: 1_764_060_030,
      buffer_pieces: 15,
    }
    expect(await one(rig)).toMatchObject({ ...shown, livepos })
    for (const query of ['', '?status=started', '?limit=1'])
      expect(await rig.json<StreamRow[]>('GET', `/streams${query}`)).toMatchObject([shown])
    const { container_id } = (await rig.json<{ container_id: string }[]>('GET', '/engines'))[0] ?? {}
    // The answer to acexy's own request is cached, but has the new figures.
    const asked = `/streams?container_id=${container_id}&status=started`
    expect(await rig.json<StreamRow[]>('GET', asked)).toMatchObject([shown])
    await rig.say(1, 'serves', { peers: 13 })
    await rig.clock.advance(5_000)
    expect(await rig.json<StreamRow[]>('GET', asked)).toMatchObject([{ peers: 13 }])
    // Figures do not change the state, so no decision is made again because of them.
    expect(rig.temp.store.version()).toBe(version)
  })

  test('outlive a restart and the stream, and what is not written yet is written at the stop', async () => {
    const rig = await rigWith()
    await rig.say(1, 'serves', { downloaded: 100 })
    await rig.clock.advance(6_000)
    await rig.say(1, 'serves', { downloaded: 200 })
    await rig.restart()
    const downloaded = async () => (await stats(rig)).map((sample) => sample.downloaded)
    expect(await downloaded()).toEqual([100, 200])
    await rig.say(1, 'serves', { downloaded: 300 })
    await rig.clock.advance(6_000)
    expect(await downloaded()).toEqual([100, 200, 300])
    await rig.json('POST', '/events/stream_ended', { stream_id: 'key|session', reason: 'eof' })
    expect(await downloaded()).toEqual([100, 200, 300])
    expect(await one(rig)).toMatchObject({ status: 'ended', downloaded: 300 })
  })

  test('are the newest STATS_HISTORY_MAX of it', async () => {
    const rig = await rigWith({ STATS_HISTORY_MAX: '3', COLLECT_INTERVAL_S: '1' })
    for (let turn = 1; turn <= 10; turn++) {
      await rig.say(1, 'serves', { downloaded: turn })
      await rig.clock.advance(1_000)
    }
    expect((await stats(rig)).map(({ downloaded }) => downloaded)).toEqual([8, 9, 10])
    // The numbers that continue after a restart stay within the same limit.
    await rig.restart()
    await rig.say(1, 'serves', { downloaded: 11 })
    await rig.clock.advance(1_000)
    expect((await stats(rig)).map(({ downloaded }) => downloaded)).toEqual([9, 10, 11])
  })

  test('are given from a time on, in every way to write it', async () => {
    const rig = await rigWith({ COLLECT_INTERVAL_S: '1' })
    for (let turn = 0; turn < 3; turn++) {
      await rig.say(1, 'serves', { downloaded: turn })
      await rig.clock.advance(1_000)
    }
    const [, second] = await stats(rig)
    const since = second?.ts ?? ''
    const atMs = Date.parse(since)
    const shifted = new Date(atMs + 7_200_000).toISOString().replace('Z', '')
    for (const text of [
      since,
      since.replace('Z', '+00:00'),
      since.replace('Z', ''),
      `${shifted}+02:00`,
      `${shifted}+0200`,
    ]) {
      const given = await stats(rig, `?since=${encodeURIComponent(text)}`)
      expect([text, given.map(({ downloaded }) => downloaded)]).toEqual([text, [1, 2]])
    }
    // A plus that was not written as %2B arrives as a space.
    expect(await stats(rig, `?since=${since.replace('Z', '+00:00')}`)).toHaveLength(2)
    expect(await stats(rig, `?since=${new Date(atMs + 60_000).toISOString()}`)).toEqual([])
    for (const wrong of ['yesterday', '', '2026-13-01T00:00:00Z']) {
      const refused = await rig.request('GET', `${PATH}/stats?since=${wrong}`)
      expect([wrong, refused.status]).toEqual([wrong, 422])
      expect(await refused.text()).toContain('since')
    }
    expect((await rig.request('GET', '/streams/none/stats')).status).toBe(404)
  })

  test('show a stall, and that it is over', async () => {
    const rig = await rigWith({ COLLECT_INTERVAL_S: '1' })
    await rig.say(1, 'serves', { downloaded: 1 })
    await rig.clock.advance(1_000)
    const movedMs = rig.clock.now()
    await rig.say(1, 'serves', { downloaded: 2 })
    await rig.clock.advance(14_000)
    await rig.say(1, 'serves', { downloaded: 2 })
    await rig.clock.advance(1_000)
    expect((await one(rig)).stalled_since).toBeNull()
    await rig.say(1, 'serves', { downloaded: 2 })
    await rig.clock.advance(1_000)
    expect(await one(rig)).toMatchObject({
      status: 'started',
      stalled_since: new Date(movedMs).toISOString(),
    })
    await rig.say(1, 'serves', { downloaded: 3 })
    await rig.clock.advance(1_000)
    expect((await one(rig)).stalled_since).toBeNull()
  })

  test('that another start of the engine told are none', async () => {
    const rig = await rigWith()
    const [target] = rig.health.targets
    rig.health.tellSessions({
      engineId: target?.engineId ?? '',
      generation: (target?.generation ?? 0) - 1,
      streamRowId: 1,
      state: 'serves',
      figures: figures({ downloaded: 5 }),
      atMs: rig.clock.now(),
    })
    await rig.clock.advance(60_000)
    expect(await stats(rig)).toEqual([])
  })
})

describe('a round', () => {
  /** Two hundred streams of one engine, with a count of the transactions that write their statistics. */
  function collector(total = 1_000_000) {
    const temp = tempStore()
    cleanUps.push(() => temp.dispose())
    const { store } = temp
    const clock = new VirtualClock()
    const rows = store.transact((tx) => {
      insertEngine(tx, engine())
      return Array.from(
        { length: 200 },
        (_, index) => insertStream(tx, stream({ streamId: `s${index}` })).rowId,
      )
    })
    const rounds = { count: 0 }
    const counted = {
      record: (work: Parameters<typeof store.record>[0]) => {
        rounds.count++
        store.record(work)
      },
    }
    const limits = { perStream: 100, total }
    const statistics = new Statistics({ store: counted, clock, intervalMs: 1_000, limits, onError: fail })
    statistics.start()
    cleanUps.unshift(() => statistics.stop())
    return { store, clock, rows, rounds, statistics }
  }

  test('is one transaction for all streams, and none where nothing was told', async () => {
    const { store, clock, rows, rounds, statistics } = collector()
    let news = 0
    statistics.onNews(() => news++)
    for (const row of rows) statistics.note(row, figures({ downloaded: row }), clock.now())
    await clock.advance(1_000)
    await settled()
    expect([rounds.count, news]).toEqual([1, 1])
    await clock.advance(5_000)
    expect([rounds.count, news]).toEqual([1, 1])
    for (const row of rows)
      expect(samplesOf(store.db, row, 0, 10)).toMatchObject([{ downloaded: row, seq: 1 }])
  })

  test('leaves out streams that have left the books, and loses no other', async () => {
    const { store, clock, rows, statistics } = collector()
    const [gone = 0, kept = 0] = rows
    store.transact((tx) => {
      tx.delete(streams).where(eq(streams.rowId, gone)).run()
    })
    for (const row of [gone, kept]) statistics.note(row, figures({ downloaded: 1 }), clock.now())
    await clock.advance(1_000)
    expect(samplesOf(store.db, gone, 0, 10)).toEqual([])
    expect(samplesOf(store.db, kept, 0, 10)).toHaveLength(1)
  })

  test('keeps all streams together within their number, and drops the oldest', async () => {
    const { store, clock, rows, statistics } = collector(500)
    for (let round = 0; round < 5; round++) {
      for (const row of rows) statistics.note(row, figures({ downloaded: round }), clock.now())
      await clock.advance(1_000)
    }
    const counts = store.db
      .select({ n: count(), downloaded: streamStats.downloaded })
      .from(streamStats)
      .groupBy(streamStats.downloaded)
      .orderBy(desc(streamStats.downloaded))
      .all()
    expect(counts.reduce((sum, { n }) => sum + n, 0)).toBeLessThanOrEqual(500)
    expect(counts.slice(0, 2)).toEqual([
      { n: 200, downloaded: 4 },
      { n: 200, downloaded: 3 },
    ])
  })
})
