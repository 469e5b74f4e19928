import { beforeEach, expect, test } from 'bun:test'
import { Api } from '../../../src/panel/api/api.ts'
import { Feed, type Link } from '../../../src/panel/api/feed.ts'
import type { FeedEvent } from '../../../src/panel/api/types.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/** A server whose answers the test writes by hand. */
class Server {
  readonly asked: { readonly path: string; readonly lastId: string | null; readonly key: string | null }[] =
    []
  #writer: ReadableStreamDefaultController<Uint8Array> | null = null
  answer: () => Response = () => this.open()
  /** What the journal has, newest first. */
  entries: readonly { readonly id: number }[] = []
  /** Until when everything but the feed is not answered. */
  held: Promise<void> = Promise.resolve()

  readonly fetch = async (url: URL, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    this.asked.push({
      path: url.pathname + url.search,
      lastId: headers.get('last-event-id'),
      key: headers.get('authorization'),
    })
    if (url.pathname.endsWith('/events/stream')) {
      init.signal?.addEventListener('abort', () => this.#break(init.signal?.reason))
      return this.answer()
    }
    await this.held
    return Response.json(url.pathname.endsWith('/events') ? { events: this.entries } : [])
  }

  open(): Response {
    return new Response(
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          this.#writer = controller
        },
      }),
    )
  }

  write(text: string): void {
    this.#writer?.enqueue(new TextEncoder().encode(text))
  }

  end(): void {
    this.#writer?.close()
    this.#writer = null
  }

  #break(reason: unknown): void {
    this.#writer?.error(reason)
    this.#writer = null
  }
}

const SNAPSHOT = 'id: 7\nevent: snapshot\ndata: {"status":{},"vpn":{},"engines":[],"streams":[]}\n\n'

let clock: VirtualClock
let server: Server
let links: Link[]
let events: FeedEvent[]
let feed: Feed

beforeEach(() => {
  clock = new VirtualClock()
  server = new Server()
  links = []
  events = []
  feed = new Feed({
    api: new Api({ root: new URL('http://here/prefix/'), fetch: server.fetch, key: () => 'the-key' }),
    now: () => clock.now(),
    after: (ms, callback) => clock.after(ms, callback),
    onEvents: (found) => events.push(...found),
    onLink: (link) => links.push(link),
  })
})

const states = (): readonly string[] => links.map(({ state }) => state)
const asksForEngines = () => server.asked.filter(({ path }) => path.includes('/engines'))
const feedsAsked = () => server.asked.filter(({ path }) => path.endsWith('/events/stream'))

test('it is live from its first snapshot on, asks under the prefix, and carries the key in a header', async () => {
  feed.start()
  await clock.advance(0)
  expect(states()).toEqual(['connecting'])
  server.write(SNAPSHOT)
  await clock.advance(0)
  expect(states()).toEqual(['connecting', 'live'])
  expect(server.asked).toEqual([{ path: '/prefix/events/stream', lastId: null, key: 'Bearer the-key' }])
  expect(events).toMatchObject([{ event: 'snapshot' }])
})

test('after a loss it resumes behind the last event that it got', async () => {
  feed.start()
  await clock.advance(0)
  server.write(`${SNAPSHOT}id: 9\nevent: journal\ndata: {"id":9}\n\n`)
  await clock.advance(0)
  server.end()
  await clock.advance(0)
  expect(links.at(-1)).toMatchObject({ state: 'lost', why: 'the server ended the connection' })
  await clock.advance(1_000)
  expect(feedsAsked().map(({ lastId }) => lastId)).toEqual([null, '9'])
  server.write(SNAPSHOT)
  await clock.advance(0)
  expect(states().at(-1)).toBe('live')
})

test('it waits longer from loss to loss, and 30 s at most', async () => {
  server.answer = () => Response.json({ code: 'x', detail: 'not now' }, { status: 502 })
  feed.start()
  await clock.advance(121_000)
  // 0, 1, 3, 7, 15, 31, 61, 91 and 121 s.
  expect(feedsAsked()).toHaveLength(9)
  expect(links.at(-1)).toMatchObject({ state: 'lost', why: 'not now', needsKey: false })
})

test.each([401, 403])('a refusal with %s asks for the key', async (status) => {
  server.answer = () => Response.json({ code: 'missing_token', detail: 'missing bearer token' }, { status })
  feed.start()
  await clock.advance(0)
  expect(links.at(-1)).toMatchObject({ state: 'lost', needsKey: true, why: 'missing bearer token' })
})

test('a silence of 30 s is a loss, and a comment breaks it', async () => {
  feed.start()
  await clock.advance(0)
  server.write(SNAPSHOT)
  for (let n = 0; n < 6; n++) {
    await clock.advance(20_000)
    server.write(': heartbeat\n\n')
    await clock.advance(0)
  }
  expect(states().at(-1)).toBe('live')
  const heardMs = clock.now()
  await clock.advance(30_000)
  expect(links.at(-1)).toMatchObject({
    ...{ state: 'lost', why: 'the server has been silent for 30 s' },
    // What is shown is no newer than that.
    sinceMs: heardMs,
  })
  expect(asksForEngines()).toHaveLength(1)
})

test('a feed that does not begin is asked around after 5 s, and is taken when it comes after all', async () => {
  server.entries = [{ id: 5 }, { id: 4 }]
  feed.start()
  await clock.advance(4_999)
  expect(states()).toEqual(['connecting'])
  await clock.advance(2)
  expect(links.at(-1)).toMatchObject({ state: 'lost', why: 'the feed has not begun for 5 s' })
  expect(events.map(({ event }) => event)).toEqual(['snapshot', 'journal', 'journal'])
  server.write(SNAPSHOT)
  await clock.advance(0)
  expect(states().at(-1)).toBe('live')
  await clock.advance(20_000)
  expect(asksForEngines()).toHaveLength(1)
  expect(feedsAsked()).toHaveLength(1)
})

test('a feed that begins only after others were asked goes on behind what they told of the journal', async () => {
  server.entries = [{ id: 5 }, { id: 4 }]
  server.answer = () => new Response(null, { status: 502 })
  feed.start()
  await clock.advance(10_000)
  expect(feedsAsked().at(-1)?.lastId).toBe('5')
})

test('what was asked around changes nothing about where a feed goes on that has begun before', async () => {
  feed.start()
  await clock.advance(0)
  server.write(SNAPSHOT)
  await clock.advance(0)
  server.entries = [{ id: 12 }]
  server.answer = () => new Response(null, { status: 502 })
  server.end()
  await clock.advance(20_000)
  expect(feedsAsked().at(-1)?.lastId).toBe('7')
})

test('while the feed is lost for more than 5 s the page asks for everything every 5 s', async () => {
  server.answer = () => new Response(null, { status: 502 })
  feed.start()
  await clock.advance(4_999)
  expect(events).toEqual([])
  await clock.advance(10_002)
  expect(events.filter(({ event }) => event === 'snapshot')).toHaveLength(3)
  const [first, last] = [links.find(({ state }) => state === 'lost'), links.at(-1)]
  expect([first, last]).toMatchObject([{ asOfMs: null }, { state: 'lost', asOfMs: clock.now() - 1 }])
  server.answer = () => server.open()
  await clock.advance(16_000)
  server.write(SNAPSHOT)
  await clock.advance(0)
  const before = events.length
  await clock.advance(20_000)
  expect(events).toHaveLength(before)
})

test('what was asked in an earlier loss is no answer in the next one', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.held = promise
  feed.start()
  await clock.advance(6_000)
  server.write(SNAPSHOT)
  await clock.advance(0)
  server.answer = () => new Response(null, { status: 502 })
  server.end()
  await clock.advance(100)
  const before = events.length
  resolve()
  await clock.advance(1_000)
  expect(events).toHaveLength(before)
  expect(links.at(-1)).toMatchObject({ state: 'lost', asOfMs: clock.now() - 1_100 })
  await clock.advance(5_000)
  expect(events.slice(before).filter(({ event }) => event === 'snapshot')).toHaveLength(1)
})

test('a paused feed asks nothing until it is started', async () => {
  feed.start()
  await clock.advance(0)
  server.write(SNAPSHOT)
  await clock.advance(0)
  feed.pause()
  await clock.advance(120_000)
  expect(feedsAsked()).toHaveLength(1)
  expect(states().at(-1)).toBe('paused')
  feed.start()
  await clock.advance(0)
  expect(feedsAsked().at(-1)?.lastId).toBe('7')
})
