import { HISTORY, type History } from '../../src/wire/settings.ts'
import { type FaultRates, NO_FAULTS } from './faults.ts'
import { OWNER_CHAOS_KINDS } from './owners.ts'
import type { Random } from './random.ts'
import type { HostVpn } from './sim-nodes.ts'
import type { SwarmScenario } from './sim-swarm.ts'
import type { HostSights } from './sim-tables.ts'
import { SWARM_CHAOS_KINDS } from './swarm-chaos.ts'
import { drawSwarm } from './swarm-scenario.ts'
import { VPN_CHAOS_KINDS } from './vpn-chaos.ts'
import { drawSwitch, drawVpn } from './vpn-scenario.ts'

export type Env = Readonly<Record<string, string>>

/** What one seed simulates. Everything else is drawn while it runs. */
export interface Scenario {
  readonly env: Env
  /** The configuration from the first crash on that changes it. Null if it stays. */
  readonly changedEnv: Env | null
  readonly faultsMs: number
  readonly crashes: number
  /** Crashes that wait for one place of the code, which may never be reached. */
  readonly placedCrashes: number
  readonly rates: FaultRates
  /** Mean time between disturbances of each kind; null for never. */
  readonly chaos: Readonly<Record<ChaosKind, number | null>>
  readonly viewersEveryMs: number
  readonly proxies: number
  /** Chance that an event of the container engine is late, repeated or lost. */
  readonly eventTrouble: number
  /** Chance that a commit is slow. */
  readonly slowCommits: number
  readonly audience: Audience
  /** How much history is kept. */
  readonly history: History
  /** Null without a VPN. */
  readonly vpn: HostVpn | null
  /** Null with one Docker host. */
  readonly swarm: SwarmScenario | null
  readonly sights: HostSights
  /** Mean time between players that go to an engine without a proxy; null for never. */
  readonly playersEveryMs: number | null
  /** Mean time between groups of viewers who come close together; null for never. */
  readonly groupsEveryMs: number | null
  /** Mean time between people and programs that only look; null for never. */
  readonly lookersEveryMs: number | null
  /** Mean time between somebody's tries of a list of dead contents, one after another; null for never. */
  readonly listsEveryMs: number | null
  /** Containers of other installations with our label that exist before our first start. */
  readonly others: readonly ('created' | 'running' | 'exited')[]
}

/** How the viewers watch. */
export interface Audience {
  /** Mean time that a viewer watches. */
  readonly stayMs: number
  readonly contents: number
  /** How many streams a proxy puts on one engine at most. */
  readonly perEngine: number
  /** Chance that a proxy has a wrong API key or none. */
  readonly wrongKeys: number
  /** Chance that a viewer who leaves opens another content within seconds. */
  readonly zapping: number
}

const AUDIENCE: Omit<Audience, 'zapping'> = { stayMs: 120_000, contents: 12, perEngine: 1, wrongKeys: 0.2 }

/** Viewers who change from content to content, so that engines that play nothing are found out. */
const ZAPPERS: typeof AUDIENCE = { ...AUDIENCE, stayMs: 15_000, contents: 200, wrongKeys: 0 }

/** Disturbances of engines, Docker and the host, and orders of operators. */
export const CHAOS_KINDS = [
  'engine_hangs',
  'engine_deaf',
  'engine_crashes',
  'engine_stalls',
  'crash_loop',
  'sickness',
  'docker_kill',
  'docker_stop',
  'docker_start',
  'docker_rm',
  'docker_restart',
  'docker_pause',
  'docker_copy',
  'stranger_port',
  'image_goes',
  'daemon_down',
  'daemon_frozen',
  'daemon_stopped',
  'events_broken',
  'worker_lost',
  'storage_full',
  'storage_slip',
  'scale',
  'delete',
  'drain',
  'gc',
  'reset_breakers',
  'look_at_plan',
  'look_at_container',
  'look_by_label',
  'run_generic',
  'own_request',
  'compare_status',
  'stop_stream',
  'page_streams',
  ...VPN_CHAOS_KINDS,
  ...OWNER_CHAOS_KINDS,
  ...SWARM_CHAOS_KINDS,
  'engine_mute',
] as const

export type ChaosKind = (typeof CHAOS_KINDS)[number]

/** The label of our containers that are no engines. */
export const GENERIC_LABEL = 'roundhouse.generic'
export const LABEL = { key: 'sim.label', value: 'roundhouse' }
export const IMAGE = 'engine:1'
export const API_KEY = 'the-key-of-the-simulation'

const MINUTE_MS = 60_000

/** The drawn values of `PROVISION_ERROR_DETAIL`. */
const ERROR_DETAILS = ['auto', 'text', 'object'] as const

/** Draws where engines run: on one Docker host, behind a VPN there, or in a swarm. */
function drawSurroundings(random: Random, engines: number) {
  const swarm = drawSwarm(random.stream('many hosts'), engines)
  const vpn = swarm === null ? drawVpn(random.stream('vpn'), engines) : null
  const vpnSwitch = vpn === null ? null : drawSwitch(random.stream('vpn switch'), vpn)
  const placeEnv: Env = { ...swarm?.env, ...vpn?.env, ...vpnSwitch?.before }
  return { swarm: swarm?.scenario ?? null, vpn: vpn?.host ?? null, vpnSwitch, placeEnv }
}

export function drawScenario(random: Random): Scenario {
  const wildness = random.pick([0, 0.3, 1, 1, 2])
  const isZapping = random.stream('zapping').chance(0.25)
  const drawn = drawEnv(random.stream('env'))
  // An engine that plays nothing is found out among others, and replaced where there is room.
  const min = String(Math.ceil(Number(drawn.MAX_REPLICAS) / 2))
  const own = isZapping ? { ...drawn, MIN_REPLICAS: min, AUTO_DELETE: 'true' } : drawn
  const { swarm, vpn, vpnSwitch, placeEnv } = drawSurroundings(random, Number(own.MAX_REPLICAS))
  const others = random.stream('others')
  const takeOver = others.chance(0.2) ? 'never' : 'auto'
  const env = { ...own, ...placeEnv, TAKE_OVER: takeOver }
  const changes = random.chance(0.35) ? drawChange(random.stream('change')) : null
  const change = changes === null && vpnSwitch === null ? null : { ...changes, ...vpnSwitch?.after }
  return {
    env,
    changedEnv: change === null ? null : changed(env, change),
    faultsMs: random.int(6 * MINUTE_MS, 8 * MINUTE_MS),
    // The configuration changes with a crash.
    crashes: Math.max(vpnSwitch === null ? 0 : 1, wildness === 0 ? random.int(0, 1) : random.int(0, 5)),
    placedCrashes: wildness === 0 ? 0 : random.int(5, 8),
    rates: scaled(wildness * 0.01),
    chaos: {
      ...drawChaos(random.stream('chaos'), wildness),
      ...(isZapping ? { engine_mute: MINUTE_MS } : {}),
      ...longCuts(vpn),
      ...never(swarm === null ? SWARM_CHAOS_KINDS : ONLY_ON_DOCKER),
    },
    viewersEveryMs: random.pick([5_000, 10_000, 20_000, 40_000]) / (isZapping ? 2 : 1),
    proxies: random.int(1, 3),
    eventTrouble: wildness === 0 ? 0 : random.pick([0, 0.05, 0.2]),
    slowCommits: random.stream('disk').pick([0.02, 0.1, 0.5, 0.9]),
    audience: {
      ...(isZapping ? ZAPPERS : AUDIENCE),
      zapping: random.stream('zaps').pick([0, 0.2, 0.5]),
    },
    groupsEveryMs: random.stream('groups').pick([null, null, MINUTE_MS, 2 * MINUTE_MS]),
    lookersEveryMs: random.stream('lookers').pick([null, null, MINUTE_MS]),
    history: HISTORY,
    vpn,
    swarm,
    ...drawUnreported(random.stream('unreported')),
    ...(swarm === null ? {} : { sights: NO_SIGHTS }),
    listsEveryMs: random.stream('lists').pick([null, null, 2 * MINUTE_MS]),
    others: drawOthers(others),
  }
}

/** Disturbances that a swarm does not know. */
const ONLY_ON_DOCKER: readonly ChaosKind[] = [
  ...VPN_CHAOS_KINDS,
  'image_goes',
  'tool_recreates',
  'run_generic',
]

/** Nobody looks at engines on other hosts. */
const NO_SIGHTS: HostSights = { engines: 'nothing', nodes: false, counts: false }

const never = (kinds: readonly ChaosKind[]): Partial<Scenario['chaos']> =>
  Object.fromEntries(kinds.map((kind) => [kind, null]))

/** Tunnels are cut for long where nobody but engines tells of it, because engines are only tried then. */
const longCuts = (vpn: HostVpn | null): Partial<Scenario['chaos']> =>
  vpn?.nodes.some(({ speaks, hasHealthCheck }) => speaks === 'none' && !hasHealthCheck)
    ? { vpn_cut_long: 2 * MINUTE_MS }
    : {}

const drawUnreported = (random: Random): Pick<Scenario, 'sights' | 'playersEveryMs'> => ({
  sights: {
    engines: random.pick(['grep', 'grep', 'cat', 'nothing']),
    nodes: random.chance(0.8),
    counts: random.chance(0.85),
  },
  playersEveryMs: random.pick([null, 30_000, 90_000]),
})

function drawOthers(random: Random): Scenario['others'] {
  const count = random.pick([0, 0, 1, 2, 4] as const)
  return Array.from({ length: count }, () =>
    random.pick(['running', 'running', 'created', 'exited'] as const),
  )
}

/** Parts of a scenario that a run can leave out. */
export const PARTS = [
  'faults',
  'crashes',
  'event_trouble',
  'slow_commits',
  'change',
  'others',
  'lookers',
  ...CHAOS_KINDS,
] as const

/**
 * The scenario without these parts. Everything else is drawn as before, because each part draws from a stream of its own.
 */
export function without(scenario: Scenario, parts: ReadonlySet<string>): Scenario {
  const chaos = Object.fromEntries(
    CHAOS_KINDS.map((kind) => [kind, parts.has(kind) ? null : scenario.chaos[kind]]),
  ) as Scenario['chaos']
  return {
    ...scenario,
    chaos,
    ...(parts.has('faults') ? { rates: NO_FAULTS } : {}),
    ...(parts.has('crashes') ? { crashes: 0, placedCrashes: 0 } : {}),
    ...(parts.has('event_trouble') ? { eventTrouble: 0 } : {}),
    ...(parts.has('slow_commits') ? { slowCommits: 0 } : {}),
    ...(parts.has('change') ? { changedEnv: null } : {}),
    ...(parts.has('others') ? { others: [] } : {}),
    ...(parts.has('lookers') ? { lookersEveryMs: null } : {}),
  }
}

function drawEnv(random: Random): Env {
  const max = random.int(2, 8)
  const first = 19_000
  const ports = random.chance(0.3) ? max + 2 : 200
  const values: Readonly<Record<string, number | boolean | string>> = {
    API_KEY,
    TARGET_IMAGE: IMAGE,
    ENGINE_RECIPE: 'variables',
    CONTAINER_LABEL: `${LABEL.key}=${LABEL.value}`,
    MIN_REPLICAS: random.int(0, Math.min(4, max)),
    MIN_FREE_REPLICAS: random.int(0, 2),
    MAX_REPLICAS: max,
    AUTO_DELETE: random.chance(0.6),
    ENGINE_GRACE_PERIOD_S: random.int(5, 30),
    DRAIN_HIDE_S: random.int(25, 30),
    STARTUP_TIMEOUT_S: random.int(20, 30),
    HEALTH_CHECK_INTERVAL_S: random.int(4, 10),
    HEALTH_FAILURE_THRESHOLD: random.int(2, 3),
    HEALTH_UNHEALTHY_GRACE_PERIOD_S: random.int(5, 30),
    HEALTH_REPLACEMENT_COOLDOWN_S: random.int(5, 30),
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: random.int(2, 4),
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: random.int(15, 60),
    CIRCUIT_BREAKER_REPLACEMENT_THRESHOLD: random.int(1, 3),
    CIRCUIT_BREAKER_REPLACEMENT_TIMEOUT_S: random.int(15, 60),
    PORT_RANGE_HOST: `${first}-${first + ports - 1}`,
    MONITOR_INTERVAL_S: random.int(5, 10),
    COLLECT_INTERVAL_S: random.int(3, 5),
    MAX_CONCURRENT_PROVISIONS: random.int(1, 5),
    MIN_PROVISION_INTERVAL_S: random.pick([0, 0, 1, 2]),
    UNCLAIMED_TTL_S: random.int(5, 15),
    ACE_MAP_HTTPS: random.chance(0.2),
    ENGINE_CACHE_PATH: random.chance(0.7) ? '/home/appuser/.ACEStream/.acestream_cache' : '',
    STATS_HISTORY_MAX: random.int(3, 40),
    PULL: random.pick(['never', 'missing', 'always']),
    PROVISION_ERROR_DETAIL: random.pick(ERROR_DETAILS),
    VIEWER_WAIT_S: random.pick([12, 12, 9, 20]),
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
}

/** What an operator changes in the configuration before a restart. */
function drawChange(random: Random): Env {
  return {
    ...(random.chance(0.6) ? { ENGINE_ENV: 'GENERATION=2' } : {}),
    ...(random.chance(0.5) ? { MIN_REPLICAS: String(random.int(0, 2)) } : {}),
    ...(random.chance(0.4) ? { MAX_REPLICAS: String(random.int(2, 4)) } : {}),
  }
}

/**
 * Applies changes. `MAX_REPLICAS` never rises, because the port range may be narrow, and `MIN_REPLICAS` never exceeds it.
 */
function changed(env: Env, changes: Env): Env {
  const both: Env = { ...env, ...changes }
  const max = Math.min(Number(env.MAX_REPLICAS), Number(both.MAX_REPLICAS))
  const min = Math.min(max, Number(both.MIN_REPLICAS))
  return { ...both, MAX_REPLICAS: String(max), MIN_REPLICAS: String(min) }
}

const CHAOS_MEAN_MS: Readonly<Record<ChaosKind, number>> = {
  engine_hangs: 2 * MINUTE_MS,
  engine_deaf: 4 * MINUTE_MS,
  engine_crashes: 2 * MINUTE_MS,
  engine_stalls: 1 * MINUTE_MS,
  crash_loop: 8 * MINUTE_MS,
  sickness: 4 * MINUTE_MS,
  docker_kill: 3 * MINUTE_MS,
  docker_stop: 6 * MINUTE_MS,
  docker_start: 6 * MINUTE_MS,
  docker_rm: 4 * MINUTE_MS,
  docker_restart: 4 * MINUTE_MS,
  docker_pause: 5 * MINUTE_MS,
  docker_copy: 4 * MINUTE_MS,
  stranger_port: 3 * MINUTE_MS,
  image_goes: 6 * MINUTE_MS,
  daemon_down: 5 * MINUTE_MS,
  daemon_frozen: 5 * MINUTE_MS,
  daemon_stopped: 8 * MINUTE_MS,
  events_broken: 3 * MINUTE_MS,
  worker_lost: 5 * MINUTE_MS,
  storage_full: 5 * MINUTE_MS,
  storage_slip: 2 * MINUTE_MS,
  scale: 4 * MINUTE_MS,
  delete: 3 * MINUTE_MS,
  drain: 3 * MINUTE_MS,
  gc: 4 * MINUTE_MS,
  reset_breakers: 5 * MINUTE_MS,
  look_at_plan: 2 * MINUTE_MS,
  look_at_container: 2 * MINUTE_MS,
  look_by_label: 3 * MINUTE_MS,
  run_generic: MINUTE_MS,
  own_request: 2 * MINUTE_MS,
  compare_status: 2 * MINUTE_MS,
  stop_stream: 2 * MINUTE_MS,
  page_streams: 3 * MINUTE_MS,
  vpn_cut_short: 2 * MINUTE_MS,
  vpn_cut_long: 5 * MINUTE_MS,
  vpn_stopped: 4 * MINUTE_MS,
  vpn_reconnect: 3 * MINUTE_MS,
  vpn_restart: 4 * MINUTE_MS,
  vpn_kill: 5 * MINUTE_MS,
  vpn_crash: 5 * MINUTE_MS,
  vpn_recreate: 4 * MINUTE_MS,
  vpn_missing: 6 * MINUTE_MS,
  vpn_pause: 6 * MINUTE_MS,
  vpn_port: 3 * MINUTE_MS,
  vpn_port_gone: 4 * MINUTE_MS,
  vpn_ports_flap: 12 * MINUTE_MS,
  vpn_control: 3 * MINUTE_MS,
  vpn_check_wrong: 3 * MINUTE_MS,
  other_comes: MINUTE_MS,
  other_goes: 3 * MINUTE_MS,
  other_turns: 2 * MINUTE_MS,
  tool_recreates: 2 * MINUTE_MS,
  host_lost: 3 * MINUTE_MS,
  host_blinks: 3 * MINUTE_MS,
  host_drained: 4 * MINUTE_MS,
  host_paused: 4 * MINUTE_MS,
  tasks_slow: 4 * MINUTE_MS,
  engine_mute: 2 * MINUTE_MS,
}

/** Each seed has some kinds and not others, so the mixtures differ and failures are easier to read. */
function drawChaos(random: Random, wildness: number): Scenario['chaos'] {
  const mean = (kind: ChaosKind): number | null =>
    wildness > 0 && random.chance(0.6) ? CHAOS_MEAN_MS[kind] / Math.max(0.5, wildness) : null
  return Object.fromEntries(CHAOS_KINDS.map((kind) => [kind, mean(kind)])) as Scenario['chaos']
}

function scaled(rate: number): FaultRates {
  if (rate === 0) return NO_FAULTS
  return {
    failBefore: 2 * rate,
    failAfter: 0.5 * rate,
    loseQuestion: rate,
    loseAnswer: rate,
    delay: 3 * rate,
    hang: 0.5 * rate,
  }
}
