import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { Addresses } from '../../../src/control/engines/addresses.ts'
import { type HistoryLimits, Retention } from '../../../src/control/housekeeping/retention.ts'
import { StreamBooks } from '../../../src/control/streams/stream-books.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { CommitGroup } from '../../../src/store/commit-group.ts'
import { insertEngine } from '../../../src/store/engines.ts'
import { bindKey } from '../../../src/store/idempotency.ts'
import { appendJournal, countJournal, newestJournal } from '../../../src/store/journal.ts'
import { PRUNE_BATCH, SAMPLES_BATCH } from '../../../src/store/prune.ts'
import { addSamples } from '../../../src/store/samples.ts'
import {
  countStreams,
  insertStream,
  newestStream,
  startedStream,
  streamsWhere,
} from '../../../src/store/streams.ts'
import { engine, figures, stream } from '../../support/builders.ts'
import { Rig } from '../../support/rig.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'

let temp: TempStore
let stop: () => void
beforeEach(() => {
  temp = tempStore()
  stop = () => {}
})
afterEach(() => {
  stop()
  temp.dispose()
})

const bound = { rows: 1_000, days: 30 }
const LIMITS: HistoryLimits = {
  ...{ engines: bound, streams: bound, journal: bound, idempotencyKeys: bound },
  bytes: 120_000_000,
}
const nowMs = Date.now()

// The tests write thousands of rows, on a disk that others use, too.
setDefaultTimeout(30_000)

function housekeeping(limits = LIMITS): Retention {
  const { store } = temp
  const retention = new Retention({
    ...{ store, clock: systemClock, limits },
    books: { endForgotten: () => false, endOversized: () => false },
    ends: { catchUp: () => {} },
    onError: (error) => {
      throw error
    },
  })
  retention.start()
  stop = () => retention.stop()
  return retention
}

/** Resolves when the condition is true, and throws after ten seconds. `onTurn` runs in a task between those of others. */
async function until(isSo: () => boolean, onTurn: () => void = () => {}): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error('it did not become so')
    await new Promise((resolve) => setImmediate(resolve))
    onTurn()
  }
}

const rows = (table: string): number => temp.store.db.get<[number]>(`SELECT count(*) FROM ${table}`)[0]

describe('the history in a file', () => {
  test('is within its bounds after one sweep, however much there is, and the thread is free between its steps', async () => {
    const surplus = 1_500
    temp.store.transact((tx) => {
      insertEngine(tx, engine())
      for (let n = 0; n < LIMITS.journal.rows + surplus; n++) {
        appendJournal(tx, nowMs, { kind: 'stream.failed', detail: { key: 'x'.repeat(1_000) } })
        insertStream(tx, stream({ status: 'ended', endedAt: nowMs, engineId: null }))
        bindKey(tx, { key: `key${n}`, requestHash: 'hash', engineId: 'engine-1' }, nowMs)
        insertEngine(
          tx,
          engine({ id: `gone${n}`, status: 'gone', endedAt: nowMs, containerId: null, name: `${n}` }),
        )
      }
      insertStream(tx, stream())
    })
    housekeeping().run()
    const counts = [countJournal(temp.store.db)]
    await until(
      () => rows('engines') <= LIMITS.engines.rows + 1,
      () => counts.push(countJournal(temp.store.db)),
    )
    const steps = counts.slice(1).map((count, index) => (counts[index] ?? 0) - count)
    expect(Math.max(...steps)).toBe(PRUNE_BATCH)
    expect(countJournal(temp.store.db)).toBe(LIMITS.journal.rows)
    expect(countStreams(temp.store.db)).toBe(LIMITS.streams.rows + 1)
    expect(streamsWhere(temp.store.db, { status: 'started' })).toHaveLength(1)
    expect(rows('idempotency_keys')).toBe(LIMITS.idempotencyKeys.rows)
  })

  test('that is too old goes in steps, too', async () => {
    const old = nowMs - 31 * 86_400_000
    temp.store.transact((tx) => {
      for (let n = 0; n < LIMITS.journal.rows - 1; n++) {
        appendJournal(tx, old, { kind: 'stream.failed' })
        insertStream(tx, stream({ status: 'ended', endedAt: old, engineId: null }))
      }
    })
    housekeeping().run()
    expect(countJournal(temp.store.db)).toBe(LIMITS.journal.rows - 1 - PRUNE_BATCH)
    expect(countStreams(temp.store.db)).toBe(LIMITS.journal.rows - 1 - PRUNE_BATCH)
    await until(() => countJournal(temp.store.db) + countStreams(temp.store.db) === 0)
  })

  test('keeps up with writes that never rest', async () => {
    housekeeping().run()
    const next = requests()
    let most = 0
    for (let n = 0; n < 1_500; n++) {
      temp.store.transact((tx) => {
        for (let entry = 0; entry < 4; entry++) appendJournal(tx, nowMs, { kind: 'stream.failed' })
        insertStream(tx, stream({ status: 'ended', endedAt: nowMs, engineId: null }))
      })
      most = Math.max(most, countJournal(temp.store.db))
      await next()
    }
    // Of the 6,000 written entries, only those written between two sweeps and during a sweep may be beyond the bound.
    expect(most).toBeLessThan(LIMITS.journal.rows + 2_000)
    await until(() => countJournal(temp.store.db) < LIMITS.journal.rows + 1_000)
    expect(countStreams(temp.store.db)).toBeLessThan(LIMITS.streams.rows + 250)
  })

  test('of a stream with very many samples goes after them, a batch at a time', async () => {
    const samples = 3 * SAMPLES_BATCH
    temp.store.transact((tx) => {
      insertEngine(tx, engine())
      const { rowId } = insertStream(tx, stream())
      const seqs = new Map<number, number>()
      const limits = { perStream: samples, total: samples }
      const one = { ...figures(), streamRowId: rowId, at: nowMs }
      addSamples(tx, Array(samples).fill(one), seqs, limits)
      for (let n = 0; n <= LIMITS.streams.rows; n++)
        insertStream(tx, stream({ status: 'ended', endedAt: nowMs, engineId: null }))
    })
    temp.store.db.run("UPDATE streams SET status = 'ended', ended_at = 1 WHERE status = 'started'")
    housekeeping().run()
    expect(rows('stream_stats')).toBe(samples - SAMPLES_BATCH)
    await until(() => countStreams(temp.store.db) === LIMITS.streams.rows)
    expect(rows('stream_stats')).toBe(0)
  })
})

/** The most requests a second that HTTP could bring: on a fast disk a loop alone writes several times as much. */
const REQUESTS_PER_SECOND = 1_000

/** Each call resolves when the next request may come, in a task of its own as requests come. */
function requests(): () => Promise<void> {
  const startedMs = performance.now()
  let count = 0
  return async () => {
    count++
    do await new Promise((resolve) => setImmediate(resolve))
    while (performance.now() - startedMs < (count * 1_000) / REQUESTS_PER_SECOND)
  }
}

describe('the bytes of the database', () => {
  const BYTES = 25_000_000
  /** What 250 commits write at most before a sweep begins, about 40 kB each, and what is written during the sweep. */
  const BETWEEN_BYTES = 14_000_000
  /** 1,000 pages, and the commit that fills them. */
  const LOG_BYTES = 5_000_000

  const bytesOf = (file: string): number => (existsSync(file) ? Bun.file(file).size : 0)
  /** The longest accepted text, of characters with three bytes each. */
  const longest = (length: number, beginning = ''): string => beginning.padEnd(length, '語')

  const CALLER = { requestId: 'r', address: null, agent: '', isForwarded: false }

  /** Reports a start with the longest texts that a proxy may send. */
  function reportLongest(books: StreamBooks, streamId: string): Promise<unknown> {
    const event = {
      ...{ streamId, keyType: 'url', key: longest(2_048), playbackSessionId: longest(255) },
      ...{ statUrl: longest(2_048), commandUrl: longest(2_048), isLive: true },
      ...{ host: longest(255), port: 6_878, containerId: longest(255) },
    }
    return books.start(event, CALLER)
  }

  test('and of its log are bounded whatever is reported: the oldest of what has been goes, never what is live or new', async () => {
    const { store } = temp
    const addresses = new Addresses(
      { advertise: 'auto', advertiseHost: '127.0.0.1', dockerHost: '127.0.0.1', publishAddress: '' },
      () => [],
    )
    const playback = { failed: () => {}, ended: () => {} }
    const books = new StreamBooks({
      ...{ store, clock: systemClock, addresses, playback, perEngineMax: 128 },
      commits: new CommitGroup(store, systemClock),
      story: { noting: (_, work) => work },
      expected: { reported: () => {} },
      reach: { began: () => {}, failed: () => {} },
    })
    const ids = Array.from({ length: 1_000 }, () => longest(2_304, crypto.randomUUID()))
    store.transact((tx) => {
      insertEngine(tx, engine())
      insertStream(tx, stream({ streamId: 'watched', startedAt: 1 }))
      appendJournal(tx, 1, { kind: 'stream.started', streamId: 'watched' })
    })
    housekeeping({ ...LIMITS, bytes: BYTES }).run()
    const next = requests()
    let [mostFile, mostLog] = [0, 0]
    for (const [at, id] of ids.entries()) {
      await reportLongest(books, id)
      if (at % 4 !== 0) await books.end(id, longest(255), CALLER)
      mostFile = Math.max(mostFile, bytesOf(temp.path))
      mostLog = Math.max(mostLog, bytesOf(`${temp.path}-wal`))
      await next()
    }
    expect(mostFile).toBeLessThan(BYTES + BETWEEN_BYTES)
    expect(mostLog).toBeLessThan(LOG_BYTES)
    expect(startedStream(store.db, 'watched')).toBeDefined()
    // Every fourth stream was not ended.
    expect(streamsWhere(store.db, { status: 'started' })).toHaveLength(251)
    const [lastId = ''] = ids.slice(-1)
    expect(newestJournal(store.db, 2).map(({ kind, streamId }) => [kind, streamId])).toEqual([
      ['stream.ended', lastId],
      ['stream.started', lastId],
    ])
    expect(newestStream(store.db, lastId)).toMatchObject({ status: 'ended', key: longest(2_048) })
  })

  test('that are live are never too many: the newest of what has been stays beside them', async () => {
    const { store } = temp
    store.transact((tx) => {
      for (let n = 0; n < 1_000; n++) {
        appendJournal(tx, nowMs + n, { kind: 'stream.failed' })
        insertStream(tx, stream({ status: 'ended', endedAt: nowMs + n, engineId: null }))
        insertStream(tx, stream({ streamId: `s${n}`, engineId: null, key: longest(1_000) }))
      }
    })
    const retention = housekeeping({ ...LIMITS, bytes: 1 })
    retention.run()
    await until(() => countJournal(store.db) < 300)
    expect(streamsWhere(store.db, { status: 'started' })).toHaveLength(1_000)
    const kept = newestJournal(store.db, 1_000).map(({ at }) => at)
    expect(kept.length).toBeGreaterThan(90)
    expect(kept).toEqual(Array.from(kept, (_, index) => nowMs + 999 - index))
    const [oldest] = streamsWhere(store.db, { status: 'ended' })
    expect(oldest?.endedAt).toBe(kept.at(-1) ?? 0)
  })
})

describe('what an older version has stored without a bound', () => {
  const LONG = 'x'.repeat(840_000)

  test('is served as it is, and gone after the first sweep', async () => {
    const rig = new Rig()
    const { store } = rig.temp
    const unmatched = { engineId: null, containerId: null }
    store.transact((tx) => {
      for (let n = 0; n < 25; n++) {
        const ended = { status: 'ended', endedAt: rig.clock.now() } as const
        insertStream(tx, stream({ ...unmatched, ...ended, streamId: `e${n}`, key: LONG }))
        insertStream(tx, stream({ ...unmatched, streamId: `s${n}`, key: LONG, startedAt: rig.clock.now() }))
        const detail = { key: LONG, nul: 'a\0', half: '\ud800' }
        appendJournal(tx, rig.clock.now(), { kind: 'stream.started', streamId: `s${n}`, detail })
      }
      insertStream(tx, stream({ ...unmatched, streamId: 'short', startedAt: rig.clock.now() }))
    })
    try {
      expect(await rig.json<object>('GET', '/streams/s24')).toMatchObject({ key: LONG })
      for (const path of [
        '/events?limit=3',
        '/streams?limit=3',
        '/streams?status=started',
        '/orchestrator/status',
      ])
        expect([path, (await rig.request('GET', path)).status]).toEqual([path, 200])
      // A proxy ends one of these streams before any sweep.
      const ended = await rig.json<object>('POST', '/events/stream_ended', { stream_id: 's24' })
      expect(ended).toMatchObject({ updated: true, stream: { key: LONG } })
      await rig.start()
      await rig.clock.advance(5_000)
      expect(countStreams(store.db)).toBe(1)
      const [longest] = store.db.get<[number]>('SELECT max(length(detail)) FROM journal')
      expect(longest).toBeLessThan(1_000)
      expect((await rig.request('GET', '/streams/short')).status).toBe(200)
    } finally {
      await rig.dispose()
    }
  })
})
