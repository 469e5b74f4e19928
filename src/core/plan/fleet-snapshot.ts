import type { Health } from '../engines/health.ts'
import type { Refusal } from '../provisioning/refusal.ts'
import type { SecondLook } from '../streams/sessions.ts'
import type { DrainCause, Engine } from '../types.ts'
import { LOOK_FRESH_MS, type LookRequest, type Sight, type Wanted } from '../viewers/viewers.ts'
import type { Namespace } from '../vpn/namespace.ts'
import type { NodeState } from '../vpn/vpn.ts'
import type { Outside } from '../vpn/vpn-membership.ts'

/** One live engine with all that is known of it at one moment. */
export interface ObservedEngine {
  readonly engine: Engine
  /** Its container runs, as far as is known. */
  readonly isRunning: boolean
  /** This process is creating, starting or removing its container right now. */
  readonly isInHand: boolean
  /** Started streams in the books. */
  readonly streams: number
  readonly health: Pick<Health, 'verdict' | 'sinceMs'>
  /** Since when the process that runs in it now is probed by us; null when it is not. */
  readonly probedSinceMs: number | null
  /** For how long its sessions were watched and moved no bytes, in milliseconds; null where none can be asked. */
  readonly stillMs: number | null
  /** What the second look found; only asked for while the engine drains, or crashes again and again. */
  readonly look: SecondLook
  /** What was seen of it from outside; null before somebody has looked. Only looked at where a rule asks for it. */
  readonly sight: Sight | null
  /** Made from another image, template or limits than new ones are. */
  readonly isOutdated: boolean
  /** The VPN node that it is behind; null without one. */
  readonly node: EngineNode | null
  /** How it is outside a VPN that is configured, and whether a node is up that it may be put behind; null when it is not. */
  readonly outside: { readonly kind: Outside; readonly isNodeUp: boolean } | null
}

/** A VPN node as an engine behind it has it. */
export interface EngineNode extends Pick<NodeState, 'state' | 'sinceMs' | 'isSettled'> {
  readonly namespace: Namespace
  /** Since when it is cut off from the outside though its node is not; null when that can't be said. */
  readonly strandedSinceMs: number | null
}

/** What is wanted of the fleet; the limits are numbers of engines. */
export interface Policy {
  /** `MIN_REPLICAS`, or what an operator scaled to. */
  readonly minReplicas: number
  readonly minFree: number
  readonly maxReplicas: number
  readonly autoDelete: boolean
  /** When an operator last said how many engines there should be; null when nobody did. */
  readonly scaledAtMs: number | null
  readonly graceMs: number
  readonly drainHideMs: number
  readonly startupTimeoutMs: number
  /** Own starts at a time. */
  readonly concurrentStarts: number
  readonly startIntervalMs: number
  readonly unhealthyGraceMs: number
  readonly replacementCooldownMs: number
  /** For how long engines may try to find their connection by themselves after a reconnect of their VPN. */
  readonly reconnectGraceMs: number
  /** Whether those that don't are restarted. */
  readonly restartsOnReconnect: boolean
  /** Whether an engine with a network of its own is stopped once a VPN is configured, whoever watches. */
  readonly isVpnStrict: boolean
}

/** The replacement that was begun last, whether or not it has ended. */
export interface Replacement {
  /** The engine that is replaced. */
  readonly engineId: string
  readonly cause: 'unhealthy' | 'outdated'
  readonly atMs: number
  /** An engine was started in its place. */
  readonly isStarted: boolean
}

/** All that a plan looks at. */
export interface FleetSnapshot {
  readonly engines: readonly ObservedEngine[]
  readonly policy: Policy
  readonly nowMs: number
  /** Why nothing may be decided now, since what is known may be out of date; null when it is current. */
  readonly frozen: string | null
  /** Since when no event of the container engine can have been missed. */
  readonly watchedSinceMs: number
  /** Why an engine can't be started now; null when it can. */
  readonly startRefusal: Refusal | null
  readonly replacementRefusal: Refusal | null
  /** A single engine is tried: the breaker lets no more through, or the last one of ours failed. */
  readonly isStartTrial: boolean
  /** After starts that failed, no new one before this time. */
  readonly startsHeldUntilMs: number
  readonly replacement: Replacement | null
}

/** The rules by which actions come about; each action names its own. */
export const PLAN_RULES = [
  'outside_vpn',
  'moved_behind_vpn',
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
  'replacement_ready',
  'wanted_again',
  'stands_in',
  'finish_replacement',
  'below_wanted',
  'surplus_unhealthy',
  'scaled_down',
  'idle_surplus',
  'vpn_lost',
  'unhealthy',
  'unhealthy_at_cap',
  'outdated',
  'outdated_at_cap',
] as const

export type PlanRule = (typeof PLAN_RULES)[number]

interface ActionArgs {
  /** Start an engine; `replaces` names the engine whose place it takes. */
  provision: { readonly replaces: string | null }
  /** Start an engine in the place of one that still exists. */
  replace: { readonly engineId: string; readonly cause: Replacement['cause'] }
  /** Drain an engine at the cap; the one that takes its place comes after it. */
  make_room: {
    readonly engineId: string
    readonly cause: Replacement['cause']
    readonly hiddenSinceMs: number | null
  }
  /** Hide an engine in order to stop it; `hiddenSinceMs` is null where it is listed until this is done. */
  drain: { readonly engineId: string; readonly cause: DrainCause; readonly hiddenSinceMs: number | null }
  /** Put a draining engine back into service. */
  recall: { readonly engineId: string }
  /** Remove a drained engine. */
  stop: { readonly engineId: string }
  /** Remove an engine that does not work. */
  fail: { readonly engineId: string }
  /** Start the container of an engine that stopped while nobody watched. */
  revive: { readonly engineId: string }
  /** Restart the container of an engine, so that it joins its VPN node anew. */
  restart: { readonly engineId: string }
  /** Make the container of an engine anew, since it is in no network of a VPN node that is there now. */
  recreate: { readonly engineId: string }
  /** Stop the container of an engine that is outside the VPN, and end what it serves; the engine itself stays. */
  halt: { readonly engineId: string }
}

/** One step towards what is wanted, with the rule that asks for it and the reason in words. */
export type Action = {
  [Type in keyof ActionArgs]: {
    readonly type: Type
    readonly rule: PlanRule
    readonly reason: string
  } & ActionArgs[Type]
}[keyof ActionArgs]

export type ActionOf<Type extends Action['type']> = Extract<Action, { readonly type: Type }>

/** What is to be done now, and when to look again at the latest. */
export interface Plan {
  /** Engines wanted, those that count towards it, and those of them with viewers. */
  readonly wanted: number
  readonly serving: number
  readonly busy: number
  readonly actions: readonly Action[]
  /** Why something that is wanted is not done now. */
  readonly waits: readonly string[]
  /** Engines of which somebody has to find out whether they are watched; null where nothing may be decided at all. */
  readonly looks: readonly LookRequest[] | null
  /** When time alone changes the plan; null when it does not. */
  readonly wakeAtMs: number | null
}

/** Tells what is due, and remembers the earliest of what is not; and who has to be looked at before something is done. */
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
   * What the last look at an engine found; null until there was one that decides, which is wanted by asking. To be asked last, where
   * only this is in the way: a look takes commands in containers. What was found is wanted on until something is done about it.
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

/** Whether it has viewers: known ones, or ones that it may have had before it was adopted. */
export const isBusy = ({ streams, engine }: ObservedEngine): boolean =>
  streams > 0 || engine.adoptedAt !== null

/** In use or to be used: neither drained nor being removed. */
export const isInService = ({ engine }: ObservedEngine): boolean =>
  engine.removalRequestedAt === null &&
  (engine.status === 'provisioning' || engine.status === 'starting' || engine.status === 'ready')

/** Ready, running and in nobody's hands. */
export const isSteady = (observed: ObservedEngine): boolean =>
  observed.engine.status === 'ready' &&
  observed.engine.removalRequestedAt === null &&
  observed.isRunning &&
  !observed.isInHand

/** Unhealthy by its own fault, as far as one can tell: while its VPN is away, and shortly afterwards, one can't. */
export const isUnhealthy = (observed: ObservedEngine): boolean =>
  isSteady(observed) &&
  observed.health.verdict === 'unhealthy' &&
  isNetworkUp(observed) &&
  (observed.node?.isSettled ?? true)

/** Without a VPN, or with one that works and that it has joined. */
export const isNetworkUp = ({ node }: ObservedEngine): boolean =>
  node === null || (node.state === 'up' && node.namespace === 'alive')

/** Its VPN node has been down for so long that others have to do its work. */
export const isBehindLostNode = ({ node }: ObservedEngine): boolean =>
  node !== null && node.state === 'down' && node.isSettled

/**
 * Whether it is lost for its viewers: it has been unhealthy for the grace period, no stream was begun in that time, and its
 * sessions were watched for as long without moving a byte, and nobody is connected to it, or its network carries no stream that
 * the books don't know, as far as that is counted (those who get nothing may still hold their connections). What was not watched is
 * no evidence. An idle engine has none to lose, and of one with viewers that we don't know of nobody can say.
 */
export function isLostForViewers(observed: ObservedEngine, policy: Policy, agenda: Agenda): boolean {
  const { health, stillMs, engine } = observed
  if (!isBusy(observed)) return true
  if (engine.adoptedAt !== null) return false
  const { unhealthyGraceMs: graceMs } = policy
  const lostMs = Math.max(health.sinceMs, engine.lastStreamAt ?? 0) + graceMs
  const standsMs = stillMs ?? Number.POSITIVE_INFINITY
  // Its traffic is to be known by then.
  if (!agenda.isDue(lostMs - graceMs / 2) || standsMs < graceMs / 2) return false
  const sight = agenda.sightOf(observed, { fromMs: lostMs, isMute: true })
  const isLost = agenda.isDue(lostMs) && standsMs >= graceMs
  return isLost && sight !== null && (sight.connections === 'none' || carriesNothing(sight))
}

const carriesNothing = ({ traffic }: Sight): boolean => traffic === 'still' || traffic === 'uncounted'

/** Since when nobody has used it: the latest of ready, handed out, and the end of its last stream. */
export const idleSinceMs = ({ engine }: ObservedEngine): number =>
  Math.max(engine.readyAt ?? engine.createdAt, engine.handedOutAt ?? 0, engine.lastStreamAt ?? 0)
