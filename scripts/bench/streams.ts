/**
 * Measures how much statistics delay a reader: the requests of proxies and panels, under load, while 500 streams play on
 * real engines. First the engines are hardly ever asked for statistics, then once a second for each stream.
 */

import { Database } from 'bun:sqlite'
import { until } from '../../tests/support/docker.ts'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { provisionFleet } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { KeepAliveConnection } from './keep-alive-connection.ts'
import { LASTING_SESSIONS, playStreams } from './playing.ts'
import { type Measured, measured, type Report, type Target, target } from './report.ts'
import { mainThreadMicros, startRawServer } from './throughput.ts'

const FLEET = 20
const STREAMS = 500
const CONNECTIONS = 4
const SECONDS = 25
/** The pause of a connection between an answer and the next question; some 150 questions a second in all. */
const PAUSE_MS = 20
const TARGET_P99_MS = 10
/** Polling and writing both happen once a second but not in step, so some seconds have no sample. */
const TARGET_SAMPLES = 0.9

/** Another server that answers with the bytes of `/engines`. If it gets slower, the machine is the cause. */
const BARE = 'a bare server'

interface Stage {
  readonly server: TestServer
  /** The paths by kind. The connections take the paths of each kind in turn. */
  readonly paths: ReadonlyMap<string, readonly string[]>
  readonly bareUrl: string
}

/** The times of each kind of question in milliseconds, and the share of a processor that the main thread used. */
interface Phase {
  readonly times: ReadonlyMap<string, readonly number[]>
  readonly busy: number
}

/** Measures the reads with and without statistics; see the top of the file. */
export async function measureStreams(bench: Bench): Promise<Report> {
  const stage = await playingStage(bench)
  const calm = await load(bench, stage)
  await stage.server.end()
  await stage.server.start({ COLLECT_INTERVAL_S: '1' })
  await until('each stream has figures', () => haveFigures(stage.server), 30_000)
  const fromMs = Date.now()
  const polled = await load(bench, stage)
  const counts = samplesBetween(stage.server, fromMs, Date.now())
  const started = await stage.server.get<unknown[]>('/streams?status=started')
  if (counts.length !== STREAMS || started.length !== STREAMS)
    throw new Error(`of ${STREAMS} streams ${counts.length} had samples, and ${started.length} are started`)
  return reportOf(calm, polled, counts)
}

async function playingStage(bench: Bench): Promise<Stage> {
  const server = await bench.server(await bench.docker(), {
    MAX_REPLICAS: String(FLEET),
    PROVISION_DEADLINE_MS: '60000',
    PORT_RANGE_HOST: rangeSetting(freePortRange(100)),
    COLLECT_INTERVAL_S: '3600',
    ...LASTING_SESSIONS,
  })
  await server.start()
  const engines = await provisionFleet(server, FLEET)
  const ids = await playStreams(server, engines, STREAMS / FLEET)
  const bare = await startRawServer(bench, server.folder, JSON.stringify(await server.get('/engines')))
  const paths = new Map([
    ['/engines', ['/engines']],
    ['/orchestrator/status', ['/orchestrator/status']],
    [
      '/streams of an engine',
      engines.map(({ container_id: id }) => `/streams?container_id=${id}&status=started`),
    ],
    ['/streams, all', ['/streams?status=started']],
    ['/streams/{id}/stats', ids.map((id) => `/streams/${encodeURIComponent(id)}/stats`)],
  ])
  return { server, paths, bareUrl: bare.url }
}

async function haveFigures(server: TestServer): Promise<boolean> {
  const streams = await server.get<{ speed_down: number | null }[]>('/streams?status=started')
  return streams.length === STREAMS && streams.every(({ speed_down }) => speed_down !== null)
}

/** How many samples each stream has from this period, according to the database. */
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

async function load(bench: Bench, stage: Stage): Promise<Phase> {
  const { pid } = stage.server
  const times = new Map<string, number[]>([...stage.paths.keys(), BARE].map((kind) => [kind, []]))
  const microsBefore = await mainThreadMicros(pid)
  const endMs = performance.now() + SECONDS * 1_000
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, first) => ask(bench, stage, times, endMs, first)))
  return { times, busy: ((await mainThreadMicros(pid)) - microsBefore) / (SECONDS * 1_000_000) }
}

async function ask(
  bench: Bench,
  { server, paths, bareUrl }: Stage,
  times: ReadonlyMap<string, number[]>,
  endMs: number,
  first: number,
): Promise<void> {
  const connection = await KeepAliveConnection.open(server.url)
  const bare = await KeepAliveConnection.open(bareUrl)
  const timed = async (kind: string, to: KeepAliveConnection, path: string): Promise<void> => {
    const startedMs = performance.now()
    await to.get(path)
    times.get(kind)?.push(performance.now() - startedMs)
    await Bun.sleep(PAUSE_MS)
  }
  try {
    for (let turn = first; performance.now() < endMs; turn++) {
      bench.signal.throwIfAborted()
      for (const [kind, some] of paths) await timed(kind, connection, some[turn % some.length] ?? '/')
      await timed(BARE, bare, '/')
    }
  } finally {
    connection.close()
    bare.close()
  }
}

function reportOf(calm: Phase, polled: Phase, counts: readonly number[]): Report {
  const kinds = [...calm.times.keys()]
  const ofOurs = ({ times }: Phase): number[] => [...times].flatMap(([kind, of]) => (kind === BARE ? [] : of))
  const all = {
    calm: measured('all of ours, calm', 'ms', ofOurs(calm)),
    polled: measured('all of ours, polled', 'ms', ofOurs(polled)),
  }
  const samples = measured(
    'samples of a stream in a second',
    'samples',
    counts.map((n) => n / SECONDS),
  )
  return {
    name: 'streams',
    notes: [
      `${STREAMS} started streams on ${FLEET} engines, which share the machine; ${CONNECTIONS} connections ask for one thing after`,
      `the other, each ${PAUSE_MS} ms after the last answer, for ${SECONDS} s: calm with COLLECT_INTERVAL_S=3600, polled with 1.`,
      'The bare server shows what the machine itself does to an answer. The samples were counted in the database.',
    ],
    measured: [
      ...kinds.flatMap((kind) => [rowOf(kind, 'calm', calm), rowOf(kind, 'polled', polled)]),
      ...[all.calm, all.polled, samples],
      measured("the server's main thread, calm", 'of one processor', [calm.busy]),
      measured("the server's main thread, polled", 'of one processor', [polled.busy]),
    ],
    targets: targetsOf(all, samples),
  }
}

const rowOf = (kind: string, phase: string, { times }: Phase): Measured =>
  measured(`${kind}, ${phase}`, 'ms', times.get(kind) ?? [])

function targetsOf(all: { calm: Measured; polled: Measured }, samples: Measured): Target[] {
  return [
    target({
      what: 'p99 of all of ours, polled',
      floor: { what: 'the same, calm', value: all.calm.p99 },
      value: all.polled.p99,
      unit: 'ms',
      bound: 'at most',
      target: TARGET_P99_MS,
    }),
    target({
      what: 'samples a second, of the stream with the fewest',
      value: samples.min,
      unit: '',
      bound: 'at least',
      target: TARGET_SAMPLES,
    }),
  ]
}

if (import.meta.main) await runBenchmarks([measureStreams])
