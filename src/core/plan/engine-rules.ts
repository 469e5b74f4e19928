import { isCrashLoop } from '../engines/restarts.ts'
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
 * After an engine's container exited it is left alone that long: a container engine that ends tells of the death of its
 * containers, and then they are to be started again. It is asked whether it takes connections once a second.
 */
const EXIT_SETTLE_MS = 1_500

interface Look {
  readonly observed: ObservedEngine
  readonly snapshot: FleetSnapshot
  readonly agenda: Agenda
}

/** What is done about one engine by itself. */
type OwnAction = 'halt' | 'stop' | 'recreate' | 'restart' | 'revive' | 'fail' | 'recall'

type EngineRule = { readonly when: (look: Look) => boolean } & (
  | { readonly rule: 'leave' }
  | {
      readonly rule: PlanRule
      readonly action: (observed: ObservedEngine) => { readonly type: OwnAction; readonly reason: string }
    }
)

/** Read top to bottom, the first that holds is done; an engine that none names works as it should. */
const RULES: readonly EngineRule[] = [
  // Whoever has it in hand finishes, and the container sync carries out a removal that was asked for.
  {
    rule: 'leave',
    when: ({ observed }) => observed.isInHand || observed.engine.removalRequestedAt !== null,
  },
  { rule: 'leave', when: ({ observed }) => observed.engine.status === 'provisioning' },
  // Nothing is to leave by another way than the VPN, whoever watches, and whether or not a node is up.
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
  // How it came to stand still is no matter: it is not started again where it was.
  { rule: 'leave', when: ({ observed }) => isStoppedOutside(observed) },
  // Whoever watched an engine whose network is gone has lost it already.
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
  // What is wrong with it now may be the VPN, and without the VPN nothing can be done about it.
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
    // One that drains is stopped already, as far as anybody cares.
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
    when: (look) => isOverdue(look) && isUsedByNobody(look),
    action: () => ({ type: 'fail', reason: 'it gave no good answer in time after its start' }),
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

/** What one engine calls for by itself, whatever the others are like; null where it is to be let alone. */
export function actionFor(look: Look): Action | null {
  const rule = RULES.find(({ when }) => when(look))
  if (rule === undefined || rule.rule === 'leave') return null
  const { type, reason } = rule.action(look.observed)
  return { type, rule: rule.rule, reason, engineId: look.observed.engine.id }
}

/** It has a network of its own and runs, or is told to serve somebody, which is known late at times. */
function isToBeHalted({ observed: { outside, engine, streams }, snapshot }: Look): boolean {
  if (outside?.kind !== 'own_network' || !snapshot.policy.isVpnStrict) return false
  return !hasStopped(engine.containerState) || streams > 0
}

const isStoppedOutside = ({ outside, engine }: ObservedEngine): boolean =>
  outside?.kind === 'own_network' && hasStopped(engine.containerState)

/** Its node is there again, but with another network than the one that it has joined. */
const isNetworkGone = ({ node }: ObservedEngine): boolean =>
  node !== null && node.state === 'up' && node.namespace !== 'alive'

const isExited = ({ observed }: Look): boolean => observed.engine.containerState === 'exited'

/** A dead container is one that could not be removed; it can't be started either. */
const isStandingStill = (look: Look): boolean =>
  isExited(look) || look.observed.engine.containerState === 'dead'

/** Its end was heard, and nothing can have been missed since: it is no part of an outage. */
const isWitnessed = ({ observed, snapshot }: Look): boolean =>
  observed.engine.stopCause === 'exit' && snapshot.watchedSinceMs <= (observed.engine.stoppedAt ?? 0)

/**
 * It had its time to answer, and was asked all that time: of a start that was noticed late nothing is known yet. An adopted
 * engine may have viewers that we don't know of, so its silence is no reason to stop it.
 */
function isOverdue({ observed, snapshot, agenda }: Look): boolean {
  const { engine, streams, probedSinceMs, node } = observed
  if (engine.status !== 'starting' || engine.adoptedAt !== null || streams > 0) return false
  if (probedSinceMs === null) return false
  const startedMs = engine.containerStartedAt ?? engine.createdAt
  // The container engine tells it by a clock of its own, which may be ahead.
  const knownMs = startedMs > snapshot.nowMs ? 0 : startedMs
  const sinceMs = Math.max(knownMs, probedSinceMs, node?.sinceMs ?? 0)
  return agenda.isDue(sinceMs + snapshot.policy.startupTimeoutMs)
}

/** An operator's word stands, and an unhealthy engine serves nobody. */
const mayServeAgain = ({ engine, health }: ObservedEngine): boolean =>
  engine.drainCause !== 'operator' && health.verdict !== 'unhealthy'

/** It was hidden for long enough, and nobody was found by asking it about its sessions, nor by looking at it. */
function isDrained(look: Look): boolean {
  const { observed, snapshot, agenda } = look
  if (isBusy(observed)) return false
  const untilMs = hiddenUntilMs(observed, snapshot.policy)
  if (!agenda.isDue(untilMs - LOOK_LEAD_MS)) return false
  const isHidden = agenda.isDue(untilMs)
  if (isHidden && !isUnwatched(look, untilMs)) return false
  return isDeserted(look, untilMs) && isHidden
}

/** A look since then found nobody; where nothing can tell, nobody was found. */
const isDeserted = ({ observed, snapshot, agenda }: Look, fromMs: number): boolean =>
  viewersOf(observed, agenda, {
    fromMs,
    isMute: isMute(observed),
    isKept: isKept(observed, snapshot.policy),
  }) === 'nobody'

/**
 * Nobody uses an engine that has never answered us. Somebody may, where only our own questions don't reach it; where nothing
 * can tell, that it never answered has to do.
 */
function isUsedByNobody({ observed, agenda }: Look): boolean {
  const viewers = viewersOf(observed, agenda, { fromMs: 0, isMute: true })
  return viewers === 'nobody' || (viewers === 'unknown' && observed.sight?.connections !== 'held')
}

/** An engine that does not say whether it still serves somebody is waited for no longer than an unhealthy one. */
function isUnwatched({ observed: { look }, snapshot, agenda }: Look, sinceMs: number): boolean {
  if (look.kind !== 'pending') return look.kind === 'clear'
  return agenda.isDue(Math.max(sinceMs, look.sinceMs) + snapshot.policy.unhealthyGraceMs)
}
