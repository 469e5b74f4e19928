import { actionFor } from './engine-rules.ts'
import { Fleet } from './fleet.ts'
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
import { reconnections } from './reconnect.ts'
import { isPendingReplacement, recoveries } from './replacement.ts'

/**
 * Compares what is wanted with what is and gives the steps that close the gap, each with its rule and reason. Pure. What
 * can't be decided now, since what is known may be out of date, is not decided at all. Applied to what its own steps lead
 * to, it gives nothing more to do.
 */
export function plan(snapshot: FleetSnapshot): Plan {
  const { engines, policy, frozen } = snapshot
  const agenda = new Agenda(snapshot.nowMs)
  const byId = new Map<string, ObservedEngine>()
  for (const observed of engines) byId.set(observed.engine.id, observed)
  const own = frozen === null ? ownActions(snapshot, agenda) : []
  const failing = new Set(own.flatMap((action) => (action.type === 'fail' ? [action.engineId] : [])))
  const back = new Set(own.flatMap((action) => (action.type === 'recall' ? [action.engineId] : [])))
  const isUsed = (observed: ObservedEngine | undefined): boolean =>
    observed !== undefined &&
    (isInService(observed) || back.has(observed.engine.id)) &&
    (isBusy(observed) || !isBehindLostNode(observed)) &&
    !(failing.has(observed.engine.id) && wasReady(observed))
  const isCounted = (engineId: string): boolean => isUsed(byId.get(engineId))
  const serving = engines.filter((observed) => isUsed(observed) && !isPendingReplacement(observed, isCounted))
  const busy = serving.filter(isBusy).length
  const wanted = isFullOfKept(snapshot)
    ? Math.max(wantedNumber(policy, busy), Math.min(busy + 1, policy.maxReplicas))
    : wantedNumber(policy, busy)
  const result = { wanted, serving: serving.length, busy }
  if (frozen !== null) return { ...result, actions: [], waits: [frozen], looks: null, wakeAtMs: null }
  const fleet = new Fleet(snapshot, agenda, byId, serving, wanted, own)
  const actions = [...own, ...fleet.actions()]
  return { ...result, actions, waits: fleet.waits, looks: agenda.looks, wakeAtMs: agenda.wakeAtMs }
}

/**
 * There is no room, and engines take it up that are kept only since nobody can tell whether they have viewers: then one that is
 * free is wanted in any case, or whoever comes would be refused for good.
 */
const isFullOfKept = ({ engines, policy }: FleetSnapshot): boolean =>
  engines.length >= policy.maxReplicas && engines.some((each) => isKept(each, policy))

/** How many engines are wanted: the minimum, or room for the viewers and the spare ones, within the maximum. */
export const wantedNumber = ({ minReplicas, minFree, maxReplicas }: Policy, busy: number): number =>
  Math.min(Math.max(minReplicas, busy + minFree), maxReplicas)

/** A failure that is none of the breaker's: another may be started at once. Else the breaker is told of it first. */
const wasReady = ({ engine }: ObservedEngine): boolean => engine.readyAt !== null

/** What single engines call for; at most one step for each. */
function ownActions(snapshot: FleetSnapshot, agenda: Agenda): Action[] {
  const actions = snapshot.engines
    .map((observed) => actionFor({ observed, snapshot, agenda }))
    .filter((action) => action !== null)
  const named = new Set(actions.map((action) => ('engineId' in action ? action.engineId : null)))
  const others = [...recoveries(snapshot), ...reconnections(snapshot, agenda)]
  return [...others.filter((action) => 'engineId' in action && !named.has(action.engineId)), ...actions]
}
