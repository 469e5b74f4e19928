import { heapStats } from 'bun:jsc'
import type { History } from '../../src/wire/settings.ts'
import { Crashed } from './life.ts'
import { CHAOS_KINDS, type ChaosKind, IMAGE, LABEL, type Scenario } from './scenario.ts'
import { configOf } from './server.ts'
import { lookAtTables, samplesFaults, type TableLook } from './table-bounds.ts'
import { setEventTrouble, setLatencies } from './weather.ts'
import { World } from './world.ts'

export interface DayOptions {
  readonly seed: number
  readonly hours: number
  /** Mean number of streams at a time. */
  readonly streams: number
  /** Mean duration of a stream. */
  readonly stayMs: number
  readonly collectSeconds: number
  readonly samplesPerStream: number
  readonly history: History
  /** Mean time between faults of each kind. Kinds that are left out never happen. */
  readonly trouble: Readonly<Partial<Record<ChaosKind, number>>>
  /** Simulated time between two measurements. */
  readonly lookEveryMs: number
}

/** One measurement of the running orchestrator. Sizes are bytes. */
export interface DayLook {
  readonly atMs: number
  readonly started: number
  readonly tables: readonly TableLook[]
  /** Heap of the whole process after a garbage collection: the orchestrator and the simulated world. */
  readonly heap: number
  /** Resident memory without the database, which is in memory here. */
  readonly rss: number
  readonly database: number
}

export interface DayOutcome {
  readonly looks: readonly DayLook[]
  /** Broken bounds, faulty samples and broken promises. Empty if all is well. */
  readonly violations: readonly string[]
  /** How often each event happened. */
  readonly counts: Readonly<Record<string, number>>
}

const PER_ENGINE = 10
const MINUTE_MS = 60_000
/**
 * The longest time between two sweeps, as seen from a measurement at any time. A sweep runs once a minute, and a full pass
 * may be late.
 */
const SWEEP_MS = 3 * MINUTE_MS

/**
 * Runs the orchestrator for hours with many viewers and ordinary faults, in one life: what a restart would clear must be
 * bounded, too. Stops at the first measurement that shows a problem.
 */
export async function simulateDay(options: DayOptions, onLook: (look: DayLook) => void): Promise<DayOutcome> {
  const world = new World(options.seed, null, (drawn) => dayOf(drawn, options))
  const onUncaught = (error: unknown): void => {
    if (!(error instanceof Crashed)) world.violate(`nobody caught: ${error}`)
  }
  process.on('unhandledRejection', onUncaught)
  try {
    return await live(world, options, onLook)
  } finally {
    process.off('unhandledRejection', onUncaught)
  }
}

async function live(world: World, options: DayOptions, onLook: (look: DayLook) => void): Promise<DayOutcome> {
  const { scenario, clock, random, dice, chaos, crowds, host, violations } = world
  const startMs = clock.now()
  dice.rates = scenario.rates
  setLatencies(world, random.stream('latency'))
  setEventTrouble(world, random.stream('events'))
  world.startServer(scenario.env, () => world.violate('the process ended'))
  world.proxies.begin()
  chaos.start(scenario.chaos)
  crowds.come(random.stream('arrivals'), scenario.viewersEveryMs)
  const looks: DayLook[] = []
  const endMs = startMs + options.hours * 60 * MINUTE_MS
  while (clock.now() < endMs && violations.length === 0) {
    const untilMs = Math.min(endMs, clock.now() + options.lookEveryMs)
    while (violations.length === 0 && (await clock.step(untilMs))) host.look()
    const look = lookAt(world, options, clock.now() - startMs)
    looks.push(look)
    onLook(look)
  }
  return { looks, violations, counts: world.coverage.counts }
}

function lookAt(world: World, { history, samplesPerStream }: DayOptions, atMs: number): DayLook {
  const { database, scenario, books } = world
  const late = Math.ceil((2 * SWEEP_MS) / scenario.viewersEveryMs) + 20
  const tables = lookAtTables(database, { config: configOf(scenario.env), history, late })
  for (const { table, rows, bound } of tables)
    if (rows > bound) world.violate(`the table ${table} has ${rows} rows, more than ${bound}`)
  for (const fault of samplesFaults(database, samplesPerStream)) world.violate(fault)
  const pages = database.query<{ bytes: number }, []>(
    'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()',
  )
  const size = pages.get()?.bytes ?? 0
  Bun.gc(true)
  return {
    atMs,
    started: books.startedStreams().length,
    tables,
    heap: heapStats().heapSize,
    rss: process.memoryUsage.rss() - size,
    database: size,
  }
}

/** Turns a drawn scenario into a day with many viewers. */
function dayOf(drawn: Scenario, options: DayOptions): Scenario {
  const engines = Math.ceil((options.streams * 1.2) / PER_ENGINE)
  return {
    ...drawn,
    env: envOf(options, engines),
    changedEnv: null,
    crashes: 0,
    placedCrashes: 0,
    rates: {
      failBefore: 0.002,
      failAfter: 0.001,
      loseQuestion: 0.001,
      loseAnswer: 0.001,
      delay: 0.01,
      hang: 0.001,
    },
    chaos: { ...quiet, ...options.trouble },
    // The factor makes up for viewers that are cut off early or turned away.
    viewersEveryMs: (0.82 * options.stayMs) / options.streams,
    proxies: 3,
    eventTrouble: 0.02,
    slowCommits: 0.02,
    audience: {
      stayMs: options.stayMs,
      contents: 10 * options.streams,
      perEngine: PER_ENGINE,
      wrongKeys: 0,
      zapping: 0,
    },
    history: options.history,
    vpn: null,
    swarm: null,
    others: [],
  }
}

const quiet = Object.fromEntries(CHAOS_KINDS.map((kind) => [kind, null])) as Scenario['chaos']

function envOf({ collectSeconds, samplesPerStream }: DayOptions, engines: number): Scenario['env'] {
  return {
    TARGET_IMAGE: IMAGE,
    ENGINE_RECIPE: 'variables',
    CONTAINER_LABEL: `${LABEL.key}=${LABEL.value}`,
    MIN_REPLICAS: String(engines),
    MIN_FREE_REPLICAS: '2',
    MAX_REPLICAS: String(engines + 4),
    AUTO_DELETE: 'true',
    PORT_RANGE_HOST: '19000-19999',
    COLLECT_INTERVAL_S: String(collectSeconds),
    STATS_HISTORY_MAX: String(samplesPerStream),
    ENGINE_CACHE_PATH: '/home/appuser/.ACEStream/.acestream_cache',
  }
}
