import type { Config } from './config.ts'
import { Addresses } from './control/addresses.ts'
import { Claims } from './control/claims.ts'
import type { Clock } from './control/clock.ts'
import { OwnContainers } from './control/containers.ts'
import { EngineViews } from './control/engine-views.ts'
import { Facts } from './control/facts.ts'
import { Gate, type GateSettings } from './control/gate.ts'
import { GenericProvisioner } from './control/generic.ts'
import { HealthKeeper, type HealthSource } from './control/health-keeper.ts'
import { prune } from './control/housekeeping.ts'
import { type Checkpoint, Launcher } from './control/launcher.ts'
import type { Log } from './control/log.ts'
import { Observer } from './control/observer.ts'
import { PortBook } from './control/port-book.ts'
import { Provisioner } from './control/provisioner.ts'
import { Remover } from './control/remover.ts'
import { Settlements } from './control/settlements.ts'
import { Settler } from './control/settler.ts'
import { StatusViews } from './control/status-views.ts'
import { StreamViews } from './control/stream-views.ts'
import { StreamBooks } from './control/streams.ts'
import type { EngineTemplate } from './control/template.ts'
import type { Engine } from './core/types.ts'
import { createApp } from './http/app.ts'
import type { Runtime } from './runtime/runtime.ts'
import { createServices, createTranslate } from './services.ts'
import { liveEngines } from './store/engines.ts'
import type { Store } from './store/store.ts'
import { streamsWhere } from './store/streams.ts'
import { addGauges, createMetrics } from './telemetry.ts'

/** The outside, as the application sees it; tests and simulations bring their own. */
export interface Adapters {
  readonly store: Store
  readonly runtime: Runtime
  readonly health: HealthSource
  readonly clock: Clock
  readonly log: Log
  /** A random UUID, never given twice. */
  readonly newId: () => string
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly checkpoint: Checkpoint
  readonly version: string
}

/** The parts that other code has to reach, wired and not started. */
export interface Orchestrator {
  readonly app: ReturnType<typeof createApp>
  /** Begins to watch Docker and to probe engines. What SQLite knows is served without it. */
  start(): void
  /** Ends all loops; engines keep running, and launches that run are settled by the next start. */
  stop(): Promise<void>
}

/** Builds the application around its adapters: the composition root. */
export function createOrchestrator(config: Config, adapters: Adapters): Orchestrator {
  const { log, version } = adapters
  const base = baseOf(config, adapters)
  const work = workOf(config, adapters, base)
  const { registry, counters } = createMetrics()
  addGauges(registry, gaugesOf(adapters, base.facts))
  const services = createServices({
    ...work,
    ...viewsOf(config, adapters, base, work.claims),
    template: base.template,
    counters,
    metrics: () => registry.metrics(),
  })
  const { provisioner, keeper, observer } = work
  return {
    app: createApp(services, {
      apiKey: config.API_KEY,
      version,
      translate: createTranslate(config.PROVISION_ERROR_DETAIL),
      onDefect: (error, { method, url }) => log.error({ err: error, method, url }, 'a request failed'),
    }),
    start: () => {
      provisioner.sweepUnclaimed()
      keeper.start()
      observer.start()
    },
    stop: async () => {
      provisioner.stop()
      await Promise.all([keeper.stop(), observer.stop()])
    },
  }
}

type Base = ReturnType<typeof baseOf>

/** What the others look at: facts, ports, the gate, addresses. */
function baseOf(config: Config, { clock }: Adapters) {
  const facts = new Facts(clock.now(), {
    failureThreshold: config.HEALTH_FAILURE_THRESHOLD,
    maxAgeMs: config.HEALTH_CHECK_INTERVAL_S * 3_000,
  })
  const ports = new PortBook({ host: config.PORT_RANGE_HOST, https: config.ACE_HTTPS_RANGE })
  const settings = gateSettingsOf(config)
  return {
    template: templateOf(config),
    facts,
    ports,
    settings,
    gate: new Gate({ clock, facts, ports, settings }),
    addresses: new Addresses({
      advertise: config.ENGINE_ADVERTISE,
      advertiseHost: config.ADVERTISE_HOST,
      dockerHost: publishedHost(config.DOCKER_HOST),
    }),
  }
}

/** What acts: on callers' words, on operators' words, on what is seen of Docker and of the engines. */
function workOf(config: Config, adapters: Adapters, base: Base) {
  const { store, runtime, clock, log, newId, random, checkpoint, health } = adapters
  const { template, facts, ports, gate, addresses } = base
  const isStarting = (engineId: string): boolean => provisioner.isPending(engineId)
  const isRunning = (engine: Engine): boolean => facts.isRunning(engine)
  const claims = new Claims({ store, clock, gate, ports, template, newId, isRunning, isStarting })
  const launcher = new Launcher({ store, clock, runtime, claims, gate, ports, template, log, checkpoint })
  const provisioner: Provisioner = new Provisioner({
    store,
    clock,
    claims,
    launcher,
    log,
    checkpoint,
    deadlineMs: config.PROVISION_DEADLINE_MS,
    unclaimedTtlMs: config.UNCLAIMED_TTL_S * 1_000,
    onLaunchEnd: (containerId) => {
      if (containerId === null) return observer.passSoon()
      settler.touched(containerId)
      observer.lookAt(containerId)
    },
  })
  const generic = new GenericProvisioner({ store, clock, runtime, facts, template, newId })
  const remover = new Remover({ store, clock, runtime, template, provisioner })
  const isInHand = (id: string): boolean =>
    provisioner.isLaunching(id) || remover.isRemoving(id) || generic.isInHand(id)
  const onSettled = provisioner.settled.bind(provisioner)
  const breaker = gate.breakerSettings('general')
  const settlements = new Settlements({
    store,
    clock,
    runtime,
    facts,
    template,
    log,
    newId,
    breaker,
    onSettled,
  })
  const startupTimeoutMs = config.STARTUP_TIMEOUT_S * 1_000
  const settler = new Settler({ store, clock, runtime, facts, settlements, startupTimeoutMs, isInHand })
  const observer: Observer = new Observer({
    clock,
    runtime,
    facts,
    settler,
    log,
    random,
    passIntervalMs: config.MONITOR_INTERVAL_S * 1_000,
    onPass: () => {
      provisioner.sweepUnclaimed()
      prune(store, clock.now())
    },
  })
  return {
    claims,
    provisioner,
    generic,
    remover,
    observer,
    containers: new OwnContainers({ runtime, template }),
    books: new StreamBooks({ store, clock, addresses }),
    keeper: new HealthKeeper({ store, clock, facts, addresses, gate, source: health, log }),
  }
}

/** What answers. */
function viewsOf(config: Config, adapters: Adapters, base: Base, claims: Claims) {
  const { store, clock, version } = adapters
  const { facts, gate, addresses } = base
  const settings = {
    ...base.settings,
    minReplicas: config.MIN_REPLICAS,
    targetImage: config.TARGET_IMAGE,
    healthCheckIntervalSeconds: config.HEALTH_CHECK_INTERVAL_S,
    version,
  }
  return {
    engineViews: new EngineViews({ store, facts, clock, addresses, gate }),
    streamViews: new StreamViews(store),
    statusViews: new StatusViews({ store, facts, clock, gate, claims, settings }),
  }
}

const templateOf = (config: Config): EngineTemplate => ({
  image: config.TARGET_IMAGE,
  env: config.ENGINE_ENV,
  command: config.ENGINE_CMD,
  memoryBytes: config.ENGINE_MEMORY_LIMIT,
  cpus: config.ENGINE_CPUS,
  cacheLimitGb: config.ENGINE_CACHE_LIMIT,
  network: config.DOCKER_NETWORK,
  publishAddress: '',
  mapHttps: config.ACE_MAP_HTTPS,
  label: config.CONTAINER_LABEL,
})

const gateSettingsOf = (config: Config): GateSettings => ({
  maxReplicas: config.MAX_REPLICAS,
  autoDelete: config.AUTO_DELETE,
  graceSeconds: config.ENGINE_GRACE_PERIOD_S,
  vpnNodes: config.GLUETUN_CONTAINER_NAME,
  breakers: {
    general: {
      failureThreshold: config.CIRCUIT_BREAKER_FAILURE_THRESHOLD,
      recoveryMs: config.CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S * 1_000,
    },
    replacement: {
      failureThreshold: config.CIRCUIT_BREAKER_REPLACEMENT_THRESHOLD,
      recoveryMs: config.CIRCUIT_BREAKER_REPLACEMENT_TIMEOUT_S * 1_000,
    },
  },
})

/** Published ports are reached where the Docker Engine is. */
const publishedHost = (dockerHost: string | null): string =>
  (dockerHost?.startsWith('tcp://') && URL.parse(dockerHost)?.hostname) || '127.0.0.1'

const gaugesOf = ({ store, clock }: Adapters, facts: Facts) => ({
  streamsActive: () => streamsWhere(store.db, { status: 'started' }).length,
  enginesByStatus: () => countBy(liveEngines(store.db), ({ status }) => status),
  enginesByHealth: () =>
    countBy(
      liveEngines(store.db).filter((engine) => facts.isRunning(engine)),
      ({ id }) => facts.health(id, clock.now()).verdict,
    ),
})

const countBy = <T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(items, keyOf)].map(([key, group]) => [key, group.length]))
