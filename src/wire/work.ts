import type { Config } from '../config/config.ts'
import { leaseAgain } from '../control/containers/adoption.ts'
import { Observer } from '../control/containers/observer.ts'
import { OwnContainers } from '../control/containers/own-containers.ts'
import { Remover } from '../control/containers/remover.ts'
import { Settlements } from '../control/containers/settlements.ts'
import { Settler } from '../control/containers/settler.ts'
import { Executor } from '../control/fleet/executor.ts'
import { Operator } from '../control/fleet/operator.ts'
import { OwnStarts } from '../control/fleet/own-starts.ts'
import { Reconciler } from '../control/fleet/reconciler.ts'
import { RepairQueue } from '../control/fleet/repair-queue.ts'
import { Repairs } from '../control/fleet/repairs.ts'
import { Survey } from '../control/fleet/survey.ts'
import { HealthKeeper } from '../control/health/health-keeper.ts'
import { SessionKeeper } from '../control/health/session-keeper.ts'
import { CacheCleaner } from '../control/housekeeping/cache-cleaner.ts'
import { DescriptorWatch } from '../control/housekeeping/descriptor-watch.ts'
import { Retention } from '../control/housekeeping/retention.ts'
import { StorageWatch } from '../control/housekeeping/storage-watch.ts'
import { Claims } from '../control/provisioning/claims.ts'
import { EnginePorts } from '../control/provisioning/engine-ports.ts'
import { GenericProvisioner } from '../control/provisioning/generic.ts'
import { Launcher } from '../control/provisioning/launcher.ts'
import { Provisioner, type StartOutcome } from '../control/provisioning/provisioner.ts'
import { StartSummary } from '../control/reporting/start-summary.ts'
import { StreamStops } from '../control/streams/stream-stops.ts'
import { TrafficWatch } from '../control/viewers/traffic-watch.ts'
import { ViewerWatch } from '../control/viewers/viewer-watch.ts'
import { OutsiderWarnings } from '../control/vpn/outsider-warnings.ts'
import { VpnKeeper } from '../control/vpn/vpn-keeper.ts'
import { clockWarning } from '../core/reporting/clock-warning.ts'
import type { Engine } from '../core/types.ts'
import type { Counters } from '../metrics/counters.ts'
import type { Adapters, Base } from './base.ts'
import { policySettingsOf } from './settings.ts'

export type Work = ReturnType<typeof workOf>

/** What acts. The three parts know of one another, so what one needs of a later one is looked up when it is needed. */
export function workOf(config: Config, adapters: Adapters, base: Base) {
  const { store, clock, log, health, vpn, stopSession } = adapters
  const {
    edge,
    warnings,
    counters,
    rows,
    facts,
    sessions,
    statistics,
    books,
    connections,
    nodes,
    addresses,
    settings: { breakers },
  } = base
  const underRepair = new Set<string>()
  const isInHand = (id: string): boolean => starting.isInHand(id) || underRepair.has(id)
  const starting = startingOf(config, adapters, base, (id) => watching.onLaunchEnd(id))
  const onPass = (): void => lifecycle.reconciler.soon()
  const watching: Watching = watchingOf(config, adapters, base, starting, { isInHand, onPass })
  const lookAt = (containerId: string): void => watching.observer.lookAt(containerId)
  const hooks = { isInHand, underRepair, lookAt }
  const before = { ...starting, viewers: watching.viewers }
  const lifecycle: Lifecycle = lifecycleOf(config, adapters, base, before, hooks)
  return {
    ...starting,
    ...watching,
    ...lifecycle,
    books,
    storageWatch: new StorageWatch({
      ...{ store, clock, warnings, log },
      onError: edge('the watch of the storage'),
      onRecovery: () => watching.observer.passThoroughly(),
    }),
    descriptors: descriptorWatchOf(adapters, base),
    streamStops: new StreamStops({ store, books, addresses, stopSession }),
    keeper: new HealthKeeper({
      ...{ store, rows, clock, facts, sessions, connections, nodes, addresses, breakers, log },
      sessionKeeper: new SessionKeeper({ store, sessions, statistics, books, counts: counters }),
      source: health,
      onError: edge('what the health worker told'),
      intervalMs: config.HEALTH_CHECK_INTERVAL_S * 1_000,
    }),
    vpnKeeper: new VpnKeeper({
      ...{ store, rows, clock, nodes, connections, sessions, log },
      source: vpn,
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
type Lifecycle = ReturnType<typeof lifecycleOf>

/** What makes and removes containers on somebody's word. */
function startingOf(
  config: Config,
  adapters: Adapters,
  base: Base,
  onLaunchEnd: (containerId: string | null) => void,
) {
  const { store, runtime, clock, log, newId, checkpoint } = adapters
  const { edge, template, counters, facts, nodes, ports, placer, gate, installation } = base
  const { breakers } = base.settings
  const isUsable = (engine: Engine): boolean =>
    (facts.isRunning(engine) || provisioner.isPending(engine.id)) && !nodes.isInWayOf(engine)
  const enginePorts = new EnginePorts({ ports, placer, template })
  const claims = new Claims({
    ...{ store, clock, gate, breakers, placer, nodes, enginePorts },
    ...{ template, newId, isUsable },
  })
  const launcher = new Launcher({
    ...{ store, clock, runtime, breakers, ports, enginePorts },
    ...{ template, log, checkpoint },
  })
  const deadlineMs = config.PROVISION_DEADLINE_MS
  const unclaimedTtlMs = config.UNCLAIMED_TTL_S * 1_000
  const caller = { store, clock, claims, launcher, log, checkpoint, deadlineMs, unclaimedTtlMs, onLaunchEnd }
  const onOutcome = countStart(counters)
  const provisioner: Provisioner = new Provisioner({
    ...caller,
    onOutcome,
    onError: edge('an unclaimed engine'),
  })
  const generic = new GenericProvisioner({
    ...{ store, clock, runtime, facts, template, newId },
    isOurs: (container) => installation.isOurs(container),
    max: config.MAX_GENERIC,
  })
  const remover = new Remover({ store, clock, runtime, installation, provisioner })
  return {
    claims,
    provisioner,
    generic,
    remover,
    containers: new OwnContainers({ runtime, installation }),
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
  const { store, runtime, clock, wall, log, newId, random } = adapters
  const { edge, template, counters, facts, nodes, books, ends, history, installation, warnings } = base
  const { isInHand } = hooks
  const onSettled = provisioner.settled.bind(provisioner)
  const lookAgain = (containerId: string): void => observer.lookAt(containerId)
  const lookWithin = (containerId: string, ms: number): void => observer.lookWithin(containerId, ms)
  const settlements = new Settlements({
    ...{ store, clock, runtime, facts, template, nodes, log, newId },
    ...{ onSettled, lookAgain },
  })
  const settler = new Settler({
    ...{ store, clock, runtime, facts, settlements, installation, warnings },
    ...{ lookAgain, lookWithin, isInHand },
  })
  const path = config.ENGINE_CACHE_PATH
  const kept = { store, clock, runtime, facts, log }
  const passIntervalMs = config.MONITOR_INTERVAL_S * 1_000
  const retention = new Retention({
    ...{ store, clock, books, ends, limits: history },
    onError: edge('a sweep of the history'),
  })
  const onPass = (): void => {
    provisioner.sweepUnclaimed()
    leaseAgain(store, clock.now())
    ends.catchUp()
    retention.run()
    warnings.tell('clock_set', clockWarning(wall() - clock.now()))
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
    onError: edge('a look at the containers'),
  })
  return {
    observer,
    retention,
    traffic: new TrafficWatch({ store, clock, runtime, facts, log, onError: edge('a look at the traffic') }),
    viewers: new ViewerWatch({
      ...{ store, clock, runtime, facts, warnings, log },
      onError: edge('a look for viewers'),
    }),
    cache:
      path === null ? null : new CacheCleaner({ ...kept, path, onError: edge('a cleanup of the caches') }),
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
  { claims, provisioner, viewers }: Starting & Pick<Watching, 'viewers'>,
  hooks: {
    readonly isInHand: (id: string) => boolean
    readonly underRepair: Set<string>
    readonly lookAt: (containerId: string) => void
  },
) {
  const { store, runtime, clock, log, random } = adapters
  const { edge, rows, template, counters, facts, sessions, connections, nodes, gate, warnings } = base
  const { isInHand, underRepair, lookAt } = hooks
  const starts = new OwnStarts({ provisioner, clock, random })
  const launch = (engine: Engine): void => starts.launch(engine)
  const settings = policySettingsOf(config)
  const known = {
    ...{ store, rows, clock, facts, sessions, connections, nodes, viewers, gate },
    ...{ template, settings },
  }
  const survey = new Survey({ ...known, isInHand, starts })
  const onAction = counters.acted
  const { breakers } = base.settings
  const mending = { survey, inHand: underRepair, breakers, lookAt, launch, onAction }
  const repairs = new Repairs({ store, clock, runtime, nodes, claims, log, ...mending })
  const repairQueue = new RepairQueue({ clock, repairs, random, onError: edge('a repair') })
  const repair = (engineId: string): void => repairQueue.add(engineId)
  const executor = new Executor({ store, clock, claims, log, launch, lookAt, repair, onAction })
  const watched = { store, clock, facts, sessions, connections, nodes, viewers, survey }
  const onPass = counters.planned
  const outsiders = new OutsiderWarnings({ nodes, warnings })
  const summary = new StartSummary({ warnings, log })
  const reconciler = new Reconciler({
    ...{ ...watched, executor, log, random, onPass },
    onLook: (situation) => {
      outsiders.tell(situation)
      summary.look(situation)
    },
    onError: edge('a pass of the reconciler'),
  })
  return { survey, repairQueue, reconciler, operator: new Operator({ store, clock, ...settings }) }
}

/** A failure that a caller waits for is counted with its answer. */
const countStart =
  (counters: Counters) =>
  ({ end, tookMs, isAwaited }: StartOutcome): void => {
    counters.startEnded(end.kind === 'started' ? 'ok' : 'failed', tookMs)
    if (end.kind === 'failed' && !isAwaited) counters.provisionFailed(end.refusal.code)
  }
