import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { appendJournal, pruneJournal } from '../../../src/store/journal.ts'
import { FeedClient } from '../../support/feed-client.ts'
import { Rig } from '../../support/rig.ts'
import { startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

let rig: Rig
const clients: FeedClient[] = []
beforeEach(async () => {
  rig = await new Rig().start()
  // The image is looked at, which the status tells.
  await rig.clock.advance(1)
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.leave()))
  await rig.dispose()
})

const open = async (query = '', headers: Record<string, string> = {}): Promise<FeedClient> => {
  const client = new FeedClient(await rig.request('GET', `/events/stream${query}`, undefined, { headers }))
  clients.push(client)
  return client
}

/** A client that reads all the time. */
const follow = async (query = '', headers: Record<string, string> = {}): Promise<FeedClient> => {
  const client = (await open(query, headers)).start()
  await settled()
  return client
}

const engine = async () =>
  (await (await rig.provision()).json()) as { container_id: string; host_http_port: number }

const end = (id: string) => rig.json('POST', '/events/stream_ended', { stream_id: id, reason: 'eof' })

/** Appends this many entries in one transaction. */
const happen = (count: number) =>
  rig.temp.store.transact((tx) => {
    for (let n = 0; n < count; n++)
      appendJournal(tx, rig.clock.now(), { kind: 'fleet.scaled', detail: { n } })
  })

/** The ids of all journal entries, oldest first. */
const journalIds = async (): Promise<number[]> => {
  const { events } = await rig.json<{ events: { id: number }[] }>('GET', '/events?limit=1000')
  return events.map(({ id }) => id).toReversed()
}

const kinds = (client: FeedClient) => client.events.map(({ event }) => event)

describe('a fresh connection', () => {
  test('begins with how everything is, as the other answers have it', async () => {
    const { host_http_port: port } = await engine()
    await rig.play(port)
    const client = await follow()
    expect(client.retryMs).toBe(2_000)
    expect(kinds(client)).toEqual(['snapshot'])
    expect(client.events[0]?.data).toEqual({
      status: await rig.json('GET', '/orchestrator/status'),
      vpn: await rig.json('GET', '/vpn/status'),
      engines: await rig.json('GET', '/engines?status=all'),
      streams: await rig.json('GET', '/streams?status=started'),
    })
    expect(client.lastId).toBe(`${(await journalIds()).at(-1)}.0`)
  })

  test('goes on with what happens, each entry before the states that it led to', async () => {
    const { host_http_port: port, container_id: id } = await engine()
    const client = await follow()
    const before = (await journalIds()).at(-1) ?? 0
    await rig.play(port, 'one')
    await rig.clock.advance(10)
    expect(kinds(client)).toEqual(['snapshot', 'journal', 'engine', 'stream', 'status'])
    expect(client.events.map((each) => each.id)).toEqual(
      [`${before}.0`, `${before + 1}`].concat([1, 2, 3].map((n) => `${before + 1}.${n}`)),
    )
    const { events } = await rig.json<{ events: object[] }>('GET', '/events?limit=1')
    expect(client.of('journal').map(({ data }) => data)).toEqual(events.map((each) => ({ ...each })))
    expect(client.of('journal')[0]?.data).toMatchObject({ kind: 'stream.started', container_id: id })
    expect(client.of('stream')[0]?.data).toEqual(await rig.json('GET', '/streams/one'))
    const engines = await rig.json<Record<string, unknown>[]>('GET', '/engines?status=all')
    expect(client.of('engine')[0]?.data).toEqual(engines[0] ?? {})
    // The question for the status is one of a client that has reported a stream.
    const { timestamp: _, proxies: __, ...status } = client.of('status')[0]?.data ?? {}
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject(status)
  })

  test('says nothing where nothing has changed', async () => {
    const { host_http_port: port } = await engine()
    await rig.play(port, 'one')
    const client = await follow()
    // A repeated event is a commit without a change.
    await rig.play(port, 'one')
    await rig.clock.advance(4_000)
    expect(kinds(client)).toEqual(['snapshot'])
    expect(client.comments).toEqual([])
  })

  test('hears that a proxy asks, once in ten seconds', async () => {
    await engine()
    const client = await follow()
    const acexy = { headers: { 'user-agent': 'Go-http-client/1.1' } }
    for (let second = 0; second < 20; second++) {
      await rig.request('GET', '/engines', undefined, acexy)
      await rig.clock.advance(1_000)
    }
    const heard = client
      .of('status')
      .map(({ data }) => (data as { proxies: { last_heard: string } }).proxies.last_heard)
    expect(heard.length).toBeWithin(2, 5)
    expect(new Set(heard).size).toBe(heard.length)
    const told = client.of('status').length
    await rig.clock.advance(60_000)
    expect(client.of('status')).toHaveLength(told)
  })

  test('hears of an end and of a removal for the last time', async () => {
    const { host_http_port: port, container_id: id } = await engine()
    await rig.play(port, 'one')
    const client = await follow()
    await end('one')
    await rig.clock.advance(300)
    expect(client.of('stream').map(({ data }) => data)).toEqual([await rig.json('GET', '/streams/one')])
    expect(client.of('stream')[0]?.data).toMatchObject({ status: 'ended', end_reason: 'eof' })
    const name = client.of('engine').at(-1)?.data.container_name
    await rig.during(rig.request('DELETE', `/containers/${id}`))
    await rig.clock.advance(1_000)
    expect(client.of('engine').at(-1)?.data).toEqual({
      container_id: id,
      container_name: name,
      removed: true,
    })
  })

  test('hears of facts that are in no commit', async () => {
    const { host_http_port: port } = await engine()
    const client = await follow()
    rig.health.report(port, true, rig.clock.now())
    await rig.clock.advance(300)
    expect(client.of('engine').at(-1)?.data).toMatchObject({ health_status: 'healthy' })
    expect(kinds(client)).not.toContain('vpn')
  })

  test('hears of the VPN', async () => {
    await rig.dispose()
    const behind = await startBehindVpn(['gluetun'])
    rig = behind.rig
    const client = await follow()
    rig.runtime.kill(behind.nodes[0]?.id ?? '')
    behind.nodes[0]?.report()
    await rig.clock.advance(300)
    expect(client.of('vpn').at(-1)?.data).toMatchObject({ connected: false, health: 'unhealthy' })
    expect(client.of('vpn').at(-1)?.data).toEqual(await rig.json('GET', '/vpn/status'))
    expect(client.of('journal').at(-1)?.data).toMatchObject({ kind: 'vpn.down', container_id: null })
  })

  test('gets a flock of changes as one', async () => {
    const { host_http_port: port } = await engine()
    const client = await follow()
    await rig.play(port, 'first')
    await rig.clock.advance(10)
    const told = client.events.length
    for (const id of ['a', 'b', 'c']) {
      await rig.play(port, id)
      await rig.clock.advance(70)
    }
    expect(client.events).toHaveLength(told)
    await rig.clock.advance(50)
    expect(kinds(client).slice(told)).toEqual([
      ...['journal', 'journal', 'journal'],
      ...['engine', 'stream', 'stream', 'stream', 'status'],
    ])
  })

  test('hears a heartbeat every 5 s while nothing happens', async () => {
    const client = await follow()
    await rig.clock.advance(15_000)
    expect(client.comments).toEqual(['heartbeat', 'heartbeat', 'heartbeat'])
    expect(kinds(client)).toEqual(['snapshot'])
  })

  test('hears it also in the moment of a change', async () => {
    const { host_http_port: port } = await engine()
    const client = await follow()
    for (let beat = 1; beat <= 3; beat++) {
      await rig.clock.advance(4_995)
      await rig.play(port, `at ${beat}`)
      await rig.clock.advance(5)
      expect(client.comments).toHaveLength(beat)
      expect(client.of('stream')).toHaveLength(beat)
    }
  })
})

describe('with a Last-Event-ID', () => {
  test.each(['', '.7'])(
    'ending in %p the entries after it come first, then how everything is',
    async (tail) => {
      const { host_http_port: port } = await engine()
      const seen = (await journalIds()).at(-1) ?? 0
      for (const id of ['a', 'b']) await rig.play(port, id)
      const client = await follow('', { 'last-event-id': `${seen}${tail}` })
      expect(kinds(client)).toEqual(['journal', 'journal', 'snapshot'])
      expect(client.journalIds()).toEqual([seen + 1, seen + 2])
      const byQuery = await follow(`?last_event_id=${seen}${tail}`)
      expect(byQuery.events.slice(0, 2)).toEqual(client.events.slice(0, 2))
    },
  )

  test('nothing is lost and nothing comes twice, wherever it was cut off', async () => {
    const { host_http_port: port } = await engine()
    const first = await follow('?last_event_id=0')
    const got: number[] = []
    for (let round = 0; round < 6; round++) {
      await rig.play(port, `s${round}`)
      await rig.clock.advance([5, 10, 300][round % 3] ?? 0)
      const client = clients.at(-1) ?? first
      got.push(...client.journalIds())
      await client.leave()
      await end(`s${round}`)
      await follow('', { 'last-event-id': client.lastId ?? '0' })
    }
    await rig.clock.advance(300)
    got.push(...(clients.at(-1)?.journalIds() ?? []))
    expect(got).toEqual(await journalIds())
  })

  test('a long journal comes in batches, and what happens meanwhile is in it once', async () => {
    const { host_http_port: port } = await engine()
    happen(450)
    const client = await open('?last_event_id=0')
    // The answer begins, and the client reads the first batch.
    for (let n = 0; n < 2; n++) await client.read()
    expect(client.journalIds()).toHaveLength(200)
    await rig.play(port, 'meanwhile')
    client.start()
    await settled()
    await rig.play(port, 'later')
    await rig.clock.advance(300)
    expect(client.journalIds()).toEqual(await journalIds())
    expect(client.of('snapshot')).toHaveLength(1)
    expect(client.of('missed')).toEqual([])
  })

  test('of which the journal has no memory it is told what is not there any more', async () => {
    const { host_http_port: port } = await engine()
    for (let n = 0; n < 5; n++) await rig.play(port, `s${n}`)
    const last = (await journalIds()).at(-1) ?? 0
    rig.temp.store.transact((tx) => pruneJournal(tx, 2, 0))
    const client = await follow('?last_event_id=1')
    expect(kinds(client)).toEqual(['missed', 'journal', 'journal', 'snapshot'])
    expect(client.events[0]).toEqual({
      id: null,
      event: 'missed',
      data: { reason: 'pruned', from: 2, to: last - 2 },
    })
    rig.temp.store.transact((tx) => pruneJournal(tx, 0, 0))
    const other = await follow('?last_event_id=1')
    expect(kinds(other)).toEqual(['missed', 'snapshot'])
    expect(other.events[0]?.data).toEqual({ reason: 'pruned', from: 2, to: last })
    expect(other.lastId).toBe(`${last}.0`)
  })

  test('that is none of this journal it is told so, and then as if it were new', async () => {
    await engine()
    const client = await follow('?last_event_id=9999')
    expect(kinds(client)).toEqual(['missed', 'snapshot'])
    expect(client.events[0]?.data).toEqual({ reason: 'unknown_id', from: null, to: null })
  })

  test.each([['x'], ['-1'], ['1.'], ['1.2.3'], ['1e3'], ['']])('%p is refused by its name', async (id) => {
    const byHeader = await rig.request('GET', '/events/stream', undefined, {
      headers: { 'last-event-id': id },
    })
    const byQuery = await rig.request('GET', `/events/stream?last_event_id=${id}`)
    expect([byHeader.status, byQuery.status]).toEqual([422, 422])
    expect(await byHeader.json()).toMatchObject({ detail: [{ loc: ['headers', 'last-event-id'] }] })
    expect(await byQuery.json()).toMatchObject({ detail: [{ loc: ['query', 'last_event_id'] }] })
  })
})

describe('a slow reader', () => {
  test('is told which entries it lost, and how everything is, and goes on', async () => {
    const { host_http_port: port } = await engine()
    const slow = await open()
    for (let n = 0; n < 2; n++) await slow.read()
    expect(kinds(slow)).toEqual(['snapshot'])
    const quick = await follow()
    const before = (await journalIds()).at(-1) ?? 0
    for (let n = 0; n < 12; n++) {
      happen(88)
      await rig.play(port, `s${n}`)
      await rig.clock.advance(250)
    }
    await rig.clock.advance(1_000)
    slow.start()
    await settled()
    const last = (await journalIds()).at(-1) ?? 0
    expect(kinds(slow)).toEqual(['snapshot', 'missed', 'snapshot'])
    expect(slow.events[1]?.data).toEqual({ reason: 'slow', from: before + 1, to: last })
    expect(slow.of('snapshot')[1]?.data.streams).toEqual(await rig.json('GET', '/streams?status=started'))
    // Other clients have missed nothing.
    expect(quick.journalIds()).toEqual(Array.from({ length: last - before }, (_, n) => before + 1 + n))
    expect(quick.of('missed')).toEqual([])
    await rig.play(port, 'then')
    await rig.clock.advance(300)
    expect(slow.journalIds()).toEqual([last + 1])
  })

  test('that is only a little behind gets all of it', async () => {
    const { host_http_port: port } = await engine()
    const slow = await open('?last_event_id=0')
    for (let n = 0; n < 2; n++) await slow.read()
    for (let n = 0; n < 50; n++) await rig.play(port, `s${n}`)
    await rig.clock.advance(30_000)
    slow.start()
    await settled()
    expect(slow.journalIds()).toEqual(await journalIds())
    expect(slow.of('missed')).toEqual([])
  })

  test('that was cut off before it heard of its loss gets the entries when it comes back', async () => {
    const slow = await open()
    for (let n = 0; n < 2; n++) await slow.read()
    const { lastId } = slow
    for (const count of [1_000, 99, 1]) {
      happen(count)
      await rig.clock.advance(300)
    }
    await slow.leave()
    const back = await follow('', { 'last-event-id': lastId ?? '' })
    const ids = back.journalIds()
    expect(ids).toHaveLength(1_100)
    expect(ids).toEqual(Array.from({ length: 1_100 }, (_, n) => (ids[0] ?? 0) + n))
  })
})

test('a flock of news is not too much for who reads at once', async () => {
  const client = await follow()
  happen(2_500)
  await rig.clock.advance(300)
  expect(client.journalIds()).toHaveLength(2_500)
  expect(client.of('missed')).toEqual([])
})

describe('the number of readers', () => {
  test('has a bound, and who leaves makes room at once', async () => {
    for (let n = 0; n < 100; n++) await follow()
    const refused = await rig.request('GET', '/events/stream')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(await refused.json()).toMatchObject({
      code: 'too_many_subscribers',
      recovery_eta_seconds: 5,
      should_wait: true,
    })
    await clients.pop()?.leave()
    expect((await rig.request('GET', '/events/stream?limit=1')).status).toBe(200)
  })
})

describe('an end', () => {
  test('after so many events', async () => {
    const { host_http_port: port } = await engine()
    const replayed = await follow('?last_event_id=0&limit=2')
    expect([replayed.journalIds(), replayed.events.length, replayed.isDone]).toEqual([[1, 2], 2, true])
    const live = await follow('?limit=3')
    await rig.clock.advance(5_000)
    expect([live.events.length, live.isDone]).toEqual([1, false])
    await rig.play(port)
    await rig.clock.advance(300)
    expect([kinds(live), live.isDone]).toEqual([['snapshot', 'journal', 'engine'], true])
  })

  test('after so much time', async () => {
    const client = await follow('?duration_s=12')
    await rig.clock.advance(11_999)
    expect([client.comments.length, client.isDone]).toEqual([2, false])
    await rig.clock.advance(1)
    expect(client.isDone).toBe(true)
  })

  test.each(['limit=0', 'limit=100001', 'limit=x', 'duration_s=0', 'duration_s=3601', 'duration_s=1.5'])(
    'at %s is refused by its name',
    async (query) => {
      const response = await rig.request('GET', `/events/stream?${query}`)
      expect(response.status).toBe(422)
      expect(await response.json()).toMatchObject({ detail: [{ loc: ['query', query.split('=')[0]] }] })
    },
  )

  test('of the orchestrator is the end of every answer', async () => {
    const open = [await follow(), await follow('?last_event_id=0')]
    rig.orchestrator.hangUp()
    await settled()
    expect(open.map(({ isDone }) => isDone)).toEqual([true, true])
    const late = await follow()
    expect([late.events, late.isDone]).toEqual([[], true])
  })
})

test('the answer is a stream that nobody keeps or holds back', async () => {
  const { headers } = await rig.request('GET', '/events/stream?duration_s=1')
  expect(headers.get('content-type')).toBe('text/event-stream')
  expect(headers.get('cache-control')).toBe('no-cache')
  expect(headers.get('x-accel-buffering')).toBe('no')
})

test('the key is asked for where reads need it', async () => {
  const closed = new Rig({ API_KEY: 'secret', API_KEY_PROTECT_READS: 'true' })
  try {
    for (const path of ['/events', '/events/stream?duration_s=1']) {
      const ask = (headers: Record<string, string>) => closed.request('GET', path, undefined, { headers })
      expect((await ask({})).status).toBe(401)
      expect((await closed.during(ask({ authorization: 'Bearer wrong' }))).status).toBe(403)
      expect((await ask({ authorization: 'Bearer secret' })).status).toBe(200)
    }
    interface Document {
      readonly paths: Record<
        string,
        { readonly get: { readonly responses: Record<string, { content: object }> } }
      >
    }
    const { paths } = await closed.json<Document>('GET', '/swagger/json')
    const { responses } = paths['/events/stream']?.get ?? { responses: {} }
    expect(Object.keys(responses)).toEqual(['200', '400', '401', '403', '422', '500', '503'])
    expect(Object.keys(responses['200']?.content ?? {})).toEqual(['text/event-stream'])
  } finally {
    await closed.dispose()
  }
})
