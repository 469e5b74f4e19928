/**
 * Measures what statistics cost a reader: what proxies and panels ask for, under load, while 500 streams play on real
 * engines, first with engines that are asked next to never, then with one question a second for each stream.
 */

import { Database } from 'bun:sqlite'
import { systemClock } from '../../src/control/clock.ts'
import { openSession, playbackIdOf } from '../../tests/support/acexy-engine.ts'
import { until } from '../../tests/support/docker.ts'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { type ListedEngine, provisionFleet } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { KeepAliveConnection } from './keep-alive-connection.ts'
import { bodyOf } from './launches.ts'
import { type Measured, measured, type Report, type Target, target } from './report.ts'

const FLEET = 20
const STREAMS = 500
const KINDS = [
  '/engines',
  '/orchestrator/status',
  '/streams of an engine',
  '/streams',
  '/stats of one',
] as const
const CONNECTIONS = 8
const SECONDS = 20
/** Between two questions of one connection: some 800 questions a second in all. */
const PAUSE_MS = 10
const TARGET_P99_MS = 10
/** A question and a round that writes are both once a second and not in step, so a second now and then has none. */
const TARGET_SAMPLES = 0.9

type Kind = (typeof KINDS)[number]
type Times = ReadonlyMap<Kind, readonly number[]>

interface Stage {
  readonly server: TestServer
  readonly engines: readonly ListedEngine[]
  readonly streamIds: readonly string[]
}

/** Measures the reads with and without statistics; see the top of the file. */
export async function measureStreams(bench: Bench): Promise<Report> {
  const stage = await playingStreams(bench)
  const calm = await load(bench, stage)
  await stage.server.end()
  await stage.server.start({ COLLECT_INTERVAL_S: '1' })
  await until('each stream has a sample', () => hasSamples(stage.server), 30_000)
  const fromMs = Date.now()
  const polled = await load(bench, stage)
  const counts = samplesBetween(stage.server, fromMs, Date.now())
  const started = await stage.server.get<unknown[]>('/streams?status=started')
  if (counts.length !== STREAMS || started.length !== STREAMS)
    throw new Error(`of ${STREAMS} streams ${counts.length} had samples, and ${started.length} are started`)
  const samples = measured(
    'samples of a stream in a second',
    'samples',
    counts.map((n) => n / SECONDS),
  )
  const reads = rowsOf(calm, polled)
  return {
    name: 'streams',
    notes: [
      `${STREAMS} started streams on ${FLEET} engines, which share the machine; ${CONNECTIONS} connections ask for one thing after`,
      `the other, each ${PAUSE_MS} ms after the last answer, for ${SECONDS} s: calm with COLLECT_INTERVAL_S=3600, polled with 1.`,
      `The samples were counted in the database; each connection asks in turn for ${KINDS.join(', ')}.`,
    ],
    measured: [...reads.measured, samples],
    targets: [
      ...reads.targets,
      target({
        what: 'samples a second, of the stream with the fewest',
        value: samples.min,
        unit: '',
        bound: 'at least',
        target: TARGET_SAMPLES,
      }),
    ],
  }
}

async function playingStreams(bench: Bench): Promise<Stage> {
  const server = await bench.server(await bench.docker(), {
    MAX_REPLICAS: String(FLEET),
    PROVISION_DEADLINE_MS: '60000',
    PORT_RANGE_HOST: rangeSetting(freePortRange(100)),
    COLLECT_INTERVAL_S: '3600',
    // Nobody reads the bytes, and the sessions have to last.
    ENGINE_ENV: '{"SESSION_IDLE_MS":"3600000","LOAD_MS":"0"}',
  })
  await server.start()
  const engines = await provisionFleet(server, FLEET)
  const perEngine = Array.from({ length: STREAMS / FLEET }, (_, n) => n)
  const streamIds = await Promise.all(
    engines.map(async (engine) => {
      const ids: string[] = []
      for (const _ of perEngine) ids.push(await play(server, engine))
      return ids
    }),
  )
  return { server, engines, streamIds: streamIds.flat() }
}

/** Opens a session at an engine as acexy does, and reports it. */
async function play(server: TestServer, { host, port }: ListedEngine): Promise<string> {
  const key = crypto.randomUUID().replaceAll('-', '').padStart(40, 'a')
  const transport = { clock: systemClock, send: (request: Request) => fetch(request) }
  const session = await openSession(transport, { host, port }, { by: 'infohash', key })
  const { stat_url, command_url, is_live } = session
  const answer = await server.post('/events/stream_started', {
    engine: { host, port },
    stream: { key_type: 'infohash', key },
    session: { playback_session_id: playbackIdOf(session), stat_url, command_url, is_live },
  })
  const stream: { id: string; container_id: string | null } = await bodyOf(answer)
  if (stream.container_id === null) throw new Error(`the stream at ${host}:${port} was matched to no engine`)
  return stream.id
}

async function hasSamples(server: TestServer): Promise<boolean> {
  const streams =
    await server.get<{ stats_at: string | null; speed_down: number | null }[]>('/streams?status=started')
  return streams.length === STREAMS && streams.every(({ speed_down }) => speed_down !== null)
}

/** How many samples each stream has of this time. */
function samplesBetween({ databasePath }: TestServer, fromMs: number, untilMs: number): number[] {
  const database = new Database(databasePath, { readonly: true })
  try {
    return database
      .query<{ n: number }, [number, number]>(
        'SELECT count(*) AS n FROM stream_stats WHERE at BETWEEN ? AND ? GROUP BY stream_row_id',
      )
      .all(fromMs, untilMs)
      .map(({ n }) => n)
  } finally {
    database.close()
  }
}

async function load(bench: Bench, stage: Stage): Promise<Times> {
  const times = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]))
  const endMs = performance.now() + SECONDS * 1_000
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, first) => ask(bench, stage, times, endMs, first)))
  return times
}

async function ask(
  bench: Bench,
  stage: Stage,
  times: ReadonlyMap<Kind, number[]>,
  endMs: number,
  first: number,
): Promise<void> {
  const connection = await KeepAliveConnection.open(stage.server.url)
  try {
    for (let turn = first; performance.now() < endMs; turn++) {
      bench.signal.throwIfAborted()
      const kind = KINDS[turn % KINDS.length] ?? KINDS[0]
      const path = pathOf(kind, stage, turn)
      const startedMs = performance.now()
      await connection.get(path)
      times.get(kind)?.push(performance.now() - startedMs)
      await Bun.sleep(PAUSE_MS)
    }
  } finally {
    connection.close()
  }
}

function pathOf(kind: Kind, { engines, streamIds }: Stage, turn: number): string {
  switch (kind) {
    case '/streams of an engine':
      return `/streams?container_id=${engines[turn % engines.length]?.container_id}&status=started`
    case '/streams':
      return '/streams?status=started'
    case '/stats of one':
      return `/streams/${encodeURIComponent(streamIds[turn % streamIds.length] ?? '')}/stats`
    default:
      return kind
  }
}

function rowsOf(calm: Times, polled: Times): { measured: Measured[]; targets: Target[] } {
  const all = (times: Times): number[] => [...times.values()].flat()
  const named: [string, readonly number[], readonly number[]][] = [
    ...KINDS.map((kind): [string, readonly number[], readonly number[]] => [
      kind,
      calm.get(kind) ?? [],
      polled.get(kind) ?? [],
    ]),
    ['all', all(calm), all(polled)],
  ]
  const limit = { unit: 'ms', bound: 'at most', target: TARGET_P99_MS } as const
  const rows = named.map(([name, before, after]) => ({
    name,
    calm: measured(`${name}, calm`, 'ms', before),
    polled: measured(`${name}, polled`, 'ms', after),
  }))
  return {
    measured: rows.flatMap((row) => [row.calm, row.polled]),
    targets: rows.map((row) =>
      target({
        what: `p99 of ${row.name}, polled (${(row.polled.p99 / row.calm.p99).toFixed(2)} of the calm one)`,
        value: row.polled.p99,
        ...limit,
      }),
    ),
  }
}

if (import.meta.main) await runBenchmarks([measureStreams])
