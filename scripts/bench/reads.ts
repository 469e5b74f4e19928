/**
 * Measures the requests of proxies: `GET /engines`, compared with a bare server that sends the same bytes, and whole
 * selections of acexy, with 20 real engines and with 100 engines that are only rows.
 */

import { join } from 'node:path'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import { type ListedEngine, provisionFleet, startStream } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { LASTING_SESSIONS, playStreams } from './playing.ts'
import { type Measured, measured, type Report, type Target, target } from './report.ts'
import { fillWithEngines } from './rows.ts'
import { measureSelections, type SelectionTimes } from './selection.ts'
import { median } from './statistics.ts'
import { type Contestant, loadRound, type Round, startRawServer } from './throughput.ts'

const FLEET = 20
const ROWS = 100
const ROUNDS = 5
const TARGET_RATE = 0.9
const TARGET_P99_MS = { calm: 6, others: 30 }

interface Findings {
  readonly measured: readonly Measured[]
  readonly targets: readonly Target[]
}

/** Measures the reads; see the top of the file. */
export async function measureReads(bench: Bench): Promise<Report> {
  const docker = await bench.docker()
  const server = await bench.server(docker, {
    ...LASTING_SESSIONS,
    MAX_REPLICAS: String(FLEET),
    PROVISION_DEADLINE_MS: '60000',
    PORT_RANGE_HOST: rangeSetting(freePortRange(100)),
  })
  await server.start()
  const engines = await provisionFleet(server, FLEET)
  const body = JSON.stringify(await server.get('/engines'))
  const raw = await startRawServer(bench, server.folder, body)
  // An engine is asked about its sessions, and a stream whose session it does not know ends.
  const play = (engine: ListedEngine) => playStreams(server, [engine], 1)
  const ours = { name: `GET /engines, ${FLEET} engines`, url: `${server.url}/engines`, pid: server.pid }
  const parts = [
    await rates(bench, ours, raw),
    selectionFindings(`${FLEET} engines`, await measureSelections(bench, server, engines, play)),
    selectionFindings(`${ROWS} rows`, await selectionsOfRows(bench)),
  ]
  return {
    name: 'reads',
    notes: [
      `Of ${FLEET} engines the answer has ${Buffer.byteLength(body)} bytes; both servers get the same load in turn.`,
      'Where its load generator took nearly a whole processor, a rate says more of the generator than of the server.',
      `A selection: /engines, then the started streams of each, on one connection; half of the engines are busy.`,
      `The ${ROWS} are rows in the database of an orchestrator that finds no Docker; the ${FLEET} are containers.`,
    ],
    measured: parts.flatMap((part) => part.measured),
    targets: parts.flatMap((part) => part.targets),
  }
}

async function rates(bench: Bench, ours: Contestant, raw: Contestant): Promise<Findings> {
  const sides = [ours, raw].map((contestant) => ({ contestant, rounds: [] as Round[] }))
  for (let round = 0; round < ROUNDS; round++) {
    for (const { contestant, rounds } of round % 2 === 0 ? sides : sides.toReversed()) {
      rounds.push(await loadRound(bench, contestant))
    }
  }
  const [medianOurs = 0, medianRaw = 0] = sides.map(({ rounds }) => median(rounds.map(rateOf)))
  const value = medianOurs / medianRaw
  return {
    measured: sides.flatMap(({ contestant: { name }, rounds }) => [
      measured(name, 'requests/s', rounds.map(rateOf)),
      measured(
        name,
        'µs processor/request',
        rounds.map(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest),
      ),
      measured(
        `  its load generator`,
        'of one processor',
        rounds.map(({ generatorBusy }) => generatorBusy),
      ),
    ]),
    targets: [
      target({
        ...{ what: 'ratio of the rates', value, unit: '', bound: 'at least', target: TARGET_RATE },
        floor: { what: raw.name },
      }),
    ],
  }
}

const rateOf = ({ requestsPerSecond }: Round): number => requestsPerSecond

async function selectionsOfRows(bench: Bench): Promise<SelectionTimes> {
  const server = await bench.server(await bench.docker(), {
    MAX_REPLICAS: String(ROWS),
    // Nobody answers at the ports of these rows: the first probe must not be followed by those that complete a verdict.
    HEALTH_CHECK_INTERVAL_S: '3600',
  })
  fillWithEngines(server.databasePath, ROWS, 'roundhouse-engine-emulator:rows')
  const DOCKER_HOST = `unix://${join(server.folder, 'no-docker.sock')}`
  await server.start({ DOCKER_HOST }, '/healthz')
  const engines = await server.get<readonly ListedEngine[]>('/engines')
  return measureSelections(bench, server, engines, (engine) => startStream(server, engine))
}

function selectionFindings(of: string, { calm, bare, afterEvents }: SelectionTimes): Findings {
  const ours = measured(`selection of ${of}`, 'ms', calm)
  const floor = measured(`  of a bare server with the same answers`, 'ms', bare)
  const after = measured(`selection of ${of}, after events`, 'ms', afterEvents)
  const limit = {
    unit: 'ms',
    bound: 'at most',
    floor: { what: 'a bare server, same answers', value: floor.p99 },
  } as const
  const isRow = of === `${FLEET} engines`
  return {
    measured: [ours, floor, after],
    targets: [
      target({
        ...{ what: `p99, ${ours.what}`, value: ours.p99, ...limit },
        ...(isRow
          ? { row: `selection of acexy, N = ${FLEET}, p99`, target: TARGET_P99_MS.calm }
          : { target: TARGET_P99_MS.others }),
      }),
      target({ what: `p99, ${after.what}`, value: after.p99, target: TARGET_P99_MS.others, ...limit }),
    ],
  }
}

if (import.meta.main) await runBenchmarks([measureReads])
