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
  /** Streams at one time, in the mean. */
  readonly streams: number
  /** Mean time that one of them lasts. */
  readonly stayMs: number
  readonly collectSeconds: number
  readonly samplesPerStream: number
  readonly history: History
  /** How often each kind of trouble comes, in the mean; what is left out never does. */
  readonly trouble: Readonly<Partial<Record<ChaosKind, number>>>
  /** Simulated time between two looks. */
  readonly lookEveryMs: number
}

/** One look at the running orchestrator; sizes are bytes. */
export interface DayLook {
  readonly atMs: number
  readonly started: number
  readonly tables: readonly TableLook[]
  /** Of the whole process, after a collection: the orchestrator and the world around it. */
  readonly heap: number
  /** Without the database, which is in memory here. */
  readonly rss: number
  readonly database: number
}

export interface DayOutcome {
  readonly looks: readonly DayLook[]
  /** Broken bounds, samples and promises; empty when all was well. */
  readonly violations: readonly string[]
  /** What happened how often. */
  readonly counts: Readonly<Record<string, number>>
}

const PER_ENGINE = 10
const MINUTE_MS = 60_000
/** A sweep a minute, seen from a look at any time, with a pass that was late. */
const SWEEP_MS = 3 * MINUTE_MS

/**
 * Lets the orchestrator run for hours with many viewers and ordinary trouble, in one life: what it would lose by a restart
 * has to be bounded, too. Ends with the first look at which something is wrong.
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
  const { scenario, clock, random, dice, chaos, viewers, proxies, host, violations } = world
  const startMs = clock.now()
  dice.rates = scenario.rates
  setLatencies(world, random.stream('latency'))
  setEventTrouble(world, random.stream('events'))
  world.startServer(scenario.env, () => world.violate('the process ended'))
  chaos.start(scenario.chaos)
  viewers.come(random.stream('arrivals'), scenario.viewersEveryMs, proxies, (error) =>
    world.violate(`a viewer failed: ${error}`),
  )
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

/** The drawn scenario with all that makes it a day of many viewers. */
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
    // Some are cut off before their time, or turned away.
    viewersEveryMs: (0.82 * options.stayMs) / options.streams,
    proxies: 3,
    eventTrouble: 0.02,
    slowCommits: 0.02,
    audience: { stayMs: options.stayMs, contents: 10 * options.streams, perEngine: PER_ENGINE, wrongKeys: 0 },
    history: options.history,
    vpn: null,
    others: [],
  }
}

const quiet = Object.fromEntries(CHAOS_KINDS.map((kind) => [kind, null])) as Scenario['chaos']

function envOf({ collectSeconds, samplesPerStream }: DayOptions, engines: number): Scenario['env'] {
  return {
    TARGET_IMAGE: IMAGE,
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
