import type { Refusal } from '../provisioning/refusal.ts'
import type { StandingWarning } from '../reporting/warnings.ts'
import type { Engine } from '../types.ts'

/** The facts from which `/orchestrator/status` is made. */
export interface StatusFacts {
  readonly engines: {
    readonly total: number
    readonly running: number
    readonly healthy: number
    readonly unhealthy: number
  }
  /** `onEngines` leaves out streams that none of our engines serves. */
  readonly streams: { readonly active: number; readonly total: number; readonly onEngines: number }
  readonly limits: { readonly maxReplicas: number; readonly minReplicas: number }
  /** Null without a VPN. */
  readonly vpn: VpnBrief | null
  readonly breaker: {
    readonly state: 'closed' | 'open' | 'half_open'
    readonly lastFailureAt: number | null
    readonly lastFailureReason: string | null
  }
  readonly isAnyBreakerNotClosed: boolean
  readonly isDockerUnreachable: boolean
  /** Whether the database takes no writes. */
  readonly isStorageRefusing: boolean
  /** Whether no running engine can be reached where it is, as far as is known. */
  readonly isNoneReached: boolean
  /** Why a provision would be refused now; null if it would be accepted. */
  readonly refusal: Refusal | null
  readonly config: {
    readonly autoDelete: boolean
    readonly graceSeconds: number
    readonly targetImage: string
  }
  readonly image: {
    readonly state: 'unknown' | 'present' | 'missing' | 'pulling'
    /** Why the last pull failed; null if none did, and while the image is here. */
    readonly pullError: string | null
    /** How far a pull is; null if none is under way. */
    readonly pull: PullFacts | null
  }
  /** The nodes of a swarm; empty on a single Docker Engine. */
  readonly hosts: readonly HostBrief[]
  readonly proxies: {
    /** When a proxy last sent a request; null if none did. */
    readonly heardMs: number | null
    /** From which addresses, the newest first. Without a container, networks are empty. */
    readonly heard: readonly {
      readonly address: string
      readonly container: string | null
      readonly networks: readonly string[]
      readonly lastMs: number
    }[]
  }
  /** All warnings that are in force. */
  readonly warnings: readonly StandingWarning[]
  readonly nowMs: number
  readonly version: string
}

interface HostBrief {
  readonly name: string
  readonly address: string | null
  readonly state: HostWord
  readonly engines: number
  /** Engines without a started stream. */
  readonly free: number
}

/** `paused`: it takes no further containers, and keeps those that it has. */
export const HOST_WORDS = ['up', 'paused', 'drained', 'lost'] as const

export type HostWord = (typeof HOST_WORDS)[number]

interface PullFacts {
  readonly sinceMs: number
  readonly etaSeconds: number
  readonly layersDone: number
  readonly layers: number
  readonly currentBytes: number
  readonly totalBytes: number
}

/** A summary of the VPN: the first connected node, or else the first node; and a list of all nodes. */
export interface VpnBrief {
  readonly connected: boolean
  readonly health: string
  readonly container: string | null
  readonly forwardedPort: number | null
  readonly nodes: readonly {
    readonly name: string
    readonly connected: boolean
    readonly health: string
    readonly forwardedPort: number | null
    readonly sinceMs: number
    readonly reason: string | null
  }[]
}

/** The state of the whole fleet, with the names of the contract with the proxies. */
export function orchestratorStatus(facts: StatusFacts) {
  const { engines, streams, limits, config } = facts
  return {
    status: overall(facts),
    engines: { ...engines },
    streams: { active: streams.active, total: streams.total },
    capacity: {
      total: engines.total,
      used: streams.onEngines,
      // Negative if engines serve more than one stream each; the proxies accept that.
      available: engines.total - streams.onEngines,
      max_replicas: limits.maxReplicas,
      min_replicas: limits.minReplicas,
    },
    vpn: vpnPart(facts.vpn),
    provisioning: provisioningPart(facts),
    config: {
      auto_delete: config.autoDelete,
      grace_period_s: config.graceSeconds,
      target_image: config.targetImage,
    },
    image: imagePart(facts.image),
    hosts: facts.hosts.map((host) => ({ ...host })),
    proxies: proxiesPart(facts.proxies),
    warnings: facts.warnings.map(({ code, message, sinceMs, remedy }) => ({
      code,
      message,
      since: new Date(sinceMs).toISOString(),
      remedy,
    })),
    timestamp: new Date(facts.nowMs).toISOString(),
    version: facts.version,
  }
}

function overall(facts: StatusFacts): 'healthy' | 'degraded' | 'unavailable' {
  if (facts.engines.running === 0 && facts.refusal !== null) return 'unavailable'
  const isVpnLost = facts.vpn !== null && !facts.vpn.connected
  const { isAnyBreakerNotClosed, isDockerUnreachable, isStorageRefusing, isNoneReached } = facts
  const isOurs = isDockerUnreachable || isStorageRefusing || isNoneReached
  return isVpnLost || isAnyBreakerNotClosed || isOurs ? 'degraded' : 'healthy'
}

const vpnPart = (vpn: StatusFacts['vpn']) => ({
  enabled: vpn !== null,
  connected: vpn?.connected ?? false,
  health: vpn?.health ?? 'unknown',
  container: vpn?.container ?? null,
  forwarded_port: vpn?.forwardedPort ?? null,
  ...(vpn !== null && vpn.nodes.length > 1 ? { nodes: vpn.nodes.map(nodePart) } : {}),
})

const nodePart = ({
  name,
  connected,
  health,
  forwardedPort,
  sinceMs,
  reason,
}: VpnBrief['nodes'][number]) => ({
  container: name,
  connected,
  health,
  forwarded_port: forwardedPort,
  since: new Date(sinceMs).toISOString(),
  reason,
})

const proxiesPart = ({ heardMs, heard }: StatusFacts['proxies']) => ({
  last_heard: heardMs === null ? null : new Date(heardMs).toISOString(),
  heard: heard.map(({ address, container, networks, lastMs }) => ({
    address,
    container,
    networks: [...networks],
    last_heard: new Date(lastMs).toISOString(),
  })),
})

const imagePart = ({ state, pullError, pull }: StatusFacts['image']) => ({
  state,
  pull_error: pullError,
  pull:
    pull === null
      ? null
      : {
          since: new Date(pull.sinceMs).toISOString(),
          eta_seconds: pull.etaSeconds,
          layers_done: pull.layersDone,
          layers: pull.layers,
          current_bytes: pull.currentBytes,
          total_bytes: pull.totalBytes,
        },
})

function provisioningPart({ refusal, breaker }: StatusFacts) {
  return {
    can_provision: refusal === null,
    circuit_breaker_state: breaker.state,
    last_failure: breaker.lastFailureAt === null ? null : new Date(breaker.lastFailureAt).toISOString(),
    last_failure_reason: breaker.lastFailureReason,
    blocked_reason: refusal === null ? null : (refusal.blockedReason ?? refusal.message),
    blocked_reason_details: refusal === null ? null : refusalDetails(refusal),
  }
}

/** A refusal with the members that acexy decodes. */
const refusalDetails = (refusal: Refusal) => ({
  code: refusal.code,
  message: refusal.message,
  recovery_eta_seconds: refusal.etaSeconds,
  should_wait: refusal.shouldWait,
  can_retry: refusal.shouldWait,
})

/** How many engines drain because they are unhealthy, or are being replaced by another. Twice as many take twice as long. */
export function markedIn(engines: readonly Pick<Engine, 'id' | 'drainCause' | 'replaces'>[]): number {
  const replaced = new Set(engines.map(({ replaces }) => replaces))
  return engines.filter(({ id, drainCause }) => drainCause === 'unhealthy' || replaced.has(id)).length
}
