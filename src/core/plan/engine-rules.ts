import { isBeyondUs } from '../engines/reach.ts'
import { isCrashLoop } from '../engines/restarts.ts'
import { HOST_GRACE_MS } from '../hosts/host-state.ts'
import { hasStopped } from '../types.ts'
import { LOOK_LEAD_MS } from '../viewers/viewers.ts'
import {
  type Action,
  type Agenda,
  type FleetSnapshot,
  isBusy,
  isLostForViewers,
  isNetworkUp,
  type ObservedEngine,
  type PlanRule,
} from './fleet-snapshot.ts'
import { hiddenUntilMs, isKept, isMute, viewersOf } from './looking.ts'

/**
 * How long an engine is left alone after its container exited. A container engine that shuts down reports its containers as
 * exited, and those have to be started again. Whether it still takes connections is checked once a second.
 */
const EXIT_SETTLE_MS = 1_500

interface Look {
  readonly observed: ObservedEngine
  readonly snapshot: FleetSnapshot
  readonly agenda: Agenda
}

/** The actions on a single engine. */
type OwnAction = 'halt' | 'stop' | 'recreate' | 'restart' | 'revive' | 'fail' | 'recall'

type EngineRule = { readonly when: (look: Look) => boolean } & (
  | { readonly rule: 'leave' }
  | {
      readonly rule: PlanRule
      readonly action: (observed: ObservedEngine) => { readonly type: OwnAction; readonly reason: string }
    }
)

/**
 * The rules are read from top to bottom; the first one that holds decides. An engine that none matches works as it should.
 */
const RULES: readonly EngineRule[] = [
  // The part that has the engine in hand finishes its work, and the container sync carries out a requested removal.
  {
    rule: 'leave',
    when: ({ observed }) => observed.isInHand || observed.engine.removalRequestedAt !== null,
  },
  { rule: 'leave', when: ({ observed }) => observed.engine.status === 'provisioning' },
  // Nobody can repair an engine whose host is away, and nobody else may stop what its host was told to stop.
  {
    rule: 'host_lost',
    when: ({ observed: { host }, agenda }) =>
      host?.condition === 'lost' && agenda.isDue(host.sinceMs + HOST_GRACE_MS),
    action: ({ host }) => ({ type: 'stop', reason: `its host ${host?.name} does not answer the swarm` }),
  },
  {
    rule: 'host_drained',
    when: ({ observed }) => observed.host?.condition === 'drained' && !observed.isRunning,
    action: ({ host }) => ({ type: 'stop', reason: `its host ${host?.name} was drained` }),
  },
  // No traffic may leave except through the VPN. That holds whether or not the engine has viewers and whether or not a node
  // is up.
  {
    rule: 'outside_vpn',
    when: isToBeHalted,
    action: () => ({ type: 'halt', reason: 'it is outside the VPN' }),
  },
  {
    rule: 'outside_vpn',
    when: ({ observed }) => observed.engine.status === 'draining' && isStoppedOutside(observed),
    action: () => ({ type: 'stop', reason: 'it was stopped outside the VPN' }),
  },
  {
    rule: 'moved_behind_vpn',
    when: ({ observed }) => isStoppedOutside(observed) && observed.outside?.isNodeUp === true,
    action: () => ({ type: 'recreate', reason: 'it was stopped outside the VPN, which is up' }),
  },
  // Why the container stands still does not matter: it is not started again outside the VPN.
  { rule: 'leave', when: ({ observed }) => isStoppedOutside(observed) },
  // The viewers lost their stream with the network, so the engine can be stopped.
  {
    rule: 'vpn_gone',
    when: ({ observed }) => observed.engine.status === 'draining' && isNetworkGone(observed),
    action: () => ({ type: 'stop', reason: 'its network is gone' }),
  },
  {
    rule: 'vpn_recreated',
    when: ({ observed }) => isNetworkGone(observed) && observed.node?.namespace === 'foreign',
    action: () => ({ type: 'recreate', reason: 'its VPN container was made anew' }),
  },
  {
    rule: 'vpn_restarted',
    when: ({ observed }) => isNetworkGone(observed) && observed.node?.namespace === 'dead',
    action: () => ({ type: 'restart', reason: 'its VPN container was restarted' }),
  },
  // The VPN may be the cause of any problem now, and without the VPN nothing can be done about it. So nothing is held
  // against the engine.
  {
    rule: 'leave',
    when: ({ observed }) => !isNetworkUp(observed) && observed.engine.status !== 'draining',
  },
  {
    rule: 'crash_loop',
    when: (look) =>
      isCrashLoop(look.observed.engine.restartsAt, look.snapshot.nowMs) &&
      look.observed.streams === 0 &&
      (!look.observed.isRunning || (isUnwatched(look, 0) && isDeserted(look, 0))),
    action: () => ({ type: 'fail', reason: 'its container restarted more than 3 times in 5 minutes' }),
  },
  {
    rule: 'stopped_in_outage',
    // A draining engine was going to be stopped anyway, so it is not started again.
    when: (look) => isExited(look) && !isWitnessed(look) && look.observed.engine.status !== 'draining',
    action: () => ({ type: 'revive', reason: 'its container stopped while Docker was not watched' }),
  },
  {
    rule: 'exited',
    when: (look) =>
      isStandingStill(look) && look.agenda.isDue((look.observed.engine.stoppedAt ?? 0) + EXIT_SETTLE_MS),
    action: ({ engine }) => ({ type: 'fail', reason: `its container stopped (${engine.containerState})` }),
  },
  { rule: 'leave', when: ({ observed }) => !observed.isRunning },
  {
    rule: 'never_answered',
    when: (look) => isWaitedForInVain(look) && isUsedByNobody(look),
    action: ({ outOfReach }) => ({ type: 'fail', reason: outOfReach?.isMoving ? MISPLACED : OVERDUE }),
  },
  { rule: 'leave', when: ({ observed }) => observed.engine.status !== 'draining' },
  {
    rule: 'used_again',
    when: ({ observed }) => observed.streams > 0 && mayServeAgain(observed),
    action: () => ({ type: 'recall', reason: 'a stream came while it drained' }),
  },
  {
    rule: 'dead_while_draining',
    when: ({ observed, snapshot, agenda }) =>
      isBusy(observed) &&
      observed.engine.drainCause === 'unhealthy' &&
      observed.health.verdict === 'unhealthy' &&
      isLostForViewers(observed, snapshot.policy, agenda),
    action: () => ({ type: 'stop', reason: 'it is unhealthy, and no stream of it moves' }),
  },
  {
    rule: 'drained',
    when: isDrained,
    action: ({ engine }) => ({ type: 'stop', reason: engine.reason ?? 'it was drained' }),
  },
]

/** The action on one engine that does not depend on the other engines; null if there is none. */
export function actionFor(look: Look): Action | null {
  const rule = RULES.find(({ when }) => when(look))
  if (rule === undefined || rule.rule === 'leave') return null
  const { type, reason } = rule.action(look.observed)
  return { type, rule: rule.rule, reason, engineId: look.observed.engine.id }
}

/**
 * Whether the engine must be halted: it has its own network, and it runs or has started streams. A stream may be reported
 * after the container has stopped.
 */
function isToBeHalted({ observed: { outside, engine, streams }, snapshot }: Look): boolean {
  if (outside?.kind !== 'own_network' || !snapshot.policy.isVpnStrict) return false
  return !hasStopped(engine.containerState) || streams > 0
}

const isStoppedOutside = ({ outside, engine }: ObservedEngine): boolean =>
  outside?.kind === 'own_network' && hasStopped(engine.containerState)

/** The engine's node is up, but with another network than the one that the engine has joined. */
const isNetworkGone = ({ node }: ObservedEngine): boolean =>
  node !== null && node.state === 'up' && node.namespace !== 'alive'

const isExited = ({ observed }: Look): boolean => observed.engine.containerState === 'exited'

/** A dead container is one that could not be removed; it cannot be started either. */
const isStandingStill = (look: Look): boolean =>
  isExited(look) || look.observed.engine.containerState === 'dead'

/**
 * A `die` event arrived for the container, and the event stream was not interrupted since: the stop is not part of an
 * outage.
 */
const isWitnessed = ({ observed, snapshot }: Look): boolean =>
  observed.engine.stopCause === 'exit' && snapshot.watchedSinceMs <= (observed.engine.stoppedAt ?? 0)

/**
 * Whether the engine had its full time to answer and was probed during all of it. If its start was noticed late, nothing is
 * known yet. An adopted engine may have viewers that we do not know of, so its silence is no reason to stop it.
 */
function isOverdue({ observed, snapshot, agenda }: Look): boolean {
  const { engine, streams, probedSinceMs, node } = observed
  if (engine.status !== 'starting' || engine.adoptedAt !== null || streams > 0) return false
  if (probedSinceMs === null) return false
  const startedMs = engine.containerStartedAt ?? engine.createdAt
  // The start is dated by the clock of the container engine, which may be ahead of ours.
  const knownMs = startedMs > snapshot.nowMs ? 0 : startedMs
  const sinceMs = Math.max(knownMs, probedSinceMs, node?.sinceMs ?? 0)
  return agenda.isDue(sinceMs + snapshot.policy.startupTimeoutMs)
}

const OVERDUE = 'it gave no good answer in time after its start'
const MISPLACED = 'it is out of reach where it is, and new engines are elsewhere'

const isWaitedForInVain = (look: Look): boolean => isMisplaced(look) || isOverdue(look)

/**
 * Whether the engine starts where it will never answer us, though new ones do: there is nothing to wait for. A caller who was
 * given it may be on the way, and an adopted engine may have viewers that we do not know of.
 */
function isMisplaced({ observed }: Look): boolean {
  const { engine, outOfReach, streams, expected } = observed
  if (outOfReach?.of !== 'us' || !outOfReach.isMoving) return false
  return engine.status === 'starting' && engine.adoptedAt === null && streams === 0 && expected === null
}

/** An operator's order stays in force, and an unhealthy engine can serve nobody; the stream shows that this one serves. */
const mayServeAgain = (observed: ObservedEngine): boolean => {
  const { engine, health } = observed
  return engine.drainCause !== 'operator' && (health.verdict !== 'unhealthy' || isBeyondUs(observed))
}

/** Whether the engine was hidden for long enough, and neither its sessions nor a look from outside show a viewer. */
function isDrained(look: Look): boolean {
  const { observed, snapshot, agenda } = look
  if (isBusy(observed)) return false
  const untilMs = hiddenUntilMs(observed, snapshot.policy)
  if (!agenda.isDue(untilMs - LOOK_LEAD_MS)) return false
  const isHidden = agenda.isDue(untilMs)
  if (isHidden && !isUnwatched(look, untilMs)) return false
  return isDeserted(look, untilMs) && isHidden
}

/** Whether a look at or after `fromMs` found no viewer. An engine about which nothing can tell counts as watched. */
const isDeserted = ({ observed, snapshot, agenda }: Look, fromMs: number): boolean =>
  viewersOf(observed, agenda, {
    fromMs,
    isMute: isMute(observed),
    isKept: isKept(observed, snapshot.policy),
  }) === 'nobody'

/**
 * Whether nobody uses an engine that has never answered us. It may have viewers if only our own requests do not reach it. If
 * nothing can tell, the missing answers are reason enough, unless a connection is held.
 */
function isUsedByNobody({ observed, agenda }: Look): boolean {
  const viewers = viewersOf(observed, agenda, { fromMs: 0, isMute: true })
  return viewers === 'nobody' || (viewers === 'unknown' && observed.sight?.connections !== 'held')
}

/**
 * Whether the engine serves no session, as far as it says. An engine that does not say so is waited for no longer than an
 * unhealthy one.
 */
function isUnwatched({ observed: { look }, snapshot, agenda }: Look, sinceMs: number): boolean {
  if (look.kind !== 'pending') return look.kind === 'clear'
  return agenda.isDue(Math.max(sinceMs, look.sinceMs) + snapshot.policy.unhealthyGraceMs)
}
