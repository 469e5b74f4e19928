import {
  type Action,
  type Agenda,
  type FleetSnapshot,
  isBusy,
  isLostForViewers,
  isNetworkUp,
  isSteady,
  isUnhealthy,
  type ObservedEngine,
  type Replacement,
} from './fleet-snapshot.ts'

/** A replacement that has come to no end after this time is in nobody's way any more. */
const REPLACEMENT_MAX_MS = 900_000

/** Whether it may be taken out of service for its own fault: nobody loses anything by it. */
export const isUnhealthyWithoutViewers = (
  observed: ObservedEngine,
  { policy }: FleetSnapshot,
  agenda: Agenda,
): boolean => isUnhealthy(observed) && isLostForViewers(observed, policy, agenda)

/** Outdated, and nobody uses it. */
const isIdleOutdated = (observed: ObservedEngine): boolean =>
  observed.isOutdated &&
  isSteady(observed) &&
  isNetworkUp(observed) &&
  !isBusy(observed) &&
  observed.engine.unclaimedSince === null

/**
 * The engine that takes another's place and is not ready to yet; it counts only when it is, or when the other does not
 * count any more.
 */
export function isPendingReplacement(
  { engine }: ObservedEngine,
  isCounted: (engineId: string) => boolean,
): boolean {
  const { replaces, status } = engine
  return replaces !== null && (status === 'provisioning' || status === 'starting') && isCounted(replaces)
}

/** Drains those whose replacement is ready, if they are still to be replaced. */
export function retirements(
  snapshot: FleetSnapshot,
  byId: ReadonlyMap<string, ObservedEngine>,
  agenda: Agenda,
): Action[] {
  const ready = snapshot.engines.filter(
    (each) => each.engine.replaces !== null && isSteady(each) && !isUnhealthy(each),
  )
  // Two may have been started in one's place, if the first of them failed for a while.
  return [...replacedIds(ready)]
    .flatMap((id) => byId.get(id) ?? [])
    .filter((each) => isUnhealthyWithoutViewers(each, snapshot, agenda) || isIdleOutdated(each))
    .map((each) => drainOf(each, 'replacement_ready'))
}

/**
 * Engines that drain and whose trouble is over are put back into service: unhealthy ones that answer again before another
 * took their place, and those whose VPN came back.
 */
export function recoveries({ engines }: FleetSnapshot): Action[] {
  const leaving = engines.filter(
    ({ engine, isRunning, isInHand }) =>
      engine.status === 'draining' && engine.removalRequestedAt === null && isRunning && !isInHand,
  )
  const replaced = replacedIds(engines)
  return leaving.flatMap((each): Action[] => {
    const { id: engineId, drainCause } = each.engine
    if (drainCause === 'vpn_lost' && isNetworkUp(each))
      return [{ type: 'recall', rule: 'vpn_back', reason: 'its VPN is back', engineId }]
    const isWell = drainCause === 'unhealthy' && each.health.verdict === 'healthy' && !replaced.has(engineId)
    return isWell ? [{ type: 'recall', rule: 'recovered', reason: 'it answers again', engineId }] : []
  })
}

/**
 * Engines that are ill change places with ones that are well and drain only for being too many: which of them are too many is
 * decided anew. Nothing is started and the number stays, so it is no replacement and keeps to no cooldown: while one was
 * waited for, the engine that is well would be removed. `ill` and `recallable` are those that may be named.
 */
export function exchanges(
  snapshot: FleetSnapshot,
  byId: ReadonlyMap<string, ObservedEngine>,
  { ill, recallable }: Readonly<Record<'ill' | 'recallable', readonly ObservedEngine[]>>,
  agenda: Agenda,
): Action[] {
  const standIns = recallable
    .filter((each) => each.health.verdict === 'healthy' && isNetworkUp(each))
    .filter(({ engine }) => engine.replaces === null || !byId.has(engine.replaces))
  if (standIns.length === 0) return []
  // Who is one half of a replacement that is on its way is left to that.
  const succeeded = replacedIds(snapshot.engines)
  const leaving = ill
    .filter((each) => !succeeded.has(each.engine.id) && isUnhealthyWithoutViewers(each, snapshot, agenda))
    .toSorted((a, b) => a.health.sinceMs - b.health.sinceMs)
  return standIns.slice(0, leaving.length).flatMap(({ engine }, index): Action[] => {
    const reason = 'one that is unhealthy goes in its place'
    const recall: Action = { type: 'recall', rule: 'stands_in', reason, engineId: engine.id }
    return [recall, ...leaving.slice(index, index + 1).map((each) => drainOf(each, 'surplus_unhealthy'))]
  })
}

/** The engines in whose place another was started. */
const replacedIds = (engines: readonly ObservedEngine[]): ReadonlySet<string> =>
  new Set(engines.map(({ engine }) => engine.replaces).filter((id) => id !== null))

const WHY_ILL = {
  replacement_ready: 'it is unhealthy and was replaced',
  surplus_unhealthy: 'it is unhealthy, and one that drained is well',
} as const

function drainOf(replaced: ObservedEngine, rule: keyof typeof WHY_ILL): Action {
  const isIll = isUnhealthy(replaced)
  return {
    type: 'drain',
    rule,
    reason: isIll ? WHY_ILL[rule] : 'it was replaced by one of the new configuration',
    engineId: replaced.engine.id,
    cause: isIll ? 'unhealthy' : 'outdated',
    hiddenSinceMs: isIll ? replaced.health.sinceMs : null,
  }
}

/** Whether the last replacement is still on its way: one at a time. */
export function isReplacing(
  { replacement, nowMs, engines }: FleetSnapshot,
  byId: ReadonlyMap<string, ObservedEngine>,
): boolean {
  if (replacement === null || nowMs - replacement.atMs >= REPLACEMENT_MAX_MS) return false
  const replaced = byId.get(replacement.engineId)
  const successor = engines.find(({ engine }) => engine.replaces === replacement.engineId)
  if (successor !== undefined && !isSteady(successor)) return true
  if (replaced === undefined) return !replacement.isStarted
  return replaced.engine.status === 'draining' || replaced.isInHand
}

/**
 * The start that completes a replacement whose engine was removed first. Without `AUTO_DELETE` the number of engines is
 * kept, so it is due even where fewer are wanted.
 */
export function isSuccessorDue(
  snapshot: FleetSnapshot,
  byId: ReadonlyMap<string, ObservedEngine>,
  isBelowWanted: boolean,
): boolean {
  const { replacement, policy } = snapshot
  if (replacement === null || replacement.isStarted || byId.has(replacement.engineId)) return false
  if (snapshot.nowMs - replacement.atMs >= REPLACEMENT_MAX_MS) return false
  return isBelowWanted || (replacement.cause === 'outdated' && !policy.autoDelete)
}

/** The engine to be replaced next, with the cause; null when there is none, or when it is not the time. */
export function nextToReplace(
  snapshot: FleetSnapshot,
  candidates: readonly ObservedEngine[],
  agenda: Agenda,
): { readonly observed: ObservedEngine; readonly cause: Replacement['cause'] } | null {
  // One whose successors fail stays, and is tried for again: it keeps no other from its turn.
  const rank = ({ engine }: ObservedEngine): number => Number(engine.id === snapshot.replacement?.engineId)
  const ill = candidates.filter((each) => isUnhealthyWithoutViewers(each, snapshot, agenda))
  const isRested = (): boolean => {
    const { replacement, policy } = snapshot
    return replacement === null || agenda.isDue(replacement.atMs + policy.replacementCooldownMs)
  }
  if (ill.length > 0) {
    const [next] = ill.toSorted((a, b) => rank(a) - rank(b) || a.health.sinceMs - b.health.sinceMs)
    return next !== undefined && isRested() ? { observed: next, cause: 'unhealthy' } : null
  }
  const [outdated] = candidates.filter(isIdleOutdated).toSorted((a, b) => rank(a) - rank(b))
  return outdated !== undefined && isRested() ? { observed: outdated, cause: 'outdated' } : null
}
