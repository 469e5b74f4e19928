/**
 * Measures how fast events of streams are accepted: pairs of a start and an end, each committed durably, from 20 clients at
 * once, and how long a pair takes of a client alone. For comparison: a bare server that writes the same rows unchecked, and
 * bun:sqlite that writes them without a server. Both have one transaction for each event; ours shares commits.
 */

import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { type ListedEngine, provisionFleet } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { KeepAliveConnection } from './keep-alive-connection.ts'
import { RawBooks, type RawStream } from './raw-books.ts'
import { measured, type Report, target } from './report.ts'
import { median } from './statistics.ts'
import { spawnServer } from './throughput.ts'

const FLEET = 20
const CLIENTS = 20
const PAIRS = 1_000
const ROUNDS = 5
const LONE_PAIRS = 200
const TARGET_TO_RAW = 0.6
const TARGET_TO_BARE = 0.5

/** One way to commit pairs of events. Throws if an answer is wrong. */
interface Way {
  readonly name: string
  /** Commits the events of these streams by clients that take turns. Returns how many milliseconds it took. */
  run(streams: readonly RawStream[], clients: number): Promise<number>
}

type Samples = ReadonlyMap<string, readonly number[]>

/** Measures the events; see the top of the file. */
export async function measureEvents(bench: Bench): Promise<Report> {
  const server = await bench.server(await bench.docker(), {
    MAX_REPLICAS: String(FLEET),
    PROVISION_DEADLINE_MS: '60000',
    PORT_RANGE_HOST: rangeSetting(freePortRange(100)),
  })
  await server.start()
  const engines = await provisionFleet(server, FLEET)
  const engineIds = idsOf(server)
  const newRound = (pairs: number) =>
    Array.from({ length: pairs }, (_, n) => newStream(engines, engineIds, n))
  const ways = [ours(bench, server), await bareServer(bench, server), rawCommits(bench, server)]
  const rates = new Map<string, number[]>(ways.map(({ name }) => [name, []]))
  const alone = new Map<string, number[]>(ways.map(({ name }) => [name, []]))
  for (let round = -1; round < ROUNDS; round++) {
    for (const { name, run } of round % 2 === 0 ? ways : ways.toReversed()) {
      bench.signal.throwIfAborted()
      const tookMs = await run(newRound(PAIRS), CLIENTS)
      const aloneMs = await run(newRound(LONE_PAIRS), 1)
      if (round < 0) continue
      rates.get(name)?.push((PAIRS / tookMs) * 1_000)
      alone.get(name)?.push(aloneMs / LONE_PAIRS)
    }
  }
  checkBooks(server, (ROUNDS + 1) * (PAIRS + LONE_PAIRS))
  return reportOf(rates, alone)
}

function reportOf(rates: Samples, alone: Samples): Report {
  const [own = 0, bare = 0, raw = 0] = [...rates.values()].map(median)
  const wanted = { unit: '', bound: 'at least' } as const
  return {
    name: 'events',
    notes: [
      `${PAIRS} pairs of stream_started and stream_ended, in turn; a round of warm-up, then ${ROUNDS}. The bare server and`,
      `bun:sqlite commit each event by itself. Alone: the mean of ${LONE_PAIRS} pairs, by one client.`,
      `The servers have ${CLIENTS} clients, each on a connection of its own, with ${FLEET} engines. All three have the same tables`,
      'and synchronous=FULL; every answer was right, and the books were looked through at the end.',
    ],
    measured: [
      ...[...rates].map(([name, each]) => measured(name, 'pairs/s', each)),
      ...[...alone].map(([name, each]) => measured(`${name}, alone`, 'ms', each)),
    ],
    targets: [
      target({
        ...{ what: 'rate to a bare server', value: own / bare, target: TARGET_TO_BARE, ...wanted },
        floor: { what: 'a bare server, same rows' },
      }),
      target({
        ...{ what: 'rate to raw commits', value: own / raw, target: TARGET_TO_RAW, ...wanted },
        ...{ row: 'durable pairs of events', floor: { what: 'raw bun:sqlite, same rows' } },
      }),
    ],
  }
}

/** Reads the engines' ids by their containers from the database, because the API does not show them. */
function idsOf({ databasePath }: TestServer): ReadonlyMap<string, string> {
  const database = new Database(databasePath, { readonly: true })
  try {
    const rows = database.query<{ id: string; container_id: string }, []>(
      'SELECT id, container_id FROM engines WHERE container_id IS NOT NULL',
    )
    return new Map(rows.all().map(({ id, container_id }) => [container_id, id]))
  } finally {
    database.close()
  }
}

function newStream(
  engines: readonly ListedEngine[],
  engineIds: ReadonlyMap<string, string>,
  n: number,
): RawStream {
  const engine = engines[n % engines.length]
  const engineId = engineIds.get(engine?.container_id ?? '')
  if (engine === undefined || engineId === undefined) throw new Error('an engine is not in the database')
  const { host, port, container_id: containerId } = engine
  const key = crypto.randomUUID().replaceAll('-', '').padEnd(40, '0')
  const playbackSessionId = crypto.randomUUID()
  const url = (verb: string): string => `http://${host}:${port}/ace/${verb}/${key}/${playbackSessionId}`
  return {
    streamId: `${key}|${playbackSessionId}`,
    ...{ engineId, containerId, keyType: 'infohash', key, playbackSessionId },
    ...{ statUrl: url('stat'), commandUrl: url('cmd'), host, port },
  }
}

/** The orchestrator, with the events that acexy sends. */
function ours(bench: Bench, { url }: TestServer): Way {
  return {
    name: 'POST /events/…',
    run: (streams, clients) =>
      byClients(bench, { url, clients, streams }, async (connection, stream) => {
        const { host, port, keyType, key, playbackSessionId, statUrl, commandUrl } = stream
        const started: { id: string; container_id: string } = await post(connection, 'stream_started', {
          engine: { host, port },
          stream: { key_type: keyType, key },
          session: {
            playback_session_id: playbackSessionId,
            stat_url: statUrl,
            command_url: commandUrl,
            is_live: 1,
          },
        })
        if (started.id !== stream.streamId || started.container_id !== stream.containerId)
          throw new Error(`a start was answered with ${JSON.stringify(started)}`)
        await endAt(connection, { stream_id: stream.streamId, reason: 'eof' })
      }),
  }
}

async function bareServer(bench: Bench, { folder }: TestServer): Promise<Way> {
  const books = join(folder, 'bare.db')
  copyEngines(join(folder, 'orchestrator.db'), books)
  const { url } = await spawnServer(bench, 'a bare server, the same rows', ['raw-events-server.ts', books])
  return {
    name: 'a bare server, the same rows',
    run: (streams, clients) =>
      byClients(bench, { url, clients, streams }, async (connection, stream) => {
        await post(connection, 'stream_started', stream)
        await endAt(connection, stream)
      }),
  }
}

function rawCommits(bench: Bench, { folder }: TestServer): Way {
  const path = join(folder, 'raw.db')
  copyEngines(join(folder, 'orchestrator.db'), path)
  const books = new RawBooks(path)
  bench.defer(() => books.close())
  return {
    name: 'bun:sqlite, the same rows',
    run: async (streams) => {
      const startedMs = performance.now()
      for (const stream of streams) {
        books.start(stream)
        if (!books.end(stream)) throw new Error('an end found no stream')
      }
      return performance.now() - startedMs
    },
  }
}

/** Makes a database with the same engines and nothing else. */
function copyEngines(from: string, to: string): void {
  new RawBooks(to).close()
  const database = new Database(to)
  try {
    database.run('ATTACH ? AS theirs', [from])
    database.run('INSERT INTO engines SELECT * FROM theirs.engines')
  } finally {
    database.close()
  }
}

/** Lets the clients take one stream after the other until none is left. Returns how many milliseconds it took. */
async function byClients(
  bench: Bench,
  {
    url,
    clients,
    streams,
  }: { readonly url: string; readonly clients: number; readonly streams: readonly RawStream[] },
  pair: (connection: KeepAliveConnection, stream: RawStream) => Promise<void>,
): Promise<number> {
  const connections = await Promise.all(Array.from({ length: clients }, () => KeepAliveConnection.open(url)))
  const left = streams.values()
  const startedMs = performance.now()
  try {
    await Promise.all(
      connections.map(async (connection) => {
        for (const stream of left) {
          bench.signal.throwIfAborted()
          await pair(connection, stream)
        }
      }),
    )
    return performance.now() - startedMs
  } finally {
    for (const connection of connections) connection.close()
  }
}

async function endAt(connection: KeepAliveConnection, body: object): Promise<void> {
  const ended: { updated: boolean } = await post(connection, 'stream_ended', body)
  if (!ended.updated) throw new Error(`an end was answered with ${JSON.stringify(ended)}`)
}

async function post<T>(connection: KeepAliveConnection, event: string, body: object): Promise<T> {
  return JSON.parse(String(await connection.post(`/events/${event}`, JSON.stringify(body))))
}

/** Throws unless the books contain exactly these pairs, each started once and then ended once. */
function checkBooks({ databasePath }: TestServer, pairs: number): void {
  const database = new Database(databasePath, { readonly: true })
  try {
    const count = (sql: string): number => database.query<{ n: number }, []>(sql).get()?.n ?? 0
    const found = {
      ended: count(`SELECT count(*) AS n FROM streams WHERE status = 'ended' AND end_reason = 'eof'`),
      all: count('SELECT count(*) AS n FROM streams'),
      told: count(
        `SELECT count(*) AS n FROM journal s JOIN journal e ON e.stream_id = s.stream_id AND e.id > s.id
         WHERE s.kind = 'stream.started' AND e.kind = 'stream.ended'`,
      ),
      entries: count(`SELECT count(*) AS n FROM journal WHERE kind LIKE 'stream.%'`),
    }
    const isRight = found.ended === pairs && found.all === pairs && found.told === pairs
    if (!isRight || found.entries !== 2 * pairs)
      throw new Error(`the books of ${pairs} pairs have ${JSON.stringify(found)}`)
  } finally {
    database.close()
  }
}

if (import.meta.main) await runBenchmarks([measureEvents])
