import type { Health } from '../engines/health.ts'
import { isBeyondUs, type OutOfReach } from '../engines/reach.ts'
import type { ObservedHost } from '../hosts/host-state.ts'
import type { Refusal } from '../provisioning/refusal.ts'
import type { Expected } from '../proxies/expected.ts'
import type { SecondLook } from '../streams/sessions.ts'
import type { DrainCause, Engine } from '../types.ts'
import { LOOK_FRESH_MS, type LookRequest, type Sight, type Wanted } from '../viewers/viewers.ts'
import type { Namespace } from '../vpn/namespace.ts'
import type { NodeState } from '../vpn/node-state.ts'
import type { Outside } from '../vpn/vpn-membership.ts'
import type { Outdated } from './outdated.ts'

/** One live engine with everything that is known about it at one moment. */
export interface ObservedEngine {
  readonly engine: Engine
  /** The engine's container runs, as far as is known. */
  readonly isRunning: boolean
  /** This process is creating, starting or removing the engine's container right now. */
  readonly isInHand: boolean
  /** The engine is in hand because it does not work: an action `fail` is being carried out. */
  readonly isFailing: boolean
  /** Number of started streams. */
  readonly streams: number
  /**
   * Whether a stream is expected that is not reported yet: a POST gave the engine to a caller, or a proxy has chosen it. Null
   * if none is.
   */
  readonly expected: Pick<Expected, 'isHandedOut' | 'untilMs'> | null
  readonly health: Pick<Health, 'verdict' | 'sinceMs'>
  /** Since when we probe the process that runs in the container now; null if we do not. */
  readonly probedSinceMs: number | null
  /**
   * For how long the engine's sessions were watched without moving a byte, in milliseconds; null if none can be asked about.
   */
  readonly stillMs: number | null
  /**
   * The result of the second look. The engine is only asked for it if it drains, crashes repeatedly, is cut off, or is
   * unhealthy with a started stream.
   */
  readonly look: SecondLook
  /**
   * What was seen of the engine from outside; null before the first look. An engine is only looked at if a rule requests it.
   */
  readonly sight: Sight | null
  /** Why the engine has to be replaced though it works; null if it has not. */
  readonly outdated: Outdated | null
  /** Why the engine is of no use where it is; null if it is reached, as far as is known. */
  readonly outOfReach: OutOfReach | null
  /** Why the engine counts as one that plays nothing although others play; null if it does not. */
  readonly playsNothing: string | null
  /** The host that the engine is on; null if there is one host, or if nobody has seen the hosts yet. */
  readonly host: ObservedHost | null
  /** The VPN node that the engine is behind; null without one. */
  readonly node: EngineNode | null
  /**
   * How the engine is outside the configured VPN, and whether a node that it may move behind is up; null if it is not
   * outside.
   */
  readonly outside: { readonly kind: Outside; readonly isNodeUp: boolean } | null
}

/** A VPN node, from the point of view of an engine behind it. */
export interface EngineNode extends Pick<NodeState, 'state' | 'sinceMs' | 'isSettled'> {
  readonly namespace: Namespace
  /** The node is up, or works by every sign but its health check. */
  readonly isWorking: boolean
  /** Since when only its engines say that its tunnel is dead, where only they can tell; null if that is not so. */
  readonly doubtedSinceMs: number | null
  /**
   * Since when the engine is cut off from the outside although its node is not; null if it is not, or if that cannot be
   * told.
   */
  readonly strandedSinceMs: number | null
}

/** What the fleet should be like. The limits are numbers of engines. */
export interface Policy {
  /** `MIN_REPLICAS`, or the number that an operator scaled to. */
  readonly minReplicas: number
  readonly minFree: number
  readonly maxReplicas: number
  readonly autoDelete: boolean
  /** When an operator last set the number of engines; null for never. */
  readonly scaledAtMs: number | null
  readonly graceMs: number
  readonly drainHideMs: number
  readonly startupTimeoutMs: number
  /** How many of Roundhouse's own starts may run at a time. */
  readonly concurrentStarts: number
  readonly startIntervalMs: number
  readonly unhealthyGraceMs: number
  readonly replacementCooldownMs: number
  /** How long engines may try to reconnect by themselves after their VPN has reconnected. */
  readonly reconnectGraceMs: number
  /** Whether engines that do not reconnect by themselves are restarted. */
  readonly restartsOnReconnect: boolean
  /** Whether an engine with its own network is stopped if a VPN is configured, even if it has viewers. */
  readonly isVpnStrict: boolean
}

/** The replacement that began last, whether or not it has ended. */
export interface Replacement {
  /** The engine that is replaced. */
  readonly engineId: string
  readonly cause: 'unhealthy' | 'plays_nothing' | 'outdated'
  readonly atMs: number
  /** A successor was started. */
  readonly isStarted: boolean
}

/** Everything that a plan is decided from. */
export interface FleetSnapshot {
  readonly engines: readonly ObservedEngine[]
  readonly policy: Policy
  readonly nowMs: number
  /** Why nothing may be decided now, because the known state may be out of date; null if it is current. */
  readonly frozen: string | null
  /** Since when no event of the container engine can have been missed. */
  readonly watchedSinceMs: number
  /** Why an engine cannot be started now; null if it can. */
  readonly startRefusal: Refusal | null
  readonly replacementRefusal: Refusal | null
  /** Only a single engine may be started now, as a trial: the breaker is half-open, or our last start failed. */
  readonly isStartTrial: boolean
  /** After failed starts, no new start happens before this time. */
  readonly startsHeldUntilMs: number
  readonly replacement: Replacement | null
}

/** The rules that lead to actions; each action names its rule. */
export const PLAN_RULES = [
  'outside_vpn',
  'moved_behind_vpn',
  'host_lost',
  'host_drained',
  'vpn_gone',
  'vpn_recreated',
  'vpn_restarted',
  'crash_loop',
  'exited',
  'stopped_in_outage',
  'never_answered',
  'used_again',
  'dead_while_draining',
  'drained',
  'recovered',
  'vpn_back',
  'vpn_reconnected',
  'vpn_tried',
  'replacement_ready',
  'wanted_again',
  'stands_in',
  'finish_replacement',
  'below_wanted',
  'spare_ahead',
  'surplus_unhealthy',
  'scaled_down',
  'idle_surplus',
  'vpn_lost',
  'unhealthy',
  'unhealthy_at_cap',
  'plays_nothing',
  'plays_nothing_at_cap',
  'outdated',
  'outdated_at_cap',
] as const

export type PlanRule = (typeof PLAN_RULES)[number]

interface ActionArgs {
  /** Start an engine; `replaces` names the engine whose place it takes, or is null. */
  provision: { readonly replaces: string | null }
  /** Start an engine in place of one that still exists. */
  replace: { readonly engineId: string; readonly cause: Replacement['cause'] }
  /** Drain an engine because the maximum is reached; its successor is started afterwards. */
  make_room: {
    readonly engineId: string
    readonly cause: Replacement['cause']
    readonly hiddenSinceMs: number | null
  }
  /** Hide an engine in order to stop it; `hiddenSinceMs` is null if the engine was listed until now. */
  drain: { readonly engineId: string; readonly cause: DrainCause; readonly hiddenSinceMs: number | null }
  /** Put a draining engine back into service. */
  recall: { readonly engineId: string }
  /** Remove a drained engine. */
  stop: { readonly engineId: string }
  /** Remove an engine that does not work. */
  fail: { readonly engineId: string }
  /** Start the container of an engine that stopped while Docker was not watched. */
  revive: { readonly engineId: string }
  /** Restart the container of an engine, so that it joins the network of its VPN node again. */
  restart: { readonly engineId: string }
  /** Recreate the container of an engine, because it is in no network of a present VPN node. */
  recreate: { readonly engineId: string }
  /** Stop the container of an engine that is outside the VPN, and end its streams; the engine itself remains. */
  halt: { readonly engineId: string }
}

/** One step towards the wanted state, with the rule that asks for it and the reason in words. */
export type Action = {
  [Type in keyof ActionArgs]: {
    readonly type: Type
    readonly rule: PlanRule
    readonly reason: string
  } & ActionArgs[Type]
}[keyof ActionArgs]

export type ActionOf<Type extends Action['type']> = Extract<Action, { readonly type: Type }>

/** What has to be done now, and when to plan again at the latest. */
export interface Plan {
  /** The number of engines wanted, of engines that count towards it, of those with viewers, and of those about to have some. */
  readonly wanted: number
  readonly serving: number
  readonly busy: number
  readonly expected: number
  readonly actions: readonly Action[]
  /** Why something that is wanted is not done now. */
  readonly waits: readonly string[]
  /** Requests for looks at engines that may have viewers; null if nothing may be decided at all. */
  readonly looks: readonly LookRequest[] | null
  /** When time alone changes the plan, in epoch milliseconds; null if it does not. */
  readonly wakeAtMs: number | null
}

/**
 * Tells what is due, and collects the earliest time at which something else becomes due and the looks that are needed before
 * an action.
 */
export class Agenda {
  #wakeAtMs: number | null = null
  readonly #looks = new Map<string, LookRequest>()

  constructor(readonly nowMs: number) {}

  isDue(atMs: number): boolean {
    if (atMs <= this.nowMs) return true
    if (this.#wakeAtMs === null || atMs < this.#wakeAtMs) this.#wakeAtMs = atMs
    return false
  }

  get wakeAtMs(): number | null {
    return this.#wakeAtMs
  }

  /**
   * What the last look at an engine found; null until there was a look that decides. The call itself requests that look, so
   * make it last, when nothing else prevents the action: a look runs commands in containers. Each plan requests the look
   * again until the action is taken.
   */
  sightOf({ engine, sight }: ObservedEngine, wanted: Wanted): Sight | null {
    this.#looks.set(engine.id, { engineId: engine.id, isKept: false, ...wanted })
    const isFresh = sight !== null && sight.atMs >= wanted.fromMs && this.nowMs - sight.atMs <= LOOK_FRESH_MS
    return isFresh ? sight : null
  }

  get looks(): readonly LookRequest[] {
    return [...this.#looks.values()]
  }
}

/** Whether the engine has viewers: known ones, or ones that it may have had before it was adopted. */
export const isBusy = ({ streams, engine }: ObservedEngine): boolean =>
  streams > 0 || engine.adoptedAt !== null

/** Whether the engine is in use or available: neither draining nor being removed. */
export const isInService = ({ engine }: ObservedEngine): boolean =>
  engine.removalRequestedAt === null &&
  (engine.status === 'provisioning' || engine.status === 'starting' || engine.status === 'ready')

/** Whether the engine is ready and running, and no part of this process has it in hand. */
export const isSteady = (observed: ObservedEngine): boolean =>
  observed.engine.status === 'ready' &&
  observed.engine.removalRequestedAt === null &&
  observed.isRunning &&
  !observed.isInHand

/**
 * Whether the engine is unhealthy by its own fault. While its VPN is away, and shortly afterwards, that cannot be told, nor
 * where our questions do not reach it.
 */
export const isUnhealthy = (observed: ObservedEngine): boolean =>
  isSteady(observed) &&
  !isBeyondUs(observed) &&
  observed.health.verdict === 'unhealthy' &&
  isNetworkUp(observed) &&
  (observed.node?.isSettled ?? true)

/** Whether the engine has no VPN, or is in the network of a node that is up. */
export const isNetworkUp = ({ node }: ObservedEngine): boolean =>
  node === null || (node.state === 'up' && node.namespace === 'alive')

/** Whether the engine's VPN node has been down for so long that other engines have to take over. */
export const isBehindLostNode = ({ node }: ObservedEngine): boolean =>
  node !== null && node.state === 'down' && node.isSettled

/**
 * Whether the engine is lost for its viewers. It has been unhealthy for the grace period, no stream began in that time, and
 * its sessions were watched for as long without moving a byte. In addition, nobody is connected to it, or its network
 * carries no unreported stream, as far as its traffic is counted: viewers who get nothing may still hold their connections.
 * What was not watched is no evidence. An idle engine counts as lost, because it has no viewers. An adopted engine does not,
 * because it may have viewers that we do not know of.
 */
export function isLostForViewers(observed: ObservedEngine, policy: Policy, agenda: Agenda): boolean {
  const { health, stillMs, engine } = observed
  if (!isBusy(observed)) return true
  if (engine.adoptedAt !== null) return false
  const { unhealthyGraceMs: graceMs } = policy
  const lostMs = Math.max(health.sinceMs, engine.lastStreamAt ?? 0) + graceMs
  const standsMs = stillMs ?? Number.POSITIVE_INFINITY
  // The look begins before the end of the grace period, so that the traffic is known by then.
  if (!agenda.isDue(lostMs - graceMs / 2) || standsMs < graceMs / 2) return false
  const sight = agenda.sightOf(observed, { fromMs: lostMs, isMute: true })
  const isLost = agenda.isDue(lostMs) && standsMs >= graceMs
  return isLost && sight !== null && (sight.connections === 'none' || carriesNothing(sight))
}

const carriesNothing = ({ traffic }: Sight): boolean => traffic === 'still' || traffic === 'uncounted'

/**
 * Since when nobody has used the engine: the latest of its becoming ready, its handout to a caller, and the end of its last
 * stream.
 */
export const idleSinceMs = ({ engine }: ObservedEngine): number =>
  Math.max(engine.readyAt ?? engine.createdAt, engine.handedOutAt ?? 0, engine.lastStreamAt ?? 0)
