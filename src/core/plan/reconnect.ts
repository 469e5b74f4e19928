import type { EngineStatus } from '../types.ts'
import {
  type Action,
  type Agenda,
  type FleetSnapshot,
  isSteady,
  type ObservedEngine,
  type Policy,
} from './fleet-snapshot.ts'
import { viewersOf } from './looking.ts'

/**
 * Restarts engines that have not reconnected by themselves although their VPN has. They are restarted one after another as
 * long as other engines work, otherwise all at once. An engine with a viewer whose stream moves is left alone.
 */
export function reconnections(snapshot: FleetSnapshot, agenda: Agenda): Action[] {
  const { engines, policy } = snapshot
  if (!policy.restartsOnReconnect) return []
  const due = engines.filter(
    (each) =>
      isStranded(each) &&
      isSteady(each) &&
      isNetworkWorking(each) &&
      isDisconnectedWithoutViewers(each, policy, agenda),
  )
  if (due.length === 0) return []
  const isRolling = engines.some(carriesOn)
  if (isRolling && engines.some(isComingBack)) return []
  return due.slice(0, isRolling ? 1 : due.length).map(({ engine }) => ({
    type: 'restart',
    rule: 'vpn_reconnected',
    reason: 'its VPN works again, and it has not found its connection',
    engineId: engine.id,
  }))
}

/** How long engines have to connect by themselves before one is restarted as a try, at first and in the end. */
const TRY_AFTER_MIN_MS = 60_000
const TRY_AFTER_MAX_MS = 600_000

/**
 * Restarts one engine behind each node that only its engines call down, where nobody else would find out: if it connects, its
 * tunnel works, and the engines were the cause. As long as none does, the time between two tries doubles.
 */
export function tries(snapshot: FleetSnapshot, agenda: Agenda): Action[] {
  const { engines, policy } = snapshot
  if (!policy.restartsOnReconnect) return []
  const doubted = engines.filter(
    ({ node }) => node !== null && node.doubtedSinceMs !== null && node.namespace === 'alive',
  )
  return [...Map.groupBy(doubted, ({ engine }) => engine.vpnNode).values()].flatMap(
    (behind) => tryOf(behind, policy, agenda) ?? [],
  )
}

function tryOf(behind: readonly ObservedEngine[], policy: Policy, agenda: Agenda): Action | null {
  const sinceMs = Math.max(...behind.map(({ node }) => node?.doubtedSinceMs ?? 0))
  // A try is a start. Docker's clock may be ahead of ours.
  const lastMs = Math.max(sinceMs, ...behind.map((each) => Math.min(startOf(each), agenda.nowMs)))
  const waitMs = Math.min(TRY_AFTER_MAX_MS, Math.max(TRY_AFTER_MIN_MS, lastMs - sinceMs))
  if (behind.some(({ isInHand }) => isInHand) || !agenda.isDue(lastMs + waitMs)) return null
  const ordered = behind.toSorted((one, other) => startOf(one) - startOf(other))
  // One that stands still has no viewers. While its node is down nothing else starts it, and none that runs may be left.
  const found =
    ordered.find(standsStill) ??
    ordered.filter(isSteady).find((each) => isWithoutViewers(each, sinceMs, policy, agenda))
  if (found === undefined) return null
  return {
    type: 'restart',
    rule: 'vpn_tried',
    reason:
      'only engines say that its VPN is down, and one that starts anew shows whether they are the cause',
    engineId: found.engine.id,
  }
}

const standsStill = ({ engine, isInHand }: ObservedEngine): boolean =>
  engine.containerState === 'exited' &&
  engine.removalRequestedAt === null &&
  !isInHand &&
  isInUse(engine.status)

const isInUse = (status: EngineStatus): boolean => status === 'starting' || status === 'ready'

const startOf = ({ engine }: ObservedEngine): number => engine.containerStartedAt ?? 0

const isStranded = ({ node }: ObservedEngine): boolean => node !== null && node.strandedSinceMs !== null

const isNetworkWorking = ({ node }: ObservedEngine): boolean =>
  node === null || (node.isWorking && node.namespace === 'alive')

/** Whether the engine had time to reconnect, and no viewer gets anything from it. */
function isDisconnectedWithoutViewers(observed: ObservedEngine, policy: Policy, agenda: Agenda): boolean {
  const { node } = observed
  const strandedMs = node?.strandedSinceMs ?? agenda.nowMs
  if (!agenda.isDue(Math.max(node?.sinceMs ?? 0, strandedMs) + policy.reconnectGraceMs)) return false
  return isWithoutViewers(observed, strandedMs, policy, agenda)
}

/**
 * Whether no viewer gets anything from an engine that is cut off since `sinceMs`: no stream of it has moved for the grace
 * period of unhealthy engines, and it serves no session whose stream has ended. Viewers who get nothing may still hold a
 * connection, so for unknown viewers the traffic decides. If the traffic is not counted, the engine's own statement decides
 * after the same grace period.
 */
function isWithoutViewers(
  observed: ObservedEngine,
  sinceMs: number,
  policy: Policy,
  agenda: Agenda,
): boolean {
  const { engine, streams, stillMs, look } = observed
  if (streams > 0 && (stillMs ?? 0) < policy.unhealthyGraceMs) return false
  if (engine.adoptedAt !== null && !agenda.isDue(sinceMs + policy.unhealthyGraceMs)) return false
  const isUnserved =
    look.kind === 'pending' ? agenda.isDue(look.sinceMs + policy.unhealthyGraceMs) : look.kind === 'clear'
  // The viewers of known streams are still connected, although nothing moves for them, so a look would not help.
  if (!isUnserved || streams > 0) return isUnserved
  const viewers = viewersOf(observed, agenda, { fromMs: 0, isMute: true })
  return viewers === 'unknown' ? agenda.isDue(sinceMs + policy.unhealthyGraceMs) : viewers === 'nobody'
}

const carriesOn = (observed: ObservedEngine): boolean =>
  isSteady(observed) &&
  isNetworkWorking(observed) &&
  !isStranded(observed) &&
  observed.health.verdict !== 'unhealthy'

/** The engine was ready before, and is being restarted. */
const isComingBack = ({ engine, isInHand, node }: ObservedEngine): boolean =>
  node !== null && engine.readyAt !== null && (isInHand || engine.status === 'starting')
