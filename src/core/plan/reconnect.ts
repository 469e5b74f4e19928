import {
  type Action,
  type Agenda,
  type FleetSnapshot,
  isNetworkUp,
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
      isNetworkUp(each) &&
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

const isStranded = ({ node }: ObservedEngine): boolean => node !== null && node.strandedSinceMs !== null

/**
 * Whether the engine had time to reconnect, and no viewer gets anything from it: no stream of it has moved for the grace
 * period of unhealthy engines, and it serves no session whose stream has ended. Viewers who get nothing may still hold a
 * connection, so for unknown viewers the traffic decides. If the traffic is not counted, the engine's own statement decides
 * after the same grace period.
 */
function isDisconnectedWithoutViewers(observed: ObservedEngine, policy: Policy, agenda: Agenda): boolean {
  const { engine, node, streams, stillMs, look } = observed
  const strandedMs = node?.strandedSinceMs ?? agenda.nowMs
  if (!agenda.isDue(Math.max(node?.sinceMs ?? 0, strandedMs) + policy.reconnectGraceMs)) return false
  if (streams > 0 && (stillMs ?? 0) < policy.unhealthyGraceMs) return false
  if (engine.adoptedAt !== null && !agenda.isDue(strandedMs + policy.unhealthyGraceMs)) return false
  const isUnserved =
    look.kind === 'pending' ? agenda.isDue(look.sinceMs + policy.unhealthyGraceMs) : look.kind === 'clear'
  // The viewers of known streams are still connected, although nothing moves for them, so a look would not help.
  if (!isUnserved || streams > 0) return isUnserved
  const viewers = viewersOf(observed, agenda, { fromMs: 0, isMute: true })
  return viewers === 'unknown' ? agenda.isDue(strandedMs + policy.unhealthyGraceMs) : viewers === 'nobody'
}

const carriesOn = (observed: ObservedEngine): boolean =>
  isSteady(observed) &&
  isNetworkUp(observed) &&
  !isStranded(observed) &&
  observed.health.verdict !== 'unhealthy'

/** The engine was ready before, and is being restarted. */
const isComingBack = ({ engine, isInHand, node }: ObservedEngine): boolean =>
  node !== null && engine.readyAt !== null && (isInHand || engine.status === 'starting')
