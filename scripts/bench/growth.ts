/**
 * Measures how cost grows from 10 to 10,000 engines, which are rows in a database: a planning pass in this process; the
 * start, the memory and the reads of an orchestrator that finds no Docker.
 */

import { join } from 'node:path'
import { plan } from '../../src/core/plan/plan.ts'
import { liveEngines, updateEngine } from '../../src/store/engines.ts'
import { until } from '../../tests/support/docker.ts'
import type { TestServer } from '../../tests/support/server.ts'
import type { ListedEngine } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { SIZES } from './plan.ts'
import { type Curve, measured, type Report, target } from './report.ts'
import { fillWithEngines, insertEngines } from './rows.ts'
import { siteOf } from './site.ts'
import { growthExponent, median } from './statistics.ts'
import { mainThreadMicros, residentMb } from './throughput.ts'

const IMAGE = 'roundhouse-engine-emulator:rows'
const PATHS = ['/engines', '/orchestrator/status', '/health/status', '/metrics']
const PASSES = 20
const STARTS = 3
const READS = 15
const WARM_UP = 5
/** An answer is rendered again after 100 ms, so each of these reads pays for its rendering. */
const READ_EVERY_MS = 110
/** The process is at rest when its main thread used less than this share of a second. */
const REST = { share: 0.1, forMs: 1_000, withinMs: 60_000 }
/** Linear growth is 1. The rest allows for caches that are too small for a large fleet. */
const TARGET_EXPONENT = 1.2

/** The costs at one size by what they are, in the unit of the curve. */
type Costs = ReadonlyMap<string, readonly number[]>

/** Measures the growth; see the top of the file. */
export async function measureGrowth(bench: Bench): Promise<Report> {
  const rows: { readonly size: number; readonly costs: Costs }[] = []
  for (const size of SIZES) {
    const costs = new Map([...passesOf(size), ...(await costsOfServer(bench, size))])
    rows.push({ size, costs })
  }
  const names = [...(rows[0]?.costs.keys() ?? [])]
  const curves = names.map((what): Curve => {
    const points = rows.map(({ size, costs }) => ({ size, value: median(costs.get(what) ?? []) }))
    return { what, unit: unitOf(what), points }
  })
  return {
    name: 'growth',
    notes: [
      'The engines are rows in a database. A read comes when its answer has to be rendered again. A pass after a commit reads the',
      `rows anew; one after facts does not. The starts have no Docker. ${PASSES} passes, ${STARTS} starts, ${READS} reads of each.`,
    ],
    measured: rows.flatMap(({ size, costs }) =>
      [...costs].map(([what, samples]) => measured(`${what}, ${size} engines`, unitOf(what), samples)),
    ),
    targets: [
      target({
        what: 'the greatest exponent of the last two sizes',
        row: 'greatest exponent of a cost, from 1,000 to 10,000 engines',
        value: Math.max(...curves.map(lastExponent)),
        unit: '',
        bound: 'at most',
        target: TARGET_EXPONENT,
      }),
    ],
    curves,
  }
}

const MEMORY = 'resident memory'
const unitOf = (what: string): Curve['unit'] => (what === MEMORY ? 'MB' : 'ms')

/** Between the two largest sizes: before, what costs the same at any size hides the growth. */
const lastExponent = ({ points }: Curve): number => growthExponent(points.slice(-2))

/** Passes of a fleet that is as it should be: a snapshot of everything, and the plan of it. */
function passesOf(size: number): Costs {
  const { temp, base, clock, work } = siteOf({ MIN_REPLICAS: String(size), MAX_REPLICAS: String(size) })
  try {
    insertEngines(temp.store, size, IMAGE)
    base.facts.setDocker('reachable', clock.now())
    base.facts.setGap(clock.now())
    base.facts.setCurrent()
    const [first] = liveEngines(temp.store.db)
    if (first === undefined) throw new Error('there is no engine')
    const pass = (): number => timed(() => plan(work.snapshots.take()))
    const passAfterCommit = (lastStreamAt: number): number => {
      temp.store.transact((tx) => updateEngine(tx, first.id, { lastStreamAt }))
      return pass()
    }
    const all = (one: (n: number) => number): readonly number[] =>
      Array.from({ length: WARM_UP + PASSES }, (_, n) => one(n)).slice(WARM_UP)
    return new Map([
      ['a planning pass after facts', all(pass)],
      ['a planning pass after a commit', all(passAfterCommit)],
    ])
  } finally {
    temp.dispose()
  }
}

function timed(work: () => unknown): number {
  const beganMs = performance.now()
  work()
  return performance.now() - beganMs
}

async function costsOfServer(bench: Bench, size: number): Promise<Costs> {
  const server = await bench.server(await bench.docker(), {
    MAX_REPLICAS: String(size),
    // Nobody answers at the ports of these rows: the first probe must not be followed by those that complete a verdict.
    HEALTH_CHECK_INTERVAL_S: '3600',
  })
  fillWithEngines(server.databasePath, size, IMAGE)
  const starts: number[] = []
  for (let n = 0; n < STARTS; n++) {
    bench.signal.throwIfAborted()
    await server.end()
    starts.push(await startOf(server, size))
  }
  await rest(server.pid)
  const memory = residentMb(server.pid)
  const reads = new Map<string, readonly number[]>()
  for (const path of PATHS) reads.set(`GET ${path}`, await readsOf(bench, server, path))
  await server.end()
  return new Map([['a start, until /engines lists all', starts], [MEMORY, [memory]], ...reads])
}

/** Milliseconds from the start of the process to a list of all engines. */
async function startOf(server: TestServer, size: number): Promise<number> {
  const beganMs = performance.now()
  await server.start({ DOCKER_HOST: `unix://${join(server.folder, 'no-docker.sock')}` }, '/healthz')
  await until(`${size} engines are listed`, async () => {
    const listed = await server.get<readonly ListedEngine[]>('/engines')
    return listed.length === size
  })
  return performance.now() - beganMs
}

/** Resolves when the process has done what its start leaves to be done. */
async function rest(pid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < REST.withinMs; waitedMs += REST.forMs) {
    const before = await mainThreadMicros(pid)
    await Bun.sleep(REST.forMs)
    if ((await mainThreadMicros(pid)) - before < REST.share * REST.forMs * 1_000) return
  }
  throw new Error(`the process is not at rest after ${REST.withinMs} ms`)
}

async function readsOf(bench: Bench, { url }: TestServer, path: string): Promise<readonly number[]> {
  const times: number[] = []
  for (let n = -WARM_UP; n < READS; n++) {
    bench.signal.throwIfAborted()
    await Bun.sleep(READ_EVERY_MS)
    const beganMs = performance.now()
    await (await fetch(`${url}${path}`)).bytes()
    if (n >= 0) times.push(performance.now() - beganMs)
  }
  return times
}

if (import.meta.main) await runBenchmarks([measureGrowth])
