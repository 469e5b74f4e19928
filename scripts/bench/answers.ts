/**
 * Measures the answers about the fleet as a whole, and the list of engines: their rate compared with a bare server that sends
 * the same bytes, with engines and streams that are only rows.
 */

import { join } from 'node:path'
import { type Bench, runBenchmarks } from './harness.ts'
import { type Measured, measured, type Report, type Target, target } from './report.ts'
import { fillWithEngines, fillWithStreams } from './rows.ts'
import { median } from './statistics.ts'
import { type Contestant, loadRound, type Round, startRawServer } from './throughput.ts'

const SIZES = [
  { engines: 20, streams: 0 },
  { engines: 100, streams: 200 },
] as const
const PATHS = [
  { path: '/engines', ratio: 0.9 },
  { path: '/orchestrator/status', ratio: 0.6 },
  { path: '/vpn/status', ratio: 0.6 },
  { path: '/health/status', ratio: 0.6 },
  { path: '/metrics', ratio: 0.6, p99Ms: 5 },
] as const
const ROUNDS = 3
const SCRAPES = 150
/** An answer is rendered again after 100 ms, and a monitor comes later than that: each scrape pays for its rendering. */
const SCRAPE_EVERY_MS = 110
const SCRAPES_WARM_UP = 50
const TARGET_SCRAPE_P99_MS = 5

/** Measures the answers; see the top of the file. */
export async function measureAnswers(bench: Bench): Promise<Report> {
  const parts: { readonly measured: readonly Measured[]; readonly targets: readonly Target[] }[] = []
  for (const size of SIZES) {
    const server = await startWithRows(bench, size)
    for (const { path, ...wanted } of PATHS) {
      const name = `${path}, ${size.engines} engines, ${size.streams} streams`
      const ours = { name, url: `${server.url}${path}`, pid: server.pid }
      parts.push(await againstBare(bench, ours, server.folder, wanted))
    }
  }
  return {
    name: 'answers',
    notes: [
      'The engines and streams are rows in the database of an orchestrator that finds no Docker.',
      'Both servers get the same load in turn, and send the same bytes.',
    ],
    measured: parts.flatMap((part) => part.measured),
    targets: parts.flatMap((part) => part.targets),
  }
}

async function startWithRows(bench: Bench, { engines, streams }: Record<'engines' | 'streams', number>) {
  const server = await bench.server(await bench.docker(), {
    MAX_REPLICAS: String(engines),
    // Nobody answers at the ports of these rows: the first probe must not be followed by those that complete a verdict.
    HEALTH_CHECK_INTERVAL_S: '3600',
  })
  fillWithEngines(server.databasePath, engines, 'roundhouse-engine-emulator:rows')
  fillWithStreams(server.databasePath, streams)
  await server.start({ DOCKER_HOST: `unix://${join(server.folder, 'no-docker.sock')}` }, '/healthz')
  return server
}

/** The least rate, as a share of that of a bare server, and the longest time that 99 of 100 answers may take. */
interface Wanted {
  readonly ratio: number
  readonly p99Ms?: number
}

async function againstBare(bench: Bench, ours: Contestant, folder: string, { ratio, p99Ms }: Wanted) {
  const raw = await startRawServer(bench, folder, await (await fetch(ours.url)).text())
  const sides = [ours, raw].map((contestant) => ({ contestant, rounds: [] as Round[] }))
  for (let round = 0; round < ROUNDS; round++)
    for (const { contestant, rounds } of round % 2 === 0 ? sides : sides.toReversed())
      rounds.push(await loadRound(bench, contestant))
  const rates = sides.map(({ rounds }) => rounds.map(({ requestsPerSecond }) => requestsPerSecond))
  const [medianOurs = 0, medianRaw = 0] = rates.map(median)
  const [p99Ours = 0, p99Raw = 0] = sides.map(({ rounds }) => median(rounds.map((round) => round.p99Ms)))
  const floor = 'a bare server, same bytes'
  return {
    measured: sides.map(({ contestant: { name } }, at) => measured(name, 'requests/s', rates[at] ?? [])),
    targets: [
      target({
        what: `${ours.name}, of a bare server`,
        row: `${ours.name}, requests/s`,
        floor: { what: floor },
        value: medianOurs / medianRaw,
        unit: '',
        bound: 'at least',
        target: ratio,
      }),
      ...(p99Ms === undefined
        ? []
        : [
            target({
              ...{ what: `${ours.name}, p99`, row: `${ours.name}, p99 under this load`, value: p99Ours },
              ...{ unit: 'ms', bound: 'at most', target: p99Ms },
              floor: { what: floor, value: p99Raw },
            }),
          ]),
    ],
  }
}

/** Measures scrapes of `/metrics` that come alone, in turn with those of a bare server. */
export async function measureScrapes(bench: Bench): Promise<Report> {
  const size = { engines: 100, streams: 200 }
  const { url, folder } = await startWithRows(bench, size)
  const raw = await startRawServer(bench, folder, await (await fetch(`${url}/metrics`)).text())
  const [ours, bare]: [number[], number[]] = [[], []]
  for (let n = -SCRAPES_WARM_UP; n < SCRAPES; n++) {
    bench.signal.throwIfAborted()
    await Bun.sleep(SCRAPE_EVERY_MS)
    const [oursMs, bareMs] = [await timeOf(`${url}/metrics`), await timeOf(`${raw.url}/metrics`)]
    if (n < 0) continue
    ours.push(oursMs)
    bare.push(bareMs)
  }
  const row = measured(`/metrics, ${size.engines} engines, ${size.streams} streams`, 'ms', ours)
  const floor = measured('a bare server, same bytes', 'ms', bare)
  return {
    name: 'scrapes',
    notes: [
      `As in answers, but ${SCRAPES} of each come one by one after ${SCRAPES_WARM_UP} others, ${SCRAPE_EVERY_MS} ms apart: each is rendered anew.`,
    ],
    measured: [row, floor],
    targets: [
      target({
        ...{ what: `p99 of ${row.what}`, row: `${row.what}, p99 of scrapes one by one`, value: row.p99 },
        ...{ unit: 'ms', bound: 'at most', target: TARGET_SCRAPE_P99_MS },
        floor: { what: floor.what, value: floor.p99 },
      }),
    ],
  }
}

async function timeOf(url: string): Promise<number> {
  const beganMs = performance.now()
  await (await fetch(url)).bytes()
  return performance.now() - beganMs
}

if (import.meta.main) await runBenchmarks([measureAnswers, measureScrapes])
