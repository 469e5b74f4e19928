import { actionFor } from './engine-rules.ts'
import { Fleet, mayBeSurplus } from './fleet.ts'
import {
  type Action,
  Agenda,
  type FleetSnapshot,
  isBehindLostNode,
  isBusy,
  isInService,
  type ObservedEngine,
  type Plan,
  type Policy,
} from './fleet-snapshot.ts'
import { isKept } from './looking.ts'
import { reconnections, tries } from './reconnect.ts'
import { isPendingReplacement, isUnhealthyWithoutViewers, recoveries } from './replacement.ts'

/**
 * Compares what is wanted with what exists, and returns the actions that close the gap, each with its rule and reason. Pure.
 * Nothing is decided if the known state may be out of date. The plan is idempotent: applied to the result of its own
 * actions, it contains no further action.
 */
export function plan(snapshot: FleetSnapshot): Plan {
  const { engines, policy, frozen } = snapshot
  const agenda = new Agenda(snapshot.nowMs)
  const byId = new Map<string, ObservedEngine>()
  for (const observed of engines) byId.set(observed.engine.id, observed)
  const own = frozen === null ? ownActions(snapshot, agenda) : []
  const failing = new Set(own.flatMap((action) => (action.type === 'fail' ? [action.engineId] : [])))
  // Others were started or recalled in their places, and would be surplus if these counted until they are gone.
  for (const { engine, isFailing } of engines) if (isFailing) failing.add(engine.id)
  // Whatever ends here serves nobody any more, such as an engine whose host is lost.
  const stopped = new Set(own.flatMap((action) => (action.type === 'stop' ? [action.engineId] : [])))
  const back = new Set(own.flatMap((action) => (action.type === 'recall' ? [action.engineId] : [])))
  const isUsed = (observed: ObservedEngine | undefined): boolean =>
    observed !== undefined &&
    (isInService(observed) || back.has(observed.engine.id)) &&
    (isBusy(observed) || !isBehindLostNode(observed)) &&
    !isWaitingToMove(observed) &&
    !stopped.has(observed.engine.id) &&
    !(failing.has(observed.engine.id) && wasReady(observed))
  const isCounted = (engineId: string): boolean => isUsed(byId.get(engineId))
  const serving = engines.filter((observed) => isUsed(observed) && !isPendingReplacement(observed, isCounted))
  const busy = serving.filter(isBusy).length
  const expected = serving.filter((each) => isExpected(each, snapshot, agenda))
  const given = expected.filter((each) => each.expected?.isHandedOut).length
  const least = isFullOfKept(snapshot) ? Math.min(busy + 1, policy.maxReplicas) : 0
  const wanted = {
    needed: Math.max(wantedNumber(policy, busy + given), least),
    ahead: Math.max(wantedNumber(policy, busy + expected.length), least),
  }
  const result = { wanted: wanted.ahead, serving: serving.length, busy, expected: expected.length }
  if (frozen !== null) return { ...result, actions: [], waits: [frozen], looks: null, wakeAtMs: null }
  const fleet = new Fleet(snapshot, agenda, byId, serving, wanted, own)
  const actions = [...own, ...fleet.actions()]
  return { ...result, actions, waits: fleet.waits, looks: agenda.looks, wakeAtMs: agenda.wakeAtMs }
}

/**
 * Whether no proxy is told of the engine where it is, and it only stays because it may have viewers whom nobody reported: it is
 * adopted. Another one serves new viewers meanwhile.
 */
const isWaitingToMove = (observed: ObservedEngine): boolean =>
  observed.outOfReach?.isMoving === true && isBusy(observed) && observed.streams === 0

/**
 * Whether the fleet is at its maximum, and some engines are only kept because nothing can tell whether they have viewers.
 * Then one free engine is wanted in any case, because otherwise new viewers would be refused for ever.
 */
const isFullOfKept = ({ engines, policy }: FleetSnapshot): boolean =>
  engines.length >= policy.maxReplicas && engines.some((each) => isKept(each, policy))

/**
 * Whether a stream is expected on an engine that has none. The next plan is made when that is over. Nothing is expected on an
 * engine that may drain by now, since it is unhealthy, or since the caller who was given it has not come for long: if it
 * counted, another would drain in its place and be recalled.
 */
function isExpected(observed: ObservedEngine, snapshot: FleetSnapshot, agenda: Agenda): boolean {
  const { expected } = observed
  if (expected === null || isBusy(observed) || agenda.isDue(expected.untilMs)) return false
  if (isUnhealthyWithoutViewers(observed, snapshot, agenda)) return false
  return !(expected.isHandedOut && mayBeSurplus(observed, snapshot.policy, agenda))
}

/** How many engines are wanted: the minimum, or one for each busy engine plus the spares, within the maximum. */
export const wantedNumber = ({ minReplicas, minFree, maxReplicas }: Policy, busy: number): number =>
  Math.min(Math.max(minReplicas, busy + minFree), maxReplicas)

/**
 * Whether the engine was ever ready. If so, its failure does not concern the breaker, and another engine may be started at
 * once. Otherwise the breaker has to count the failure first.
 */
const wasReady = ({ engine }: ObservedEngine): boolean => engine.readyAt !== null

/** The actions on single engines that do not depend on the fleet; at most one for each engine. */
function ownActions(snapshot: FleetSnapshot, agenda: Agenda): Action[] {
  const actions = snapshot.engines
    .map((observed) => actionFor({ observed, snapshot, agenda }))
    .filter((action) => action !== null)
  const named = new Set(actions.map((action) => ('engineId' in action ? action.engineId : null)))
  const others = [...recoveries(snapshot), ...reconnections(snapshot, agenda), ...tries(snapshot, agenda)]
  return [...others.filter((action) => 'engineId' in action && !named.has(action.engineId)), ...actions]
}
