import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/loopback.ts'
import { publishedHost } from '../config/publishing.ts'
import { secretsOf } from '../config/secrets.ts'
import { leaseAgain } from '../control/containers/adoption.ts'
import { ContainerLogs, LOG_LIMITS } from '../control/containers/container-logs.ts'
import { ContainerSync } from '../control/containers/container-sync.ts'
import { Observer } from '../control/containers/observer.ts'
import { OwnContainers } from '../control/containers/own-containers.ts'
import { ReachJudge } from '../control/containers/reach-judge.ts'
import { Remover } from '../control/containers/remover.ts'
import { SyncActions } from '../control/containers/sync-actions.ts'
import { plainRequest } from '../control/engines/template.ts'
import { Executor } from '../control/fleet/executor.ts'
import { FleetSnapshots } from '../control/fleet/fleet-snapshots.ts'
import { Operator } from '../control/fleet/operator.ts'
import { Reconciler } from '../control/fleet/reconciler.ts'
import { RepairQueue } from '../control/fleet/repair-queue.ts'
import { Repairs } from '../control/fleet/repairs.ts'
import { StartBackoff } from '../control/fleet/start-backoff.ts'
import { FailureReports } from '../control/health/failure-reports.ts'
import { HealthMonitor } from '../control/health/health-monitor.ts'
import { SessionMonitor } from '../control/health/session-monitor.ts'
import { CacheCleaner } from '../control/housekeeping/cache-cleaner.ts'
import { DescriptorWatch } from '../control/housekeeping/descriptor-watch.ts'
import { HostWarnings } from '../control/housekeeping/host-warnings.ts'
import { HostWatch } from '../control/housekeeping/host-watch.ts'
import { ImagePull } from '../control/housekeeping/image-pull.ts'
import { ImageWatch } from '../control/housekeeping/image-watch.ts'
import { Retention } from '../control/housekeeping/retention.ts'
import { RightsWatch } from '../control/housekeeping/rights-watch.ts'
import { StorageWatch } from '../control/housekeeping/storage-watch.ts'
import { UsageWatch } from '../control/housekeeping/usage-watch.ts'
import { Claims } from '../control/provisioning/claims.ts'
import { EnginePorts } from '../control/provisioning/engine-ports.ts'
import { GenericProvisioner } from '../control/provisioning/generic.ts'
import { Launcher } from '../control/provisioning/launcher.ts'
import { Launches, type StartOutcome } from '../control/provisioning/launches.ts'
import { Provisioner } from '../control/provisioning/provisioner.ts'
import { ProxyPlaces } from '../control/proxies/proxy-places.ts'
import { ProxyReports } from '../control/proxies/proxy-reports.ts'
import { logStart, StartSummary } from '../control/reporting/start-summary.ts'
import { StreamStops } from '../control/streams/stream-stops.ts'
import { AdoptedViewers } from '../control/viewers/adopted-viewers.ts'
import { ViewerWatch } from '../control/viewers/viewer-watch.ts'
import { NodeWarnings } from '../control/vpn/node-warnings.ts'
import { OutsiderWarnings } from '../control/vpn/outsider-warnings.ts'
import { PortWarnings } from '../control/vpn/port-warnings.ts'
import { PublishedWarnings } from '../control/vpn/published-warnings.ts'
import { VpnMonitor } from '../control/vpn/vpn-monitor.ts'
import { recipeOf } from '../core/engines/recipe-choice.ts'
import { clockWarning } from '../core/reporting/clock-warning.ts'
import { overrideWarning } from '../core/reporting/scale-override.ts'
import { maskOf } from '../core/secrets.ts'
import type { Counters } from '../metrics/counters.ts'
import { parseDockerHost } from '../runtime/docker-connection.ts'
import type { Adapters, Base } from './base.ts'
import { cachePathOf, policySettingsOf, reachSettingsOf, vpnSettingsOf } from './settings.ts'

export type Work = ReturnType<typeof workOf>

/** Builds the components that act; each group depends only on the groups before it. */
export function workOf(config: Config, adapters: Adapters, base: Base) {
  const { store, clock, log, health, vpn, stopSession } = adapters
  const { meters } = adapters.runtime
  const { edge, warnings, counters, rows, facts, looks, sessions, statistics, books } = base
  const { boots, connections, nodes, addresses, playbackWatch: playback } = base
  const { breakers } = base.settings
  const starting = startingOf(config, adapters, base)
  const watching = watchingOf(config, adapters, base, starting)
  return {
    ...starting,
    ...watching,
    ...lifecycleOf(config, adapters, base, { ...starting, ...watching }),
    books,
    storageWatch: new StorageWatch({
      ...{ store, clock, looks, warnings, log },
      onError: edge('the watch of the storage'),
    }),
    descriptors: descriptorWatchOf(adapters, base),
    usageWatch:
      meters &&
      new UsageWatch({
        ...{ store, clock, meters, facts, usage: base.usage },
        onError: edge('a look at what engines use'),
      }),
    streamStops: new StreamStops({ store, books, addresses, stopSession }),
    healthMonitor: new HealthMonitor({
      ...{ store, rows, clock, facts, boots, sessions, connections, nodes, addresses, breakers, log },
      ...{ hosts: base.hosts, places: base.ownPlaces },
      sessionMonitor: new SessionMonitor({
        ...{ store, sessions, statistics, books, playback },
        counts: counters,
      }),
      source: health,
      onError: edge('what the health worker told'),
      intervalMs: config.HEALTH_CHECK_INTERVAL_S * 1_000,
    }),
    vpnMonitor: new VpnMonitor({
      ...{ store, rows, clock, nodes, connections, sessions, log },
      source: vpn,
      warnings: new NodeWarnings({ nodes, warnings, clock, isGluetun: vpnSettingsOf(config).isGluetun }),
      onError: edge('the watch of the VPN'),
    }),
  }
}

function descriptorWatchOf({ clock, descriptors, connections }: Adapters, { warnings, edge }: Base) {
  const onError = edge('the watch of the descriptors')
  return descriptors && new DescriptorWatch({ clock, descriptors, connections, warnings, onError })
}

type Starting = ReturnType<typeof startingOf>
type Watching = ReturnType<typeof watchingOf>

/** Builds the components that create and remove containers on request. */
function startingOf(config: Config, adapters: Adapters, base: Base) {
  const { store, runtime, clock, log, newId, checkpoint } = adapters
  const {
    edge,
    warnings,
    template,
    counters,
    facts,
    inHand,
    looks,
    nodes,
    ports,
    placer,
    admission,
    installation,
  } = base
  const { breakers } = base.settings
  const networkOf = (): Promise<string | null> => base.ownPlaces.network()
  const enginePorts = new EnginePorts({ ports, placer, template })
  const launches = new Launches({ clock, onOutcome: countStart(counters) })
  const claims = new Claims({
    ...{ store, clock, admission, breakers, placer, nodes, enginePorts },
    ...{ facts, launches, template, newId, freeEngines: base.freeEngines, outOfReach: base.outOfReach },
    viewerWaitMs: config.VIEWER_WAIT_S * 1_000,
  })
  const launcher = new Launcher({
    ...{ store, clock, runtime, breakers, ports, enginePorts },
    ...{ template, images: base.images, warnings, log, checkpoint },
    pullsImage: base.settings.pullsImage,
    networkOf,
  })
  const containers = new OwnContainers({ runtime, installation })
  return {
    claims,
    launches,
    provisioner: new Provisioner({
      ...{ store, clock, claims, launcher, launches, inHand, looks, log, checkpoint },
      deadlineMs: config.PROVISION_DEADLINE_MS,
      unclaimedTtlMs: config.UNCLAIMED_TTL_S * 1_000,
      onError: edge('an unclaimed engine'),
    }),
    generic: new GenericProvisioner({
      ...{ store, clock, runtime, facts, inHand, template, newId },
      isOurs: (container) => installation.isOurs(container),
      max: config.MAX_GENERIC,
      // Who asked for one said nothing about who uses it, so only a setting closes its ports.
      publishAddress: config.PUBLISH_ADDRESS ?? '',
      networkOf,
    }),
    remover: new Remover({ store, clock, runtime, installation, launches, inHand }),
    containers,
    containerLogs: new ContainerLogs({
      ...{ clock, runtime, containers, limits: LOG_LIMITS },
      mask: maskOf(secretsOf(config)),
      onError: edge('a log that is followed'),
    }),
  }
}

/** Builds the components that find out the state of the containers. */
function watchingOf(config: Config, adapters: Adapters, base: Base, { launches, provisioner }: Starting) {
  const { store, runtime, clock, wall, log, newId, random } = adapters
  const { edge, template, counters, facts, inHand, looks, nodes, books, ends, history } = base
  const { installation, warnings, boots, addresses, playbackWatch } = base
  const syncActions = new SyncActions({
    ...{ store, clock, runtime, facts, template, nodes, log, newId, launches, looks },
    placer: base.placer,
    hosts: base.hosts,
  })
  const containerSync = new ContainerSync({
    ...{ store, clock, runtime, facts, syncActions, installation, warnings, looks, inHand },
  })
  const retention = new Retention({
    ...{ store, clock, books, ends, limits: history },
    onError: edge('a sweep of the history'),
  })
  const observer = new Observer({
    ...{ clock, runtime, facts, containerSync, looks, warnings, log, random },
    passIntervalMs: config.MONITOR_INTERVAL_S * 1_000,
    onError: edge('a look at the containers'),
  })
  const reachJudge = new ReachJudge({
    ...{ clock, facts, warnings, addresses, ...reachSettingsOf(config) },
    ...{ rows: base.rows, ownPlaces: base.ownPlaces, outOfReach: base.outOfReach },
    onError: edge('a look at the places of engines'),
  })
  observer.onPass(() => reachJudge.judge())
  observer.onPass(() => provisioner.sweepUnclaimed())
  observer.onPass(() => leaseAgain(store, clock.now()))
  observer.onPass(() => ends.catchUp())
  observer.onPass(() => retention.run())
  observer.onPass(() => warnings.tell('clock_set', clockWarning(wall() - clock.now())))
  observer.onPass(() => playbackWatch.judge())
  observer.onPass(counters.fullPass)
  return {
    observer,
    retention,
    adoptedViewers: new AdoptedViewers({
      ...{ store, clock, meters: runtime.meters, facts, log },
      onError: edge('a look at the traffic'),
    }),
    viewers: new ViewerWatch({
      ...{ store, clock, runtime, facts, warnings, log },
      onError: edge('a look for viewers'),
    }),
    cache: cacheCleanerOf(config, adapters, base),
    images: imageWatchOf(config, adapters, base),
    proxyReports: proxyReportsOf(config, adapters, base),
    hostWatch: hostWatchOf(adapters, base),
    rights: new RightsWatch({
      ...{ clock, runtime, facts, warnings, address: parseDockerHost(config.DOCKER_HOST).text },
      onError: edge('a question for what is allowed'),
    }),
    reachJudge,
    reports: new FailureReports({
      ...{ store, clock, runtime, facts, boots, addresses, warnings },
      ownPlaces: base.ownPlaces,
      outOfReach: { of: (engine) => reachJudge.ofSilent(engine) },
      secrets: secretsOf(config),
      onError: edge('a look at a silent engine'),
    }),
  }
}

function proxyReportsOf(config: Config, { store, clock, runtime }: Adapters, base: Base) {
  const { contacts, reach, warnings, rows, listings, admission, ownPlaces, edge } = base
  const isLocalDocker = isLoopback(publishedHost(config.DOCKER_HOST))
  const isOurDocker = (): boolean => isLocalDocker || ownPlaces.place()?.kind === 'container'
  return new ProxyReports({
    ...{ clock, contacts, reach, warnings },
    places:
      runtime.neighbours &&
      new ProxyPlaces({ clock, runtime, neighbours: runtime.neighbours, contacts, isOurDocker }),
    reachable: () => ({ self: ownPlaces.place(), bind: config.BIND, port: config.APP_PORT }),
    canServe: () => {
      const { engines, started } = rows.read()
      return (
        engines.some((engine) => listings.of(engine, started.has(engine.id)).listed) ||
        admission.refusal(store.db, plainRequest, false) === null
      )
    },
    nodes: config.GLUETUN_CONTAINER_NAME,
    keepsFree: config.MIN_FREE_REPLICAS > 0,
    onError: edge('a look at the proxies'),
  })
}

/** Null if the container engine has one host. */
function hostWatchOf({ store, clock, runtime }: Adapters, { hosts: facts, warnings, edge }: Base) {
  return (
    runtime.hosts &&
    new HostWatch({
      ...{ store, clock, hosts: runtime.hosts, facts },
      warnings: new HostWarnings({ hosts: facts, warnings }),
      onError: edge('the watch of the hosts'),
    })
  )
}

function imageWatchOf(config: Config, adapters: Adapters, { images, warnings, edge }: Base) {
  const { store, runtime, clock, log, random } = adapters
  const { registry } = runtime
  const image = config.TARGET_IMAGE
  return new ImageWatch({
    ...{ clock, runtime, images, warnings, log, random, image },
    pull: registry && new ImagePull({ store, clock, registry, images, warnings, log, image }),
    when: config.PULL,
    onError: edge('the watch of the image'),
  })
}

function cacheCleanerOf(config: Config, { store, runtime, clock, log }: Adapters, { facts, edge }: Base) {
  const { commands } = runtime
  const onError = edge('a cleanup of the caches')
  return (
    commands && new CacheCleaner({ store, clock, commands, facts, log, pathIn: cachePathOf(config), onError })
  )
}

/** Builds the components that bring the fleet to the wanted state. */
function lifecycleOf(
  config: Config,
  adapters: Adapters,
  base: Base,
  { claims, provisioner, viewers, observer, reports }: Starting & Watching,
) {
  const { store, runtime, clock, log, random } = adapters
  const { edge, rows, template, counters, facts, inHand, looks, sessions, connections } = base
  const { nodes, images, admission, warnings, playback, expected, outOfReach } = base
  const isApart = (): boolean => base.ownPlaces.apart() !== null
  const startBackoff = new StartBackoff({ provisioner, clock, random, isApart })
  const settings = policySettingsOf(config)
  const snapshots = new FleetSnapshots({
    ...{ store, rows, clock, facts, sessions, connections, nodes, images, playback, viewers, admission },
    ...{ template, settings, inHand, startBackoff, expected, outOfReach, hosts: base.hosts },
  })
  const onAction = counters.acted
  const { breakers } = base.settings
  const mending = { snapshots, inHand, looks, breakers, startBackoff, reports, onAction }
  const repairs = new Repairs({ store, clock, runtime, nodes, claims, log, ...mending })
  const repairQueue = new RepairQueue({ clock, repairs, random, onError: edge('a repair') })
  const executor = new Executor({
    ...{ store, clock, claims, log, startBackoff, looks, onAction },
    repairs: repairQueue,
  })
  const outsiders = new OutsiderWarnings({ nodes, warnings })
  const published = new PublishedWarnings({ nodes, warnings, log, advertise: config.ENGINE_ADVERTISE })
  const ports = new PortWarnings({ nodes, rows, warnings, clock })
  const summary = summaryOf(config, adapters, base)
  const tellOverride = (): void => warnings.tell('scale_overrides', overrideWarning(snapshots.override()))
  const reconciler = new Reconciler({
    ...{
      store,
      clock,
      facts,
      sessions,
      connections,
      nodes,
      images,
      playback,
      outOfReach,
      hosts: base.hosts,
      expected,
      viewers,
      observer,
      snapshots,
      executor,
      log,
      random,
    },
    onPass: counters.planned,
    onLook: (snapshot) => {
      tellOverride()
      outsiders.tell(snapshot)
      published.tell()
      ports.tell()
      summary.look(snapshot)
    },
    onError: edge('a pass of the reconciler'),
  })
  return {
    snapshots,
    repairQueue,
    reconciler,
    summary,
    operator: new Operator({ store, clock, onOrder: tellOverride, ...settings }),
  }
}

function summaryOf(
  config: Config,
  adapters: Adapters,
  { edge, rows, facts, images, nodes, warnings, ownPlaces }: Base,
) {
  const { clock, runtime, log } = adapters
  const name = config.TARGET_IMAGE
  const recipe = recipeOf(config.ENGINE_RECIPE, name)?.name ?? null
  return new StartSummary({
    ...{ clock, runtime, warnings },
    isOpen: (engine) => facts.isOpen(engine),
    isPlaced: () => ownPlaces.isKnown(),
    known: new Set(rows.read().engines.map(({ id }) => id)),
    image: () => ({ name, recipe, state: images.state().kind }),
    vpn: () =>
      nodes.all().map(({ name: node, verdict }) => ({
        name: node,
        state: verdict.state,
        control: config.VPN_CONTROL,
      })),
    tell: adapters.onReady ?? ((findings) => logStart(log, findings, null)),
    onError: edge('the summary of the start'),
  })
}

/** Counts the outcome of a start. If a caller waits for a failed start, the failure is counted with the answer instead. */
const countStart =
  (counters: Counters) =>
  ({ end, tookMs, isAwaited }: StartOutcome): void => {
    counters.startEnded(end.kind === 'started' ? 'ok' : 'failed', tookMs)
    if (end.kind === 'failed' && !isAwaited) counters.provisionFailed(end.refusal.code)
  }
