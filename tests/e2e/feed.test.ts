import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { until } from '../support/docker.ts'
import { FeedClient } from '../support/feed-client.ts'
import { openTestSite, type TestSite } from '../support/fleet.ts'
import type { TestServer } from '../support/server.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(60_000)

/** Long enough for busy machines, and much shorter than the minutes until a full pass. */
const MOMENTS_MS = 3_000

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
}, 120_000)
afterEach(() => site.cleanUp())
afterAll(() => site?.cleanUp())

const start = async (): Promise<TestServer> => {
  const server = site.server()
  await server.start()
  return server
}

const connect = async (server: TestServer, lastEventId: string | null = null): Promise<FeedClient> =>
  new FeedClient(
    await fetch(`${server.url}/events/stream`, {
      headers: lastEventId === null ? {} : { 'last-event-id': lastEventId },
    }),
  )

/** Reports a stream on an engine that is not ours. It is recorded in the books and needs no container. */
const report = (
  server: TestServer,
  id: string,
  url = 'http://192.0.2.1:6878/ace/stat/a/b',
): Promise<Response> =>
  server.post('/events/stream_started', {
    engine: { host: '192.0.2.1', port: 6878 },
    stream: { key_type: 'url', key: url },
    session: {
      playback_session_id: 'session',
      stat_url: url,
      command_url: url,
      is_live: 1,
    },
    labels: { stream_id: id },
  })

/** The id of the newest journal entry; 0 without any. */
async function newestId(server: TestServer): Promise<number> {
  const { events } = await server.get<{ events: { id: number }[] }>('/events?limit=1')
  return events[0]?.id ?? 0
}

const heardOf = (client: FeedClient, id: string) =>
  client.until(`the feed tells of ${id}`, ({ event, data }) => event === 'journal' && data.stream_id === id)

const isWholeFrom = (ids: readonly number[], first: number) =>
  expect(ids).toEqual(Array.from({ length: ids.length }, (_, at) => first + at))

test('an entry is told within moments, and a quiet connection lives on', async () => {
  const server = await start()
  const client = (await connect(server)).start()
  await client.until('the snapshot is there', ({ event }) => event === 'snapshot')
  await report(server, 'one')
  const reportedMs = performance.now()
  await heardOf(client, 'one')
  expect(performance.now() - reportedMs).toBeLessThan(MOMENTS_MS)

  // By default, Bun closes a connection that is silent for 10 s.
  const quietMs = performance.now()
  await until('it was quiet for long', () => performance.now() - quietMs > 12_500, 20_000)
  expect(client.comments.length).toBeWithin(2, 4)
  expect(client.isDone).toBe(false)
  await report(server, 'two')
  await heardOf(client, 'two')
})

test('through kills of the orchestrator no entry is lost and none comes twice', async () => {
  const server = await start()
  const got: number[] = []
  const told: (string | null)[] = []
  const sure: string[] = []
  let lastId: string | null = '0'
  for (let life = 0; life < 3; life++) {
    const client: FeedClient = (await connect(server, lastId)).start()
    await client.until('the snapshot is there', ({ event }) => event === 'snapshot')
    // Several callers report until the process is killed.
    const callers = Array.from({ length: 4 }, async (_, caller) => {
      for (let n = 0; ; n++) {
        const id = `${life}-${caller}-${n}`
        const answer = await report(server, id).catch(() => null)
        if (answer === null) return
        if (answer.status === 200) sure.push(id)
      }
    })
    await until('some are told', () => client.journalIds().length > 20)
    await server.end('SIGKILL')
    await Promise.all(callers)
    await until('the connection broke', () => client.isDone)
    got.push(...client.journalIds())
    told.push(...client.of('journal').map(({ data }) => String(data.stream_id)))
    lastId = client.lastId
    await server.start()
  }
  const last = (await connect(server, lastId)).start()
  await last.until('the snapshot is there', ({ event }) => event === 'snapshot')
  got.push(...last.journalIds())
  told.push(...last.of('journal').map(({ data }) => String(data.stream_id)))
  isWholeFrom(got, 1)
  expect(sure.filter((id) => !told.includes(id))).toEqual([])
  expect(sure.length).toBeGreaterThan(60)
  expect(await newestId(server)).toBe(got.at(-1) ?? 0)
})

test('a reader that does not read is told what it lost, and costs the others nothing', async () => {
  const server = await start()
  const slow = await connect(server)
  const quick = (await connect(server)).start()
  await quick.until('the snapshot is there', ({ event }) => event === 'snapshot')
  // More bytes than the sockets can buffer: each URL is in the feed twice, and again when the stream gives way to newer ones. The
  // entries of the journal repeat no URL, so their ids have to be long.
  const url = `http://192.0.2.1:6878/${'x'.repeat(2_000)}`
  for (let round = 0; round < 15; round++) {
    const ids = Array.from({ length: 100 }, (_, n) => `s${round}-${n}-`.padEnd(2_000, 'x'))
    for (const id of ids) expect((await report(server, id, url)).status).toBe(200)
    // A reader counts as slow only if it has not taken what an earlier round brought, and without this wait all reports
    // might be in one round.
    await heardOf(quick, ids.at(-1) ?? '')
  }
  const lastId = await newestId(server)
  slow.start()
  const missed = await slow.until('it is told', ({ event }) => event === 'missed')
  const { reason, from, to } = missed.data
  expect([reason, to]).toEqual(['slow', lastId])
  expect(slow.of('missed')).toHaveLength(1)
  // The entries before the gap are complete, and the missed entries are named.
  isWholeFrom(slow.journalIds(), 1)
  expect(from).toBe(slow.journalIds().length + 1)
  await report(server, 'then')
  await heardOf(slow, 'then')
  await until('it has all', async () => slow.journalIds().at(-1) === (await newestId(server)))
  expect(slow.of('snapshot')).toHaveLength(2)
  isWholeFrom(quick.journalIds(), 1)
  expect(quick.of('missed')).toEqual([])
})

test('of 101 readers one is refused, and none holds up the end of the orchestrator', async () => {
  const server = await start()
  const clients = await Promise.all(Array.from({ length: 100 }, () => connect(server)))
  for (const client of clients) client.start()
  const refused = await fetch(`${server.url}/events/stream`)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await refused.json()).toMatchObject({ code: 'too_many_subscribers' })

  await clients[0]?.leave()
  const next = await until('there is room', async () => {
    const answer = await fetch(`${server.url}/events/stream`)
    return answer.status === 200 && new FeedClient(answer).start()
  })
  await next.until('the snapshot is there', ({ event }) => event === 'snapshot')
  // Without that, the server would wait 0.9 s for these answers, which have no end.
  expect(await server.end('SIGTERM')).toBeLessThan(800)
  await until('all have ended', () => clients.every(({ isDone }) => isDone))
})
