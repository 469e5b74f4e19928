import type { Config } from './config.ts'
import { Addresses } from './control/addresses.ts'
import { CacheCleaner } from './control/cache-cleaner.ts'
import { Claims } from './control/claims.ts'
import type { Clock } from './control/clock.ts'
import { ConnectionFacts } from './control/connection-facts.ts'
import { OwnContainers } from './control/containers.ts'
import { EnginePorts } from './control/engine-ports.ts'
import { EngineViews } from './control/engine-views.ts'
import { Executor } from './control/executor.ts'
import { Facts } from './control/facts.ts'
import { FEED_LIMITS, Feed } from './control/feed.ts'
import { FeedStates } from './control/feed-states.ts'
import { FleetFigures } from './control/fleet-figures.ts'
import { Gate } from './control/gate.ts'
import { GenericProvisioner } from './control/generic.ts'
import { HealthKeeper, type HealthSource } from './control/health-keeper.ts'
import { Housekeeping } from './control/housekeeping.ts'
import { JournalViews } from './control/journal-views.ts'
import { type Checkpoint, Launcher } from './control/launcher.ts'
import type { Log } from './control/log.ts'
import { Observer } from './control/observer.ts'
import { Operator } from './control/operator.ts'
import { OwnStarts } from './control/own-starts.ts'
import { Placer } from './control/placer.ts'
import { PlanViews } from './control/plan-views.ts'
import { PortBook } from './control/port-book.ts'
import { Provisioner, type StartOutcome } from './control/provisioner.ts'
import { Reconciler } from './control/reconciler.ts'
import { Remover } from './control/remover.ts'
import { Repairs } from './control/repairs.ts'
import { SessionFacts } from './control/session-facts.ts'
import { SessionKeeper } from './control/session-keeper.ts'
import { Settlements } from './control/settlements.ts'
import { Settler } from './control/settler.ts'
import { Statistics } from './control/statistics.ts'
import { StatusViews } from './control/status-views.ts'
import { StreamEnds } from './control/stream-ends.ts'
import { type StopSession, StreamStops } from './control/stream-stops.ts'
import { StreamViews } from './control/stream-views.ts'
import { StreamBooks } from './control/streams.ts'
import { Survey } from './control/survey.ts'
import { TrafficWatch } from './control/traffic-watch.ts'
import { VpnKeeper, type VpnSource } from './control/vpn-keeper.ts'
import { VpnNodes } from './control/vpn-nodes.ts'
import { VpnViews } from './control/vpn-views.ts'
import type { Action } from './core/situation.ts'
import type { Engine } from './core/types.ts'
import { createApp } from './http/app.ts'
import type { Counters } from './metrics/counters.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import type { Runtime } from './runtime/runtime.ts'
import { createServices, createTranslate } from './services.ts'
import type { Store } from './store/store.ts'
import {
  gateSettingsOf,
  HISTORY,
  type History,
  policySettingsOf,
  publishedHost,
  statisticsSettingsOf,
  templateOf,
  vpnNodesOf,
  vpnSettingsOf,
} from './wire-settings.ts'

/** The outside, as the application sees it; tests and simulations bring their own. */
export interface Adapters {
  readonly store: Store
  readonly runtime: Runtime
  readonly health: HealthSource
  readonly vpn: VpnSource
  readonly stopSession: StopSession
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
  readonly metrics: Metrics
  /** Begins to watch Docker and to probe engines. What SQLite knows is served without it. */
  start(): void
  /** Ends the answers that have no end of their own, and would hold up the end of the server. */
  hangUp(): void
  /** Ends all loops; engines keep running, and launches that run are settled by the next start. */
  stop(): Promise<void>
}

/** Builds the application around its adapters: the composition root. */
export function createOrchestrator(
  config: Config,
  adapters: Adapters,
  history: History = HISTORY,
): Orchestrator {
  const { log, version } = adapters
  const metrics = createMetrics(version)
  const { counters } = metrics
  const base = baseOf(config, adapters, { counters, history })
  const work = workOf(config, adapters, base)
  const views = viewsOf(config, adapters, base, work)
  const feed = feedOf(adapters, base, views)
  const figures = figuresOf(adapters, base, work, views)
  const services = createServices({
    ...work,
    ...views,
    feed,
    template: base.template,
    vpnRanges: base.nodes.all().map(({ ports }) => ports),
    counters,
    metrics: () => {
      base.ends.catchUp()
      return metrics.exposition(figures.take())
    },
  })
  const { provisioner, keeper, vpnKeeper, observer, reconciler, traffic, cache } = work
  const { statistics } = base
  return {
    app: createApp(services, {
      apiKey: config.API_KEY,
      areReadsProtected: config.API_KEY_PROTECT_READS,
      version,
      translate: createTranslate(config.PROVISION_ERROR_DETAIL),
      onDefect: (error, { method, url }) => log.error({ err: error, method, url }, 'a request failed'),
    }),
    metrics,
    start: () => {
      provisioner.sweepUnclaimed()
      keeper.start()
      vpnKeeper.start()
      observer.start()
      reconciler.start()
      traffic.start()
      statistics.start()
      cache?.start()
    },
    hangUp: () => feed.stop(),
    stop: async () => {
      feed.stop()
      provisioner.stop()
      const loops = [reconciler, traffic, keeper, vpnKeeper, observer, ...(cache === null ? [] : [cache])]
      await Promise.all(loops.map((loop) => loop.stop()))
      await statistics.stop()
    },
  }
}

type Base = ReturnType<typeof baseOf>
type Work = ReturnType<typeof workOf>
type Views = ReturnType<typeof viewsOf>

/** What the others look at: facts, VPN nodes, ports, the gate, addresses, the books; and where they count. */
function baseOf(
  config: Config,
  { store, clock, log }: Adapters,
  { counters, history }: { readonly counters: Counters; readonly history: History },
) {
  const facts = new Facts(clock.now(), {
    failureThreshold: config.HEALTH_FAILURE_THRESHOLD,
    maxAgeMs: config.HEALTH_CHECK_INTERVAL_S * 3_000,
  })
  const ports = new PortBook({
    host: config.PORT_RANGE_HOST,
    https: config.ACE_HTTPS_RANGE,
    api: config.ACE_API_RANGE,
    p2p: config.ACE_P2P_RANGE,
  })
  const nodes = new VpnNodes(vpnNodesOf(config), vpnSettingsOf(config), clock.now())
  const placer = new Placer({ ports, nodes })
  const settings = gateSettingsOf(config)
  const addresses = new Addresses(
    {
      advertise: config.ENGINE_ADVERTISE,
      advertiseHost: config.ADVERTISE_HOST,
      dockerHost: publishedHost(config.DOCKER_HOST),
    },
    (node) => nodes.get(node)?.container?.addresses ?? [],
  )
  return {
    template: templateOf(config),
    counters,
    facts,
    sessions: new SessionFacts(),
    statistics: new Statistics({ store, clock, ...statisticsSettingsOf(config, history) }),
    books: new StreamBooks({ store, clock, addresses, log }),
    ends: new StreamEnds(store, counters.streamEnded),
    history,
    connections: new ConnectionFacts(),
    nodes,
    ports,
    placer,
    settings,
    gate: new Gate({ clock, facts, placer, nodes, settings }),
    addresses,
  }
}

/** What acts. The three parts know of one another, so what one needs of a later one is looked up when it is needed. */
function workOf(config: Config, adapters: Adapters, base: Base) {
  const { store, clock, log, health, vpn, stopSession } = adapters
  const { counters, facts, sessions, statistics, books, connections, nodes, addresses, gate } = base
  const isInHand = (id: string): boolean => starting.isInHand(id) || lifecycle.repairs.isInHand(id)
  const lookAt = (containerId: string): void => watching.observer.lookAt(containerId)
  const starting = startingOf(config, adapters, base, (id) => watching.onLaunchEnd(id))
  const onPass = (): void => lifecycle.reconciler.soon()
  const watching: Watching = watchingOf(config, adapters, base, starting, { isInHand, onPass })
  const lifecycle: Lifecycle = lifecycleOf(config, adapters, base, starting, { isInHand, lookAt })
  return {
    ...starting,
    ...watching,
    ...lifecycle,
    books,
    streamStops: new StreamStops({ store, books, addresses, stopSession }),
    keeper: new HealthKeeper({
      ...{ store, clock, facts, sessions, connections, nodes, addresses, gate, log },
      sessionKeeper: new SessionKeeper({ store, sessions, statistics, books, counts: counters }),
      source: health,
      intervalMs: config.HEALTH_CHECK_INTERVAL_S * 1_000,
    }),
    vpnKeeper: new VpnKeeper({ store, clock, nodes, connections, sessions, source: vpn, log }),
  }
}

type Starting = ReturnType<typeof startingOf>
type Watching = ReturnType<typeof watchingOf>
type Lifecycle = ReturnType<typeof lifecycleOf>

/** What makes and removes containers on somebody's word. */
function startingOf(
  config: Config,
  adapters: Adapters,
  base: Base,
  onLaunchEnd: (containerId: string | null) => void,
) {
  const { store, runtime, clock, log, newId, checkpoint } = adapters
  const { template, counters, facts, nodes, ports, placer, gate } = base
  const isUsable = (engine: Engine): boolean =>
    (facts.isRunning(engine) || provisioner.isPending(engine.id)) && !nodes.isInWayOf(engine)
  const enginePorts = new EnginePorts({ ports, placer, template })
  const claims = new Claims({ store, clock, gate, placer, enginePorts, template, newId, isUsable })
  const launcher = new Launcher({
    ...{ store, clock, runtime, gate, ports, enginePorts },
    ...{ template, log, checkpoint },
  })
  const deadlineMs = config.PROVISION_DEADLINE_MS
  const unclaimedTtlMs = config.UNCLAIMED_TTL_S * 1_000
  const caller = { store, clock, claims, launcher, log, checkpoint, deadlineMs, unclaimedTtlMs, onLaunchEnd }
  const onOutcome = countStart(counters)
  const provisioner: Provisioner = new Provisioner({ ...caller, onOutcome })
  const generic = new GenericProvisioner({ store, clock, runtime, facts, template, newId })
  const remover = new Remover({ store, clock, runtime, template, provisioner })
  return {
    claims,
    provisioner,
    generic,
    remover,
    containers: new OwnContainers({ runtime, template }),
    isInHand: (id: string): boolean =>
      provisioner.isLaunching(id) || remover.isRemoving(id) || generic.isInHand(id),
  }
}

/** What finds out how the containers are. */
function watchingOf(
  config: Config,
  adapters: Adapters,
  base: Base,
  { provisioner }: Starting,
  hooks: { readonly isInHand: (id: string) => boolean; readonly onPass: () => void },
) {
  const { store, runtime, clock, log, newId, random } = adapters
  const { template, counters, facts, nodes, books, ends, history } = base
  const { isInHand } = hooks
  const onSettled = provisioner.settled.bind(provisioner)
  const settlements = new Settlements({
    ...{ store, clock, runtime, facts, template, nodes, log, newId },
    onSettled,
  })
  const lookAgain = (containerId: string): void => observer.lookAt(containerId)
  const settler = new Settler({ store, clock, runtime, facts, settlements, lookAgain, isInHand })
  const path = config.ENGINE_CACHE_PATH
  const passIntervalMs = config.MONITOR_INTERVAL_S * 1_000
  const housekeeping = new Housekeeping({ store, clock, books, limits: history })
  const onPass = (): void => {
    provisioner.sweepUnclaimed()
    ends.catchUp()
    housekeeping.run()
    counters.fullPass()
    hooks.onPass()
  }
  const observer: Observer = new Observer({
    clock,
    runtime,
    facts,
    settler,
    log,
    random,
    passIntervalMs,
    onPass,
  })
  return {
    observer,
    traffic: new TrafficWatch({ store, clock, runtime, facts, log }),
    cache: path === null ? null : new CacheCleaner({ store, clock, runtime, facts, log, path }),
    onLaunchEnd: (containerId: string | null): void => {
      if (containerId === null) {
        observer.passSoon()
      } else {
        settler.touched(containerId)
        observer.lookAt(containerId)
      }
    },
  }
}

/** What brings the fleet to what is wanted. */
function lifecycleOf(
  config: Config,
  adapters: Adapters,
  base: Base,
  { claims, provisioner }: Starting,
  hooks: { readonly isInHand: (id: string) => boolean; readonly lookAt: (containerId: string) => void },
) {
  const { store, runtime, clock, log, random } = adapters
  const { template, counters, facts, sessions, connections, nodes, gate } = base
  const { isInHand, lookAt } = hooks
  const starts = new OwnStarts({ provisioner, clock, random })
  const launch = (engine: Engine): void => starts.launch(engine)
  const repair = (engineId: string): void => reconciler.repair(engineId)
  const actionFor = (engineId: string): Action | undefined => reconciler.actionFor(engineId)
  const settings = policySettingsOf(config)
  const known = { store, clock, facts, sessions, connections, nodes, gate, template, settings }
  const survey = new Survey({ ...known, isInHand, starts })
  const onAction = counters.acted
  const executor = new Executor({ store, clock, claims, log, launch, lookAt, repair, onAction })
  const breakers = gate.breakers()
  const repairs = new Repairs({
    ...{ store, clock, runtime, nodes, claims, log },
    ...{ breakers, actionFor, lookAt, launch, onAction },
  })
  const watched = { store, clock, facts, sessions, connections, nodes, survey }
  const onPass = counters.planned
  const reconciler: Reconciler = new Reconciler({ ...watched, executor, repairs, log, random, onPass })
  return { survey, repairs, reconciler, operator: new Operator({ store, clock, ...settings }) }
}

/** What answers. */
function viewsOf(config: Config, adapters: Adapters, base: Base, work: Work) {
  const { store, clock, version } = adapters
  const { facts, gate, addresses, nodes, connections, sessions, statistics } = base
  const { claims, survey, reconciler } = work
  const vpnViews = new VpnViews({ store, nodes })
  const samplesMax = config.STATS_HISTORY_MAX
  const streamViews = new StreamViews({ store, sessions, statistics, samplesMax })
  const settings = {
    ...base.settings,
    targetImage: config.TARGET_IMAGE,
    healthCheckIntervalSeconds: config.HEALTH_CHECK_INTERVAL_S,
    version,
  }
  return {
    journalViews: new JournalViews({ store }),
    engineViews: new EngineViews({ store, facts, clock, addresses, nodes, connections, streamViews }),
    streamViews,
    statusViews: new StatusViews({
      store,
      facts,
      connections,
      clock,
      gate,
      claims,
      survey,
      vpnViews,
      settings,
    }),
    vpnViews,
    planViews: new PlanViews({ store, reconciler }),
  }
}

/** What a scrape is told. */
const figuresOf = ({ store }: Adapters, base: Base, work: Work, views: Views): FleetFigures =>
  new FleetFigures({
    store,
    facts: base.facts,
    gate: base.gate,
    nodes: base.nodes,
    survey: work.survey,
    listedEngines: () => views.engineViews.listedCount(),
    canProvision: () => views.statusViews.refusal() === null,
    isReady: () => work.observer.hasPassed(),
  })

/** What tells of all that happens; whatever an answer could show of it is news. */
function feedOf({ store, clock, log }: Adapters, base: Base, views: Views): Feed {
  const { facts, nodes, connections, statistics } = base
  const feed = new Feed({ store, clock, log, states: new FeedStates(views), limits: FEED_LIMITS })
  const onNews = (): void => feed.news()
  store.onCommit(onNews)
  for (const source of [facts, nodes, connections, statistics]) source.onNews(onNews)
  return feed
}

/** A failure that a caller waits for is counted with its answer. */
const countStart =
  (counters: Counters) =>
  ({ end, tookMs, isAwaited }: StartOutcome): void => {
    counters.startEnded(end.kind === 'started' ? 'ok' : 'failed', tookMs)
    if (end.kind === 'failed' && !isAwaited) counters.provisionFailed(end.refusal.code)
  }
