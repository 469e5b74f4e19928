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
 * Restarts engines that have not found their connection again by themselves though their VPN has: one after another as long
 * as others can carry on, else all of them. One with a viewer whose stream moves is let alone.
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
 * It had its time to find it, and nobody gets anything from it: no stream of it has moved for the grace of unhealthy engines,
 * and no session that ended in the books is served on. Who gets nothing may still hold a connection, so of viewers that we
 * don't know of the bytes tell, or its word alone, for as long, where those are not counted.
 */
function isDisconnectedWithoutViewers(observed: ObservedEngine, policy: Policy, agenda: Agenda): boolean {
  const { engine, node, streams, stillMs, look } = observed
  const strandedMs = node?.strandedSinceMs ?? agenda.nowMs
  if (!agenda.isDue(Math.max(node?.sinceMs ?? 0, strandedMs) + policy.reconnectGraceMs)) return false
  if (streams > 0 && (stillMs ?? 0) < policy.unhealthyGraceMs) return false
  if (engine.adoptedAt !== null && !agenda.isDue(strandedMs + policy.unhealthyGraceMs)) return false
  const isUnserved =
    look.kind === 'pending' ? agenda.isDue(look.sinceMs + policy.unhealthyGraceMs) : look.kind === 'clear'
  // The viewers of the books are still connected, though nothing moves for them.
  if (!isUnserved || streams > 0) return isUnserved
  const viewers = viewersOf(observed, agenda, { fromMs: 0, isMute: true })
  return viewers === 'unknown' ? agenda.isDue(strandedMs + policy.unhealthyGraceMs) : viewers === 'nobody'
}

const carriesOn = (observed: ObservedEngine): boolean =>
  isSteady(observed) &&
  isNetworkUp(observed) &&
  !isStranded(observed) &&
  observed.health.verdict !== 'unhealthy'

/** It was ready before, and is being restarted. */
const isComingBack = ({ engine, isInHand, node }: ObservedEngine): boolean =>
  node !== null && engine.readyAt !== null && (isInHand || engine.status === 'starting')
