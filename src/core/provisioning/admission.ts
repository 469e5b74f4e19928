import type { DockerState } from '../types.ts'
import {
  imageMissing,
  imagePulling,
  noFreePort,
  noHost,
  type Refusal,
  runtimeUnavailable,
  storageUnavailable,
  vpnDisconnected,
} from './refusal.ts'

/** The facts that admission decides by. All of them are known without asking anyone. */
export interface AdmissionFacts {
  /** Why the database takes no writes; null while it takes them. */
  readonly storageFailure: string | null
  /** Null without a VPN; otherwise the state of the best node and, if it is not up, the reason and the time to wait. */
  readonly vpn: VpnAdmission | null
  /** Null while the breaker is closed; otherwise whole seconds until the next try, at least 1. */
  readonly breakerOpenForSeconds: number | null
  /** Number of engines that are not history. */
  readonly engines: number
  readonly maxReplicas: number
  /** Whole seconds after which an idle engine may have made room. */
  readonly capacityEtaSeconds: number
  /**
   * Whether this caller would get an unclaimed engine: then no engine is started, and only the storage or the VPN can be a
   * reason for a refusal.
   */
  readonly unclaimed: boolean
  /** Null while a host takes another engine; otherwise why none does. */
  readonly noHost: string | null
  /** Null while a port is free; otherwise what is taken. */
  readonly portsTaken: string | null
  readonly docker: DockerState
  readonly dockerError: string
  /** The image of the request, and whether it is on this host; `unknown` if nobody has looked, which is no reason to refuse. */
  readonly image: {
    readonly name: string
    readonly state:
      | 'unknown'
      | 'present'
      | { readonly missing: true; readonly pullError: string | null }
      | { readonly pullingEtaSeconds: number }
  }
}

/** `why` is the part of the message after the dash; `etaSeconds` is null if nobody knows. */
interface VpnAdmission {
  readonly state: 'up' | 'down' | 'unknown'
  /** The state of a node is not known yet, and has not been so for long. */
  readonly isShort: boolean
  readonly why: string
  readonly etaSeconds: number | null
}

type Rule = (facts: AdmissionFacts) => Refusal | null

const VPN_DOWN_ETA_S = 60
const VPN_UNKNOWN_ETA_S = 5

const vpnRule: Rule = ({ vpn }) =>
  vpn === null || vpn.state === 'up'
    ? null
    : vpnDisconnected(vpn.why, vpn.etaSeconds ?? (vpn.isShort ? VPN_UNKNOWN_ETA_S : VPN_DOWN_ETA_S))

/** The order matters: the first refusal is the answer, so a lasting reason comes before a temporary one. */
const START_RULES: readonly Rule[] = [
  ({ breakerOpenForSeconds: seconds }) =>
    seconds === null
      ? null
      : {
          code: 'circuit_breaker',
          message: `Provisioning temporarily unavailable: circuit breaker is open, next try in ${seconds} s`,
          blockedReason: 'Circuit breaker is open',
          etaSeconds: seconds,
          shouldWait: true,
        },
  ({ engines, maxReplicas, capacityEtaSeconds }) =>
    engines < maxReplicas
      ? null
      : {
          code: 'max_capacity',
          message: `Cannot provision engine: maximum capacity reached (${engines} of ${maxReplicas} engines)`,
          blockedReason: 'Maximum capacity reached',
          etaSeconds: capacityEtaSeconds,
          shouldWait: true,
        },
  // While the container engine does not answer, that is also why nothing is known of its hosts.
  ({ noHost: why, docker }) => (why === null || docker === 'unreachable' ? null : noHost(why)),
  ({ portsTaken }) => (portsTaken === null ? null : noFreePort(portsTaken)),
  ({ docker, dockerError }) => (docker === 'unreachable' ? runtimeUnavailable(dockerError) : null),
  ({ image: { name, state } }) => {
    if (typeof state === 'string') return null
    return 'missing' in state
      ? imageMissing(name, state.pullError)
      : imagePulling(name, state.pullingEtaSeconds)
  },
]

/**
 * Decides whether a provision may be accepted now: null, or the refusal. `POST /provision…`, `/orchestrator/status` and the
 * reconciler all use this function, so `can_provision` always agrees with what a POST would do.
 */
export function admission(facts: AdmissionFacts): Refusal | null {
  if (facts.storageFailure !== null) return storageUnavailable(facts.storageFailure)
  const vpn = vpnRule(facts)
  if (vpn !== null) return vpn
  if (facts.unclaimed) return null
  for (const rule of START_RULES) {
    const refusal = rule(facts)
    if (refusal !== null) return refusal
  }
  return null
}
