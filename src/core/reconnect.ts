import {
  type Action,
  type Agenda,
  isNetworkUp,
  isSteady,
  type ObservedEngine,
  type Policy,
  type Situation,
} from './situation.ts'

/**
 * Restarts engines that have not found their connection again by themselves though their VPN has: one after another as long
 * as others can carry on, else all of them. One with a stream that moves is let alone.
 */
export function reconnections(situation: Situation, agenda: Agenda): Action[] {
  const { engines, policy } = situation
  if (!policy.restartsOnReconnect) return []
  const due = engines
    .filter((each) => isStranded(each) && isSteady(each) && isNetworkUp(each) && !isInUse(each, policy))
    .filter(({ node }) =>
      agenda.isDue(Math.max(node?.sinceMs ?? 0, node?.strandedSinceMs ?? 0) + policy.reconnectGraceMs),
    )
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

/** It has viewers, and not for long enough has nothing moved. */
const isInUse = ({ streams, engine, stillMs }: ObservedEngine, policy: Policy): boolean =>
  engine.adoptedAt !== null || (streams > 0 && (stillMs ?? 0) < policy.unhealthyGraceMs)

const carriesOn = (observed: ObservedEngine): boolean =>
  isSteady(observed) &&
  isNetworkUp(observed) &&
  !isStranded(observed) &&
  observed.health.verdict !== 'unhealthy'

/** It was ready before, and is being restarted. */
const isComingBack = ({ engine, isInHand, node }: ObservedEngine): boolean =>
  node !== null && engine.readyAt !== null && (isInHand || engine.status === 'starting')
