import { conditionOf } from '../../core/hosts/host-state.ts'
import type { Refusal } from '../../core/provisioning/refusal.ts'
import { generationOf } from '../../core/types.ts'
import { type HostWord, markedIn, orchestratorStatus, type StatusFacts } from '../../core/views/status.ts'
import type { Clock } from '../../lib/clock.ts'
import type { HostObservation } from '../../runtime/runtime.ts'
import { type BreakerFault, lastFaults } from '../../store/breaker-faults.ts'
import { BREAKERS, type BreakerName } from '../../store/breakers.ts'
import type { Store } from '../../store/store.ts'
import { countStreams, startedByEngine } from '../../store/streams.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import { plainRequest, requestHash } from '../engines/template.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { Facts } from '../facts/facts.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { ImageFacts } from '../facts/image-facts.ts'
import type { ReachFacts } from '../facts/reach-facts.ts'
import type { FleetSnapshots } from '../fleet/fleet-snapshots.ts'
import type { Admission, AdmissionSettings } from '../provisioning/admission.ts'
import type { Claims } from '../provisioning/claims.ts'
import type { Contact, ProxyContacts } from '../proxies/proxy-contacts.ts'
import type { Warnings } from '../reporting/warnings.ts'
import { isoOrNull } from './iso.ts'
import type { VpnViews } from './vpn-views.ts'

export interface StatusSettings extends AdmissionSettings {
  readonly healthCheckIntervalSeconds: number
  readonly version: string
}

/** The answers about the fleet as a whole: status, health and breakers. From the store and memory only. */
export class StatusViews {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly facts: Facts
      readonly connections: ConnectionFacts
      readonly clock: Clock
      readonly admission: Admission
      readonly claims: Claims
      readonly snapshots: FleetSnapshots
      readonly vpnViews: VpnViews
      readonly outOfReach: Pick<ReachFacts, 'of'>
      readonly images: Pick<ImageFacts, 'state' | 'pull'>
      readonly hosts: Pick<HostFacts, 'all'>
      readonly contacts: Pick<ProxyContacts, 'lastHeardMs' | 'all'>
      readonly warnings: Warnings
      readonly settings: StatusSettings
    },
  ) {}

  /** `GET /orchestrator/status`. `can_provision` follows from `refusal`. */
  orchestrator() {
    const { store, facts, clock, admission, snapshots, vpnViews, contacts, warnings, settings } = this.deps
    const image = this.deps.images.state()
    const started = startedByEngine(store.db)
    const active = [...started.values()].reduce((sum, n) => sum + n, 0)
    const general = admission.breaker(store.db, 'general')
    return orchestratorStatus({
      engines: this.#counts(),
      streams: {
        active,
        total: countStreams(store.db),
        onEngines: active - (started.get(null) ?? 0),
      },
      limits: snapshots.policy(),
      vpn: vpnViews.brief(),
      breaker: general,
      isAnyBreakerNotClosed: BREAKERS.some((name) => admission.breaker(store.db, name).state !== 'closed'),
      isDockerUnreachable: facts.docker().state === 'unreachable',
      isStorageRefusing: store.failure() !== null,
      isNoneReached: this.#isNoneReached(),
      refusal: this.refusal(),
      config: settings,
      image: {
        state: image.kind,
        pullError: image.kind === 'missing' ? image.pullError : null,
        pull: this.deps.images.pull(),
      },
      hosts: this.#hosts(started),
      proxies: { heardMs: contacts.lastHeardMs(), heard: contacts.all().map(heardFrom) },
      warnings: warnings.standing(),
      nowMs: clock.now(),
      version: settings.version,
    })
  }

  #hosts(started: ReadonlyMap<string | null, number>): StatusFacts['hosts'] {
    const hosts = this.deps.hosts.all() ?? []
    const engines = Map.groupBy(this.deps.rows.read().engines, ({ host }) => host?.id)
    return hosts.map((host) => {
      const here = engines.get(host.id) ?? []
      const free = here.filter(({ id }) => !started.has(id)).length
      return { name: host.name, address: host.address, state: wordOf(host), engines: here.length, free }
    })
  }

  /** Whether the warning stands that engines are out of reach, and none answers where it is within it. */
  #isNoneReached(): boolean {
    const { rows, facts, clock, outOfReach, warnings } = this.deps
    if (!warnings.standing().some(({ code }) => code === 'engines_unreachable')) return false
    return !rows
      .read()
      .engines.filter((engine) => facts.isRunning(engine) && outOfReach.of(engine) === null)
      .some(({ id }) => facts.health(id, clock.now()).verdict === 'healthy')
  }

  /** The refusal that a POST with acexy's empty body would get now; null if the request would be admitted. */
  refusal(): Refusal | null {
    const { store, facts, admission, claims } = this.deps
    const hash = requestHash(plainRequest)
    const waiting = claims.waiting(store.db, hash, null)
    // For an engine that is still being launched, the caller would have to wait. While Docker is away, that wait is useless.
    const isServed =
      waiting !== undefined && (facts.isRunning(waiting) || facts.docker().state !== 'unreachable')
    const refusal = admission.refusal(store.db, plainRequest, isServed)
    return refusal !== null && claims.freed(store.db, hash, refusal) !== undefined ? null : refusal
  }

  /** `GET /health/status`, with one entry per engine. */
  health() {
    const { rows, facts, clock, snapshots, connections, settings } = this.deps
    const { total, healthy, unhealthy } = this.#counts()
    const { engines } = rows.read()
    return {
      total_engines: total,
      healthy_engines: healthy,
      unhealthy_engines: unhealthy,
      marked_for_replacement: markedIn(engines),
      minimum_required: snapshots.policy().minReplicas,
      health_check_interval: settings.healthCheckIntervalSeconds,
      circuit_breakers: { general: this.#breaker('general'), replacement: this.#breaker('replacement') },
      engines: engines.map((engine) => {
        const health = facts.health(engine.id, clock.now())
        return {
          container_id: engine.containerId,
          container_name: engine.name,
          status: engine.status,
          health_status: health.verdict,
          since: isoOrNull(health.lastProbeMs === null ? null : health.sinceMs),
          last_check: isoOrNull(health.lastProbeMs),
          consecutive_failures: health.failures,
          last_error: health.lastError,
          connected: connections.of(engine.id, generationOf(engine))?.isConnected ?? null,
        }
      }),
    }
  }

  #counts() {
    const { rows, facts, clock } = this.deps
    const { engines } = rows.read()
    const verdicts = engines
      .filter((engine) => facts.isRunning(engine))
      .map(({ id }) => facts.health(id, clock.now()).verdict)
    return {
      total: engines.length,
      running: verdicts.length,
      healthy: verdicts.filter((verdict) => verdict === 'healthy').length,
      unhealthy: verdicts.filter((verdict) => verdict === 'unhealthy').length,
    }
  }

  #breaker(name: BreakerName) {
    const { store, admission, settings } = this.deps
    const breaker = admission.breaker(store.db, name)
    const { failureThreshold, recoveryMs } = settings.breakers[name]
    return {
      state: breaker.state,
      failure_count: breaker.failures,
      failure_threshold: failureThreshold,
      last_failure_time: isoOrNull(breaker.lastFailureAt),
      last_success_time: isoOrNull(breaker.lastSuccessAt),
      next_try: isoOrNull(
        breaker.state === 'open' && breaker.openedAt !== null ? breaker.openedAt + recoveryMs : null,
      ),
      trial_engine_id: breaker.trialEngineId,
      recovery_timeout: recoveryMs / 1000,
      last_faults: lastFaults(store.db, name, FAULTS).map(faultView),
    }
  }
}

const wordOf = (host: HostObservation): HostWord => {
  const condition = conditionOf(host)
  return condition === 'up' && host.availability === 'pause' ? 'paused' : condition
}

const heardFrom = ({ address, lastMs, place }: Contact): StatusFacts['proxies']['heard'][number] => {
  const { name, networks } = place.kind === 'container' ? place.container : NO_CONTAINER
  return { address, container: name, networks, lastMs }
}

const NO_CONTAINER = { name: null, networks: [] }

/** How many faults of a breaker are told. */
const FAULTS = 5

const faultView = ({ at, engineId, containerName, reason }: BreakerFault) => ({
  at: new Date(at).toISOString(),
  engine_id: engineId,
  container_name: containerName,
  reason,
})
