import type { Refusal } from '../provisioning/refusal.ts'
import {
  type Action,
  type Agenda,
  type FleetSnapshot,
  idleSinceMs,
  isBehindLostNode,
  isBusy,
  isInService,
  isSteady,
  isUnhealthy,
  type ObservedEngine,
  type Policy,
} from './fleet-snapshot.ts'
import { isSeenWatched } from './looking.ts'
import {
  departures,
  exchanges,
  isReplacing,
  isSuccessorDue,
  isUnhealthyWithoutViewers,
  nextToReplace,
  retirements,
  whyReplaced,
} from './replacement.ts'

/** How many engines are wanted, each number at least the one before. */
export interface WantedNumbers {
  /** The minimum, or one for each engine that is busy or was given to a caller, and the spares. */
  readonly needed: number
  /**
   * With the engines that proxies have chosen, too. At most `minFree` engines are started for that alone. Idle engines beyond
   * this number are surplus; fewer would be recalled again.
   */
  readonly ahead: number
}

/** Decides about the number of engines, step by step in a fixed order. */
export class Fleet {
  readonly waits: string[] = []
  readonly #touched = new Set<string>()
  /** How many engines may still be made, and how many of them Roundhouse may start by itself at this moment. */
  #room: number
  #slots: number

  constructor(
    private readonly snapshot: FleetSnapshot,
    private readonly agenda: Agenda,
    private readonly byId: ReadonlyMap<string, ObservedEngine>,
    private readonly serving: readonly ObservedEngine[],
    private readonly wanted: WantedNumbers,
    own: readonly Action[],
  ) {
    this.#touch(own)
    const { engines, policy } = snapshot
    this.#room = policy.maxReplicas - engines.length
    this.#slots = policy.concurrentStarts - engines.filter(isOwnStart).length
  }

  actions(): Action[] {
    const candidates = this.#untouched(this.snapshot.engines)
    const retired = this.#touch(retirements(this.snapshot, candidates, this.agenda))
    const departed = this.#departures()
    const count = this.serving.length - retired.length - departed.length
    const recalled = this.#touch(this.#recalls(this.wanted.ahead - count))
    const missing = this.wanted.needed - count - recalled.length
    const started = this.#starts(missing)
    const ahead = this.#startsAhead(count + recalled.length + started.length)
    const surplus = this.#touch(this.#surplus(count))
    const exchanged = this.#touch(this.#exchanges())
    const evacuated = this.#touch(this.#evacuations(Math.max(1, missing - started.length)))
    // One replacement at a time: an engine that is retired now still exists.
    const mayReplace = missing <= 0 && retired.length === 0
    const replaced = mayReplace ? this.#replacements() : []
    return [
      ...[...retired, ...departed, ...recalled, ...started, ...ahead],
      ...[...surplus, ...exchanged, ...evacuated, ...replaced],
    ]
  }

  /** Drains the engines that are of no use where they are, unless an earlier step has named them. */
  #departures(): readonly Action[] {
    const leaving = departures(this.snapshot)
    return this.#touch(
      leaving.filter((action) => 'engineId' in action && !this.#touched.has(action.engineId)),
    )
  }

  /** Notes the engines that these actions name, because at most one step may name an engine. */
  #touch(actions: readonly Action[]): readonly Action[] {
    for (const action of actions) if ('engineId' in action) this.#touched.add(action.engineId)
    return actions
  }

  /** The engines for which `holds` is true and that no step has named yet. */
  #untouched(
    engines: readonly ObservedEngine[],
    holds: (observed: ObservedEngine) => boolean = () => true,
  ): ObservedEngine[] {
    return engines.filter((each) => holds(each) && !this.#touched.has(each.engine.id))
  }

  /** Recalls draining engines that are wanted again; that is cheaper than a start. */
  #recalls(missing: number): Action[] {
    if (missing <= 0) return []
    return this.#untouched(this.snapshot.engines, isRecallable)
      .slice(0, missing)
      .map(({ engine }) => ({
        type: 'recall',
        rule: 'wanted_again',
        reason: 'more engines are wanted again',
        engineId: engine.id,
      }))
  }

  #exchanges(): Action[] {
    const recallable = this.#untouched(this.snapshot.engines, isRecallable)
    if (recallable.length === 0) return []
    const ill = this.#untouched(this.serving, isUnhealthy)
    return exchanges(this.snapshot, this.byId, { ill, recallable }, this.agenda)
  }

  #starts(missing: number): Action[] {
    const starts: Action[] = []
    const { replacement } = this.snapshot
    const isSuccessor = isSuccessorDue(this.snapshot, this.byId, missing > 0)
    if (replacement !== null && isSuccessor && this.#mayStart('replacementRefusal')) {
      const reason = `it takes the place of an engine that ${DID[replacement.cause]}`
      starts.push({ type: 'provision', rule: 'finish_replacement', reason, replaces: replacement.engineId })
    }
    while (starts.length < missing && this.#mayStart()) {
      const reason = `${this.wanted.needed} engines are wanted and ${this.serving.length} are there`
      starts.push({ type: 'provision', rule: 'below_wanted', reason, replaces: null })
    }
    return starts
  }

  /**
   * Starts spares for the engines that proxies have chosen, before their streams are reported. Whoever only looks may seem to
   * choose all of them, so there are never more such spares than `minFree` beyond the number needed.
   */
  #startsAhead(there: number): Action[] {
    const unused = this.serving.filter((each) => each.engine.startedAhead && !isBusy(each)).length
    const beyond = Math.min(unused, Math.max(0, there - this.wanted.needed))
    const missing = Math.min(this.wanted.ahead - there, this.snapshot.policy.minFree - beyond)
    const reason = 'proxies have chosen free engines, and a spare is wanted beside them'
    const starts: Action[] = []
    while (starts.length < missing && this.#mayStart())
      starts.push({ type: 'provision', rule: 'spare_ahead', reason, replaces: null })
    return starts
  }

  /** Uses one of the starts that are allowed now. Returns false, and notes the reason, if none is left. */
  #mayStart(kind: 'startRefusal' | 'replacementRefusal' = 'startRefusal'): boolean {
    const { startsHeldUntilMs, engines, policy } = this.snapshot
    const refusal = this.snapshot[kind]
    const isTrial = kind === 'startRefusal' && this.snapshot.isStartTrial
    if (refusal !== null) return this.#waitFor(refusal)
    if (this.#room <= 0) return this.#wait(`MAX_REPLICAS (${policy.maxReplicas}) is reached`)
    if (this.#slots <= 0) return this.#wait('MAX_CONCURRENT_PROVISIONS starts are under way')
    if (!this.agenda.isDue(startsHeldUntilMs)) return this.#wait('starts failed and are tried again later')
    if (policy.startIntervalMs > 0) {
      const lastMs = engines.reduce(
        (last, each) => (isOwn(each) ? Math.max(last, each.engine.createdAt) : last),
        0,
      )
      if (!this.agenda.isDue(lastMs + policy.startIntervalMs))
        return this.#wait('MIN_PROVISION_INTERVAL_S has not passed since the last start')
    }
    if (isTrial && engines.some(isOwnStart)) return this.#wait('a single engine is tried before others')
    if (policy.startIntervalMs > 0 || isTrial) this.#slots = 1
    this.#room--
    this.#slots--
    return true
  }

  /** If a refusal says when it may be over, the next plan is made then. */
  #waitFor({ message, etaSeconds }: Refusal): false {
    if (etaSeconds !== null) this.agenda.isDue(this.snapshot.nowMs + etaSeconds * 1_000)
    return this.#wait(message)
  }

  #wait(why: string): false {
    if (!this.waits.includes(why)) this.waits.push(why)
    return false
  }

  /**
   * Drains the engines above the wanted number: unhealthy ones first, then those that play nothing, then those that have
   * been idle longest.
   */
  #surplus(count: number): Action[] {
    const { ahead } = this.wanted
    const surplus = count - ahead
    if (surplus <= 0) return []
    const { policy } = this.snapshot
    const ill = this.#untouched(this.serving, isUnhealthy)
      .filter((each) => isUnhealthyWithoutViewers(each, this.snapshot, this.agenda))
      .slice(0, surplus)
    const idle = this.#untouched(this.serving, (each) => isIdle(each) && !isChosen(each)).toSorted(byUse)
    const scaledDown = idle
      .filter((each) => isScaledDown(each, policy, this.agenda))
      .slice(0, surplus - ill.length)
    const left = surplus - ill.length - scaledDown.length
    // Without AUTO_DELETE only engines above the maximum are drained: these were adopted. Those drained above count as gone.
    const beyond = policy.autoDelete ? left : ahead + left - policy.maxReplicas
    const taken = new Set(scaledDown)
    const expired = idle
      .filter((each) => !taken.has(each) && isIdleForLong(each, policy, this.agenda))
      .slice(0, Math.max(0, beyond))
    return [
      ...ill.map((each) => this.#drain(each, 'surplus_unhealthy', 'it is unhealthy, and not needed')),
      ...scaledDown.map((each) => this.#drain(each, 'scaled_down', 'the fleet was scaled down')),
      ...expired.map((each) =>
        this.#drain(each, 'idle_surplus', `it is idle, and more than the ${ahead} wanted`),
      ),
    ]
  }

  /** At the maximum, idle engines behind a node that is down make room for engines behind a node that is up. */
  #evacuations(missing: number): Action[] {
    const { engines, startRefusal } = this.snapshot
    const leaving = engines.filter((each) => !isInService(each)).length
    // If no node were up, the refusal would name the VPN instead of the maximum.
    if (startRefusal?.code !== 'max_capacity' || leaving >= missing) return []
    return engines
      .filter((each) => isSteady(each) && isBehindLostNode(each) && !isBusy(each))
      .filter(({ engine }) => engine.unclaimedSince === null && !this.#touched.has(engine.id))
      .slice(0, missing - leaving)
      .map((each) => this.#drain(each, 'vpn_lost', 'its VPN is down, and room is needed behind another'))
  }

  #drain({ engine, health, node }: ObservedEngine, rule: keyof typeof DRAIN_CAUSE, reason: string): Action {
    const cause = DRAIN_CAUSE[rule]
    // An unhealthy engine has been hidden since it became unhealthy, and an engine behind a VPN since the VPN went down.
    const hiddenBefore = {
      unhealthy: health.sinceMs,
      vpn_lost: node?.sinceMs,
      scaled_down: null,
      surplus: null,
    }
    const hiddenSinceMs = hiddenBefore[cause] ?? null
    return { type: 'drain', rule, reason, engineId: engine.id, cause, hiddenSinceMs }
  }

  /**
   * Replaces one engine that is unhealthy, plays nothing or is outdated. If there is room, its successor is started first; at
   * the maximum the engine is drained first.
   */
  #replacements(): Action[] {
    if (isReplacing(this.snapshot, this.byId)) return []
    const candidates = this.#untouched(this.serving, isToBeReplaced)
    const next = nextToReplace(this.snapshot, candidates, this.agenda)
    if (next === null) return []
    const { observed, cause } = next
    const { engine } = observed
    const reason = whyReplaced(observed, cause)
    const refusal = this.snapshot.replacementRefusal
    if (refusal !== null && refusal.code !== 'max_capacity') {
      this.#waitFor(refusal)
      return []
    }
    // Two engines cannot both have the one port that a caller requested.
    if (this.#room > 0 && engine.request.hostPort === null) {
      if (!this.#mayStart('replacementRefusal')) return []
      return [{ type: 'replace', rule: cause, reason, engineId: engine.id, cause }]
    }
    // Another engine is on its way out and will make room, so wait for that.
    if (this.snapshot.engines.some((each) => !isInService(each))) return []
    const hiddenSinceMs = cause === 'unhealthy' ? observed.health.sinceMs : null
    return [{ type: 'make_room', rule: `${cause}_at_cap`, reason, engineId: engine.id, cause, hiddenSinceMs }]
  }
}

const isToBeReplaced = (observed: ObservedEngine): boolean =>
  observed.outdated !== null || observed.playsNothing !== null || isUnhealthy(observed)

/** What is said of an engine when it was replaced. */
const DID = {
  unhealthy: 'was unhealthy',
  plays_nothing: 'played nothing',
  outdated: 'had to be renewed',
} as const

/** Engines that play nothing come first, then those that have been idle longest. */
const byUse = (a: ObservedEngine, b: ObservedEngine): number =>
  Number(b.playsNothing !== null) - Number(a.playsNothing !== null) || idleSinceMs(a) - idleSinceMs(b)

const DRAIN_CAUSE = {
  surplus_unhealthy: 'unhealthy',
  scaled_down: 'scaled_down',
  idle_surplus: 'surplus',
  vpn_lost: 'vpn_lost',
} as const

const isRecallable = (observed: ObservedEngine): boolean => {
  const { engine, health, isRunning, isInHand } = observed
  if (engine.status !== 'draining' || engine.removalRequestedAt !== null || !isRunning || isInHand)
    return false
  // The engine has viewers that no event reported, so it is not free for others; or it plays nothing, or nobody reaches it.
  if (isSeenWatched(observed) || observed.playsNothing !== null || observed.outOfReach !== null) return false
  return (
    (engine.drainCause === 'surplus' || engine.drainCause === 'scaled_down') && health.verdict !== 'unhealthy'
  )
}

/** Whether the engine works, nobody uses it, and it is not kept for a caller. */
const isIdle = (observed: ObservedEngine): boolean =>
  isSteady(observed) && !isUnhealthy(observed) && !isBusy(observed) && observed.engine.unclaimedSince === null

/** Whether a proxy has chosen the engine from a list and not reported a stream yet. */
const isChosen = ({ expected }: ObservedEngine): boolean => expected !== null && !expected.isHandedOut

/**
 * Whether an operator's order applies to an engine: it has to have existed when the order was given. An engine that was just
 * handed out is spared, because a viewer may be on the way to it.
 */
function isScaledDown({ engine }: ObservedEngine, policy: Policy, agenda: Agenda): boolean {
  const { scaledAtMs, drainHideMs } = policy
  if (scaledAtMs === null || engine.createdAt > scaledAtMs) return false
  return agenda.isDue((engine.handedOutAt ?? 0) + drainHideMs)
}

const isIdleForLong = (observed: ObservedEngine, { graceMs }: Policy, agenda: Agenda): boolean =>
  agenda.isDue(idleSinceMs(observed) + graceMs)

/** Whether an engine may drain at this moment if it is idle and more than wanted. */
export const mayBeSurplus = (observed: ObservedEngine, policy: Policy, agenda: Agenda): boolean =>
  isScaledDown(observed, policy, agenda) || (policy.autoDelete && isIdleForLong(observed, policy, agenda))

/** Whether Roundhouse started the engine by itself, and not for a caller. */
const isOwn = ({ engine }: ObservedEngine): boolean =>
  engine.handedOutAt === null && engine.adoptedAt === null

const isOwnStart = (observed: ObservedEngine): boolean =>
  observed.engine.status === 'provisioning' && isOwn(observed)
