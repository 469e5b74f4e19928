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
import { OUTDATED_WORDS } from './outdated.ts'

/** After this time an unfinished replacement does not prevent another one any more. */
const REPLACEMENT_MAX_MS = 900_000

/** Whether the engine may be taken out of service for its own fault, because no viewer loses anything. */
export const isUnhealthyWithoutViewers = (
  observed: ObservedEngine,
  { policy }: FleetSnapshot,
  agenda: Agenda,
): boolean => isUnhealthy(observed) && isLostForViewers(observed, policy, agenda)

/**
 * Drains all idle engines that nobody reaches where they are, if new engines are elsewhere. Nothing is lost with them, so they
 * go at once, and not one after another.
 */
export function departures({ engines, replacementRefusal }: FleetSnapshot): Action[] {
  if (replacementRefusal !== null && replacementRefusal.code !== 'max_capacity') return []
  return engines
    .filter((each) => each.outOfReach?.isMoving && isUnused(each) && each.expected === null)
    .map(({ engine }) => ({
      ...{ type: 'drain', rule: 'outdated', engineId: engine.id, cause: 'outdated', hiddenSinceMs: null },
      reason: OUTDATED_WORDS.unreached.why,
    }))
}

/** Whether the engine is outdated and nobody uses it. */
const isIdleOutdated = (observed: ObservedEngine): boolean => observed.outdated !== null && isUnused(observed)

/** Whether the engine plays nothing although others do, and nobody uses it. */
const isIdleFruitless = (observed: ObservedEngine): boolean =>
  observed.playsNothing !== null && isUnused(observed) && (observed.node?.isSettled ?? true)

const isUnused = (observed: ObservedEngine): boolean =>
  isSteady(observed) && isNetworkUp(observed) && !isBusy(observed) && observed.engine.unclaimedSince === null

/**
 * Whether the engine is to take another's place and does not count yet. It counts when it is ready, or when the other engine
 * does not count any more.
 */
export function isPendingReplacement(
  { engine }: ObservedEngine,
  isCounted: (engineId: string) => boolean,
): boolean {
  const { replaces, status } = engine
  return replaces !== null && (status === 'provisioning' || status === 'starting') && isCounted(replaces)
}

/** Drains those of the candidates whose replacement is ready, if they still have to be replaced. */
export function retirements(
  snapshot: FleetSnapshot,
  candidates: readonly ObservedEngine[],
  agenda: Agenda,
): Action[] {
  const ready = snapshot.engines.filter(
    (each) => each.engine.replaces !== null && isSteady(each) && !isUnhealthy(each),
  )
  // Two replacements may have been started for one engine, if the first of them failed for a while.
  const replaced = replacedIds(ready)
  return candidates
    .filter(({ engine }) => replaced.has(engine.id))
    .filter(
      (each) =>
        isUnhealthyWithoutViewers(each, snapshot, agenda) || isIdleFruitless(each) || isIdleOutdated(each),
    )
    .map((each) => drainOf(each, 'replacement_ready'))
}

/**
 * Puts draining engines back into service if their problem is over: unhealthy ones that answer again and have no
 * replacement, and those whose VPN came back.
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
 * Exchanges unhealthy engines for healthy ones that drain only because there are too many engines. Nothing is started and
 * the number of engines stays the same, so this is no replacement and waits for no cooldown: during the wait the healthy
 * engine would be removed. `ill` and `recallable` are the engines that may be named.
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
  // An engine that takes part in a running replacement is left to that replacement.
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

/** The ids of the engines for which a replacement was started. */
const replacedIds = (engines: readonly ObservedEngine[]): ReadonlySet<string> =>
  new Set(engines.map(({ engine }) => engine.replaces).filter((id) => id !== null))

const WHY_ILL = {
  replacement_ready: 'it is unhealthy and was replaced',
  surplus_unhealthy: 'it is unhealthy, and one that drained is well',
} as const

function drainOf(replaced: ObservedEngine, rule: keyof typeof WHY_ILL): Action {
  const drain = { type: 'drain', rule, engineId: replaced.engine.id } as const
  if (isUnhealthy(replaced))
    return { ...drain, reason: WHY_ILL[rule], cause: 'unhealthy', hiddenSinceMs: replaced.health.sinceMs }
  if (replaced.playsNothing !== null) {
    const reason = 'it plays nothing and was replaced'
    return { ...drain, reason, cause: 'plays_nothing', hiddenSinceMs: null }
  }
  const reason = OUTDATED_WORDS[replaced.outdated ?? 'made'].after
  return { ...drain, reason, cause: 'outdated', hiddenSinceMs: null }
}

/** Why an engine is replaced for this cause. */
export function whyReplaced({ playsNothing, outdated }: ObservedEngine, cause: Replacement['cause']): string {
  if (cause === 'unhealthy') return 'it is unhealthy'
  if (cause === 'plays_nothing') return playsNothing ?? 'it plays nothing, though others do'
  return OUTDATED_WORDS[outdated ?? 'made'].why
}

/** Whether the last replacement is still running: only one runs at a time. */
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
 * Whether a successor has to be started for an engine that was removed first. Without `AUTO_DELETE` the number of engines is
 * kept, so an engine that was not unhealthy gets a successor even if fewer engines are wanted.
 */
export function isSuccessorDue(
  snapshot: FleetSnapshot,
  byId: ReadonlyMap<string, ObservedEngine>,
  isBelowWanted: boolean,
): boolean {
  const { replacement, policy } = snapshot
  if (replacement === null || replacement.isStarted || byId.has(replacement.engineId)) return false
  if (snapshot.nowMs - replacement.atMs >= REPLACEMENT_MAX_MS) return false
  return isBelowWanted || (replacement.cause !== 'unhealthy' && !policy.autoDelete)
}

/** Whether proxies may use the engine, and nothing is known against it. */
const isOfUse = (observed: ObservedEngine): boolean =>
  isSteady(observed) &&
  isNetworkUp(observed) &&
  observed.health.verdict !== 'unhealthy' &&
  observed.playsNothing === null &&
  observed.outside === null &&
  observed.outOfReach === null &&
  observed.engine.unclaimedSince === null

/** The engine to be replaced next, with the cause; null if there is none, or if the cooldown is not over. */
export function nextToReplace(
  snapshot: FleetSnapshot,
  candidates: readonly ObservedEngine[],
  agenda: Agenda,
): { readonly observed: ObservedEngine; readonly cause: Replacement['cause'] } | null {
  // The engine that was to be replaced last comes last: if its successors fail it is tried again, but it does not keep the
  // others from their turn.
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
  const [fruitless] = candidates.filter(isIdleFruitless).toSorted((a, b) => rank(a) - rank(b))
  // The last engine that proxies may use stays, because it may play something after all.
  if (fruitless !== undefined && snapshot.engines.some((each) => each !== fruitless && isOfUse(each)))
    return isRested() ? { observed: fruitless, cause: 'plays_nothing' } : null
  const [outdated] = candidates.filter(isIdleOutdated).toSorted((a, b) => rank(a) - rank(b))
  return outdated !== undefined && isRested() ? { observed: outdated, cause: 'outdated' } : null
}
