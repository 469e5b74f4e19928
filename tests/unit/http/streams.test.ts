import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { insertStream } from '../../../src/store/streams.ts'
import { stream } from '../../support/builders.ts'
import { Rig } from '../../support/rig.ts'

interface StreamState {
  readonly id: string
  readonly container_id: string | null
  readonly status: string
  readonly end_reason: string | null
  readonly started_at: string
  readonly ended_at: string | null
  readonly is_live: boolean
}

let rig: Rig
let engine: { container_id: string; host_http_port: number }
beforeEach(async () => {
  rig = await new Rig().start()
  engine = (await (await rig.provision()).json()) as typeof engine
})
afterEach(() => rig.dispose())

const started = (change: Record<string, unknown> = {}, session: Record<string, unknown> = {}) =>
  rig.json<StreamState>('POST', '/events/stream_started', {
    engine: { host: 'localhost', port: engine.host_http_port },
    stream: { key_type: 'infohash', key: 'abc' },
    session: {
      playback_session_id: 'session',
      stat_url: `http://127.0.0.1:${engine.host_http_port}/ace/stat/abc/session`,
      command_url: `http://127.0.0.1:${engine.host_http_port}/ace/cmd/abc/session`,
      is_live: 1,
      ...session,
    },
    ...change,
  })
const ended = (body: unknown) =>
  rig.json<{ updated: boolean; stream: StreamState | null }>('POST', '/events/stream_ended', body)
const active = () =>
  rig.json<StreamState[]>('GET', `/streams?container_id=${engine.container_id}&status=started`)
const capacity = async () => {
  const status = await rig.json<{ streams: { active: number; total: number }; capacity: { used: number } }>(
    'GET',
    '/orchestrator/status',
  )
  return { ...status.streams, used: status.capacity.used }
}

describe('stream_started', () => {
  test('is in the books of its engine at once', async () => {
    expect(await started()).toMatchObject({ id: 'abc|session', status: 'started', is_live: true })
    expect(await active()).toMatchObject([{ id: 'abc|session', container_id: engine.container_id }])
    const [listed] = await rig.json<{ streams: string[]; last_stream_usage: string }[]>('GET', '/engines')
    expect(listed?.streams).toEqual(['abc|session'])
    expect(listed?.last_stream_usage).not.toBeNull()
    const one = await rig.json<object>('GET', `/engines/${engine.container_id}`)
    expect(one).toMatchObject({
      engine: { container_id: engine.container_id },
      streams: [{ id: 'abc|session' }],
    })
  })

  test('takes the id of its label, else key and session', async () => {
    expect((await started({ labels: { stream_id: 'mine' } })).id).toBe('mine')
    expect((await started({ labels: { stream_id: '' } })).id).toBe('abc|session')
  })

  test('repeated changes nothing', async () => {
    const first = await started()
    await rig.clock.advance(5_000)
    expect(await started()).toEqual(first)
    expect(await active()).toHaveLength(1)
  })

  test('of an id that has ended opens a new record', async () => {
    await started()
    await ended({ stream_id: 'abc|session', reason: 'eof' })
    await rig.clock.advance(5_000)
    await started()
    const all = await rig.json<StreamState[]>('GET', '/streams')
    expect(all.map(({ status, end_reason }) => [status, end_reason])).toEqual([
      ['ended', 'eof'],
      ['started', null],
    ])
  })

  test('without a match makes no engine and uses no capacity', async () => {
    const urls = {
      stat_url: 'http://10.9.9.9:6878/ace/stat/a/b',
      command_url: 'http://10.9.9.9:6878/ace/cmd/a/b',
    }
    const stream = await started({ engine: { host: '10.9.9.9', port: 6878 } }, urls)
    expect(stream.container_id).toBeNull()
    expect(await rig.json<object[]>('GET', '/engines?status=all')).toHaveLength(1)
    expect(await capacity()).toEqual({ active: 1, total: 1, used: 0 })
  })

  test.each<Record<string, string>>([
    { playback_session_id: 'fetch_failed', stat_url: '', command_url: '' },
    { stat_url: '' },
    { command_url: '' },
  ])('of a failed attempt %p is never active', async (session) => {
    expect(await started({}, session)).toMatchObject({ status: 'ended', end_reason: 'fetch_failed' })
    expect(await active()).toEqual([])
    expect(await capacity()).toEqual({ active: 0, total: 1, used: 0 })
  })

  test('accepts an is_live of 0 and a key that is a URL', async () => {
    const stream = { key_type: 'url', key: 'http://example.org/a.acelive?x=1|2' }
    const { id, is_live } = await started({ stream }, { is_live: 0 })
    expect(is_live).toBe(false)
    const stats = await rig.request('GET', `/streams/${encodeURIComponent(id)}/stats`)
    expect([stats.status, await stats.json()]).toEqual([200, []])
  })
})

describe('stream_ended', () => {
  test('ends the stream with its reason, once', async () => {
    expect(await active()).toEqual([])
    await started()
    expect(await active()).toHaveLength(1)
    const first = await ended({ stream_id: 'abc|session', reason: 'client_disconnected' })
    expect(first).toMatchObject({
      updated: true,
      stream: { status: 'ended', end_reason: 'client_disconnected' },
    })
    expect(await ended({ stream_id: 'abc|session' })).toEqual({ updated: false, stream: null })
    expect(await active()).toEqual([])
    expect(await capacity()).toEqual({ active: 0, total: 1, used: 0 })
  })

  test.each<object>([
    {},
    { stream_id: 'unknown' },
    { stream_id: null, container_id: 'x' },
    { stream_id: '' },
  ])('of %p has no effect', async (body) => {
    await started()
    expect(await ended(body)).toEqual({ updated: false, stream: null })
    expect(await active()).toHaveLength(1)
  })
})

describe('GET /streams', () => {
  test('filters by status and engine, each alone and together', async () => {
    await started()
    await started({ labels: { stream_id: 'two' } })
    await ended({ stream_id: 'two' })
    const ids = async (query: string) =>
      (await rig.json<StreamState[]>('GET', `/streams${query}`)).map(({ id }) => id)
    expect(await ids('')).toEqual(['abc|session', 'two'])
    expect(await ids('?status=started')).toEqual(['abc|session'])
    expect(await ids('?status=ended')).toEqual(['two'])
    expect(await ids(`?container_id=${engine.container_id}`)).toEqual(['abc|session', 'two'])
    expect(await ids(`?container_id=${engine.container_id}&status=ended`)).toEqual(['two'])
    expect(await ids('?container_id=none')).toEqual([])
  })
})

describe('pages of GET /streams', () => {
  const PAGE = '/streams?limit=3'

  /** Starts `count` streams a second apart, of which every second one ends. */
  async function watched(count: number): Promise<void> {
    for (let index = 1; index <= count; index++) {
      await started({ labels: { stream_id: `s${index}` } })
      if (index % 2 === 0) await ended({ stream_id: `s${index}`, reason: 'eof' })
      await rig.clock.advance(1_000)
    }
  }

  /** The ids on each page. Follows the link of each page until there is none. */
  async function pages(first: string): Promise<string[][]> {
    const found: string[][] = []
    for (let path: string | undefined = first; path !== undefined; ) {
      const response = await rig.request('GET', path)
      found.push(((await response.json()) as StreamState[]).map(({ id }) => id))
      if (found.length > 100) throw new Error(`pages without an end: ${path}`)
      path = /^<(.+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
    }
    return found
  }

  test('are the newest first, each oldest first, and together everything once', async () => {
    await watched(8)
    expect(await pages(PAGE)).toEqual([
      ['s6', 's7', 's8'],
      ['s3', 's4', 's5'],
      ['s1', 's2'],
    ])
    expect(await pages(`${PAGE}&status=ended`)).toEqual([['s4', 's6', 's8'], ['s2']])
    expect(await pages(`${PAGE}&container_id=${engine.container_id}&status=started`)).toEqual([
      ['s3', 's5', 's7'],
      ['s1'],
    ])
    expect(await pages(`${PAGE}&container_id=none`)).toEqual([[]])
    // A full page has a link only if there are more records.
    expect(await pages('/streams?limit=4')).toEqual([
      ['s5', 's6', 's7', 's8'],
      ['s1', 's2', 's3', 's4'],
    ])
  })

  test('lose and double nothing while streams come and go', async () => {
    await watched(4)
    const first = await rig.request('GET', '/streams?limit=2')
    await ended({ stream_id: 's1' })
    await started({ labels: { stream_id: 'new' } })
    const next = /^<(.+)>/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    expect((await rig.json<StreamState[]>('GET', next)).map(({ id }) => id)).toEqual(['s1', 's2'])
  })

  test('begin before a time, too', async () => {
    await watched(4)
    const [, , third] = await rig.json<StreamState[]>('GET', '/streams')
    const before = encodeURIComponent(third?.started_at ?? '')
    expect(await pages(`/streams?limit=1&before=${before}`)).toEqual([['s2'], ['s1']])
    expect((await rig.json<StreamState[]>('GET', `/streams?before=${before}`)).map(({ id }) => id)).toEqual([
      's1',
      's2',
    ])
  })

  test.each([
    ['limit', ['0', '1001', '-1', '1.5', 'many', '', '1e2']],
    ['before', ['soon', '', '-1', '1.5', '2026-02-30T00:00:00Z']],
  ])('a wrong %s is named, and what would be right', async (name, values) => {
    for (const value of values) {
      const response = await rig.request('GET', `/streams?${name}=${value}`)
      expect([value, response.status]).toEqual([value, 422])
      const { detail } = (await response.json()) as { detail: { loc: string[] }[] }
      expect(detail.map(({ loc }) => loc)).toEqual([['query', name]])
    }
  })

  test('without a limit have every started stream, however many, and the 500 that ended last', async () => {
    for (let index = 0; index < 620; index++) {
      await started({ labels: { stream_id: `s${index}` } })
      if (index < 510) await ended({ stream_id: `s${index}` })
    }
    const all = await rig.json<StreamState[]>('GET', '/streams')
    expect(all.filter(({ status }) => status === 'started')).toHaveLength(110)
    expect(all.filter(({ status }) => status === 'ended')).toHaveLength(500)
    expect([all[0]?.id, all.at(-1)?.id]).toEqual(['s10', 's619'])
    // The answer to acexy's own request is never shortened.
    expect(await active()).toHaveLength(110)
  }, 30_000)
})

/** A stream id with special characters, as some keys have them. */
const ODD = 'http://host:80/a b?c=d%26|ses/sion'
const pathOf = (id: string): string => `/streams/${encodeURIComponent(id)}`

describe('one stream', () => {
  test('is the flat record, the newest of its id', async () => {
    for (const id of ['abc|session', ODD]) {
      await started({ labels: { stream_id: id } })
      await ended({ stream_id: id, reason: 'eof' })
      await started({ labels: { stream_id: id } })
      const one = await rig.json<StreamState>('GET', pathOf(id))
      expect(one).toMatchObject({ id, status: 'started', container_id: engine.container_id })
      expect((await rig.json<StreamState[]>('GET', '/streams?limit=1'))[0]).toEqual(one)
    }
    const response = await rig.request('GET', '/streams/none')
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'stream_not_found' })
  })
})

describe('DELETE /streams/{id}', () => {
  interface Stopped {
    readonly updated: boolean
    readonly session: string
    readonly stream: StreamState
  }
  const stop = (id: string) => rig.json<Stopped>('DELETE', pathOf(id))

  test('stops the session at its engine, at our address of it, and ends the stream', async () => {
    // Only the path of the reported URL is used, whatever its host is.
    const command = 'http://elsewhere.example:1234/ace/cmd/abc/session?method=start#x'
    await started({ labels: { stream_id: ODD } }, { command_url: command })
    await rig.clock.advance(5_000)
    const { updated, session, stream } = await stop(ODD)
    expect({ updated, session }).toEqual({ updated: true, session: 'stopped' })
    expect(stream).toMatchObject({ id: ODD, status: 'ended', end_reason: 'stopped_by_operator' })
    expect(stream.ended_at).toBe(new Date(rig.clock.now()).toISOString())
    expect(rig.stops.asked.map(({ path }) => path)).toEqual(['/ace/cmd/abc/session'])
    const ports = rig.stops.asked.flatMap(({ addresses }) => addresses.map(({ port }) => port))
    expect(new Set(ports)).toEqual(new Set([engine.host_http_port]))
    expect(rig.stops.asked.flatMap(({ addresses }) => addresses.map(({ host }) => host))).not.toContain(
      'elsewhere.example',
    )
    expect(await capacity()).toMatchObject({ active: 0, used: 0 })
    // Later events of its proxy change nothing.
    expect(await ended({ stream_id: ODD, reason: 'eof' })).toEqual({ updated: false, stream: null })
    expect(await stop(ODD)).toEqual({ updated: false, session: 'none', stream })
    expect(rig.stops.asked).toHaveLength(1)
  })

  test.each(['unknown', 'silent'] as const)('ends it also where the engine is %s', async (answer) => {
    await started()
    rig.stops.answer = answer
    expect(await stop('abc|session')).toMatchObject({ updated: true, session: answer })
    expect(await active()).toEqual([])
  })

  test.each([
    ['no path of a command', 'http://localhost:19000/server/api'],
    ['a path that leads out', 'http://localhost:19000/ace/cmd/../../server/api/x'],
    ['another scheme', 'file:///etc/passwd'],
    ['no URL', '/ace/cmd/abc/session'],
  ])('asks nothing of an engine for %s, and ends the stream', async (_, command) => {
    await started({}, { command_url: command })
    expect(await stop('abc|session')).toMatchObject({ updated: true, session: 'none' })
    expect(rig.stops.asked).toEqual([])
  })

  test('asks nobody where no engine of ours serves it', async () => {
    await started({ engine: { host: 'localhost', port: 1 } }, { stat_url: 'http://localhost:1/ace/stat/a/b' })
    expect(await stop('abc|session')).toMatchObject({ updated: true, session: 'none' })
    expect(rig.stops.asked).toEqual([])
  })

  test('of one that is not in the books is a 404', async () => {
    expect((await rig.request('DELETE', '/streams/none')).status).toBe(404)
  })

  test('keeps the reason that its proxy reported while the engine was asked', async () => {
    await started()
    const { promise, resolve } = Promise.withResolvers<'stopped'>()
    rig.stops.stop = () => promise
    const stopping = stop('abc|session')
    await Promise.resolve()
    await ended({ stream_id: 'abc|session', reason: 'eof' })
    resolve('stopped')
    expect(await stopping).toMatchObject({
      updated: false,
      session: 'stopped',
      stream: { end_reason: 'eof' },
    })
  })
})

describe('the number of started streams', () => {
  const elsewhere = (id: string) =>
    started(
      { engine: { host: '10.9.9.9', port: 6_878 }, labels: { stream_id: id } },
      { stat_url: 'http://10.9.9.9:6878/ace/stat/a/b' },
    )
  const count = async () => (await rig.json<object[]>('GET', '/streams?status=started')).length

  test('that no engine of ours serves is 256 at most: the oldest ends, and every report is answered as ever', async () => {
    for (let n = 0; n < 256; n++) await elsewhere(`s${n}`)
    expect(await count()).toBe(256)
    const own = await started()
    expect(await elsewhere('last')).toMatchObject({ id: 'last', status: 'started', container_id: null })
    expect(await rig.json<object>('GET', '/streams/s0')).toMatchObject({
      status: 'ended',
      end_reason: 'forgotten',
    })
    expect(await rig.json<object>('GET', '/streams/s1')).toMatchObject({ status: 'started' })
    expect(await count()).toBe(257)
    // The caller that reported the stream and now reports its end gets the same answer as for a stream that had ended.
    expect(await ended({ stream_id: 's0', reason: 'eof' })).toEqual({ updated: false, stream: null })
    expect(await active()).toEqual([own])
  })

  test('that is tied to one engine is 128 at most: none of those ends, further ones are booked without it', async () => {
    for (let n = 0; n < 128; n++) await started({ labels: { stream_id: `s${n}` } })
    expect(await started({ labels: { stream_id: 'more' } })).toMatchObject({
      status: 'started',
      container_id: null,
    })
    expect(await active()).toHaveLength(128)
    for (let n = 0; n < 300; n++) await started({ labels: { stream_id: `m${n}` } })
    expect(await active()).toHaveLength(128)
    expect(await count()).toBe(128 + 256)
    expect(await ended({ stream_id: 's0' })).toMatchObject({ updated: true })
    expect(await started({ labels: { stream_id: 'again' } })).toMatchObject({
      container_id: engine.container_id,
    })
  })

  test('that is tied to one engine is smaller where they are long: it counts their bytes', async () => {
    const key = '語'.repeat(2_048)
    for (let n = 0; n < 20; n++)
      await started({ stream: { key_type: 'url', key }, labels: { stream_id: `long${n}` } })
    const tied = await active()
    expect(tied.length).toBeGreaterThan(2)
    expect(tied.length).toBeLessThan(13)
    expect(await ended({ stream_id: 'long0' })).toMatchObject({ updated: true })
    expect(await started({ labels: { stream_id: 'again' } })).toMatchObject({
      container_id: engine.container_id,
    })
  })

  test('that an older version left without an engine comes down to its bound', async () => {
    rig.temp.store.transact((tx) => {
      for (let n = 0; n < 2_000; n++)
        insertStream(
          tx,
          stream({ streamId: `s${n}`, engineId: null, containerId: null, startedAt: rig.clock.now() }),
        )
    })
    await rig.clock.advance(90_000)
    expect(await count()).toBe(256)
    expect(await rig.json<object>('GET', '/streams/s1999')).toMatchObject({ status: 'started' })
  })
})
