/**
 * Measures `plan()` alone, without Docker, store or server: how long one plan of a mixed fleet takes at 10 to 10000 engines,
 * and whether that grows faster than the number of engines. Then measures all snapshots, judgements and plans while a node
 * of 25 to 200 engines restarts, on a database file.
 */

import type { FleetSnapshot, ObservedEngine } from '../../src/core/plan/fleet-snapshot.ts'
import { plan } from '../../src/core/plan/plan.ts'
import { NOW, observed, snapshot } from '../../tests/support/fleet-snapshots.ts'
import { runBenchmarks } from './harness.ts'
import { restartMs, restartNode, type Spent } from './node-restart.ts'
import { type Measured, measured, type Report, target } from './report.ts'

/** The numbers of engines at which growth is measured. */
export const SIZES = [10, 100, 1_000, 10_000] as const
const LARGEST = 10_000
const WARM_UP = 50
const PLANS = 200
const TARGET_LARGEST_MS = 20
/** Linear growth is 1. The rest allows for caches that are too small for a large fleet, and for a sort. */
const TARGET_GROWTH = 2

/** Measures plans; see the top of the file. */
export async function measurePlan(): Promise<Report> {
  const rows = SIZES.map((size) => ({ size, ...plansOf(size) }))
  const perEngine = (size: number): number => {
    const row = rows.find((each) => each.size === size)
    return row === undefined ? Number.NaN : (row.figures.p50 * 1_000) / size
  }
  const largest = rows.find(({ size }) => size === LARGEST)
  if (largest === undefined) throw new Error(`no plan of ${LARGEST} engines was made`)
  return {
    name: 'plan',
    notes: [
      `One plan of a mixed fleet, ${WARM_UP} plans of warm-up, then ${PLANS} each; in this process, by Bun itself.`,
      `Steps planned: ${rows.map(({ size, actions }) => `${actions} of ${size}`).join(', ')}.`,
      `Microseconds an engine: ${rows.map(({ size }) => `${perEngine(size).toFixed(2)} of ${size}`).join(', ')}.`,
    ],
    measured: rows.map(({ figures }) => figures),
    targets: [
      target({
        what: `p50 of ${LARGEST} engines`,
        row: `a plan of ${LARGEST.toLocaleString('en')} engines, p50`,
        value: largest.figures.p50,
        unit: 'ms',
        bound: 'at most',
        target: TARGET_LARGEST_MS,
      }),
      target({
        what: `p99 of ${LARGEST} engines`,
        value: largest.figures.p99,
        unit: 'ms',
        bound: 'at most',
        target: TARGET_LARGEST_MS,
      }),
      target({
        what: 'time an engine at 10000, to that at 1000',
        value: perEngine(10_000) / perEngine(1_000),
        unit: '',
        bound: 'at most',
        target: TARGET_GROWTH,
      }),
    ],
    curves: [
      {
        what: 'a plan alone',
        unit: 'ms',
        points: rows.map(({ size, figures }) => ({ size, value: figures.p50 })),
      },
    ],
  }
}

function plansOf(size: number): { readonly figures: Measured; readonly actions: number } {
  const given = mixedFleet(size)
  const { actions } = plan(given)
  const times: number[] = []
  for (let n = -WARM_UP; n < PLANS; n++) {
    const beganMs = performance.now()
    plan(given)
    if (n >= 0) times.push(performance.now() - beganMs)
  }
  return { figures: measured(`${size} engines`, 'ms', times), actions: actions.length }
}

/**
 * Makes a fleet. Of ten engines four are idle, three are busy, and one each is draining, unhealthy and outdated. Fewer are
 * wanted than exist, so that every rule looks at all engines and the idle ones are sorted.
 */
function mixedFleet(size: number): FleetSnapshot {
  const engines = Array.from(
    { length: size },
    (_, index) => KINDS[index % KINDS.length]?.(index) ?? idle(index),
  )
  const policy = {
    minReplicas: Math.floor(size / 2),
    minFree: Math.floor(size / 10),
    maxReplicas: 2 * size,
    autoDelete: true,
  }
  return snapshot(engines, policy, { watchedSinceMs: 0 })
}

/** A different time for each engine, in no order. */
const usedAt = (index: number): number => NOW - 100_000 - ((index * 7_919) % 10_007)

const idle = (index: number): ObservedEngine =>
  observed(`engine-${index}`, {}, { lastStreamAt: usedAt(index), restartsAt: [NOW - 400_000, NOW - 10_000] })
const busy = (index: number): ObservedEngine => observed(`engine-${index}`, { streams: 1 })
const draining = (index: number): ObservedEngine =>
  observed(
    `engine-${index}`,
    { look: { kind: index % 20 < 10 ? 'clear' : 'serving' } },
    { status: 'draining', drainCause: 'surplus', drainingSince: usedAt(index) },
  )
const unhealthy = (index: number): ObservedEngine =>
  observed(`engine-${index}`, {
    health: { verdict: 'unhealthy', sinceMs: usedAt(index) },
    streams: index % 2,
  })
const outdated = (index: number): ObservedEngine => observed(`engine-${index}`, { outdated: 'made' })

const KINDS = [idle, busy, idle, draining, busy, idle, unhealthy, busy, outdated, idle]

const NODE_SIZES = [25, 50, 100, 200] as const
const RESTARTS = 3
/** The share of one processor while 200 engines come back. The main thread has to answer proxies, too. */
const TARGET_SHARE = 0.1

/** Measures restarts of a node; see the top of the file. */
export async function measureNodeRestart(): Promise<Report> {
  const rows: { readonly size: number; readonly runs: readonly Spent[] }[] = []
  for (const size of NODE_SIZES) {
    // The first run is the warm-up.
    const runs = await inTurn(RESTARTS + 1, () => restartNode(size))
    rows.push({ size, runs: runs.slice(1) })
  }
  const lines = rows.map(({ size, runs }) => ({
    size,
    snapshots: measured(`a snapshot of ${size} engines`, 'ms', each(runs, 'snapshots')),
    judgement: measured(`a judgement of ${size} engines`, 'ms', each(runs, 'judgements')),
    all: measured(`a node of ${size} engines restarts`, 'ms', runs.map(allOf)),
  }))
  const [first, last] = [lines[0], lines.at(-1)]
  if (first === undefined || last === undefined) throw new Error('no node was restarted')
  const growth = (kind: 'snapshots' | 'judgement'): number =>
    last[kind].p50 / last.size / (first[kind].p50 / first.size)
  const grows = (what: string, value: number) =>
    target({ what, value, unit: '', bound: 'at most', target: TARGET_GROWTH })
  return {
    name: 'node restart',
    notes: [
      'A node restarts and its engines are brought back, eight at a time: two looks before each, and a plan after each burst of',
      `their answers; ${RESTARTS} restarts each. All snapshots, plans and judgements of one together, and the time that it takes:`,
      `${lines.map(({ size, all }) => `${all.p50.toFixed(0)} ms in ${restartMs(size) / 1_000} s of ${size}`).join(', ')}.`,
      `Snapshots: ${rows.map(({ size, runs }) => `${runs[0]?.snapshots.length} of ${size}`).join(', ')}.`,
    ],
    measured: lines.flatMap(({ snapshots, judgement, all }) => [snapshots, judgement, all]),
    targets: [
      grows('a snapshot an engine, of 200 to that of 25', growth('snapshots')),
      grows('a judgement an engine, of 200 to that of 25', growth('judgement')),
      target({
        what: 'share of one processor while 200 come back',
        value: last.all.p50 / restartMs(last.size),
        unit: '',
        bound: 'at most',
        target: TARGET_SHARE,
      }),
    ],
  }
}

const each = (runs: readonly Spent[], kind: keyof Spent): number[] => runs.flatMap((run) => run[kind])

const allOf = ({ snapshots, plans, judgements }: Spent): number =>
  [...snapshots, ...plans, ...judgements].reduce((sum, ms) => sum + ms, 0)

async function inTurn<T>(times: number, work: () => Promise<T>): Promise<readonly T[]> {
  const results: T[] = []
  for (let time = 0; time < times; time++) results.push(await work())
  return results
}

if (import.meta.main) await runBenchmarks([measurePlan, measureNodeRestart])
