import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type {
  Action,
  EngineNode,
  FleetSnapshot,
  ObservedEngine,
  PlanRule,
  Policy,
} from '../../../src/core/plan/fleet-snapshot.ts'
import { plan } from '../../../src/core/plan/plan.ts'
import type { Refusal } from '../../../src/core/provisioning/refusal.ts'
import type { Engine } from '../../../src/core/types.ts'
import { inShort, NOW, observed, snapshot } from '../../support/fleet-snapshots.ts'

const times = fc.constantFrom(0, NOW - 1e6, NOW - 70_000, NOW - 10_000, NOW)
const maybe = (value: fc.Arbitrary<number>) => fc.option(value, { nil: null })

const row: fc.Arbitrary<Partial<Engine>> = fc.record({
  status: fc.constantFrom('provisioning', 'starting', 'ready', 'ready', 'ready', 'draining'),
  drainCause: fc.constantFrom(
    'surplus',
    'scaled_down',
    'outdated',
    'unhealthy',
    'plays_nothing',
    'vpn_lost',
    'operator',
  ),
  drainingSince: times,
  containerState: fc.constantFrom('running', 'running', 'running', 'exited', 'dead', 'restarting', 'paused'),
  stopCause: fc.constantFrom('exit', 'outage'),
  stoppedAt: times,
  createdAt: times,
  readyAt: maybe(times),
  handedOutAt: maybe(times),
  lastStreamAt: maybe(times),
  containerStartedAt: times,
  unclaimedSince: fc.option(times, { nil: null, freq: 5 }),
  startedAhead: fc.boolean(),
  adoptedAt: fc.option(times, { nil: null, freq: 5 }),
  removalRequestedAt: fc.option(times, { nil: null, freq: 5 }),
  restartsAt: fc.array(times, { maxLength: 4 }),
})

const node: fc.Arbitrary<EngineNode> = fc
  .record({
    state: fc.constantFrom('up', 'up', 'down', 'unknown'),
    sinceMs: times,
    isSettled: fc.boolean(),
    namespace: fc.constantFrom('alive', 'alive', 'dead', 'foreign'),
    strandedSinceMs: fc.option(times, { nil: null, freq: 2 }),
    isContradicted: fc.boolean(),
    doubtedSinceMs: fc.option(times, { nil: null, freq: 2 }),
  })
  .map(({ isContradicted, doubtedSinceMs, ...rest }) => ({
    ...rest,
    isWorking: rest.state === 'up' || (rest.state === 'unknown' && isContradicted),
    doubtedSinceMs: rest.state === 'down' ? doubtedSinceMs : null,
  }))

const expected: fc.Arbitrary<ObservedEngine['expected']> = fc.option(
  fc.record({ isHandedOut: fc.boolean(), untilMs: fc.constantFrom(NOW, NOW + 20_000) }),
  { nil: null, freq: 2 },
)

/** An engine that fails is in hand. */
const hands: fc.Arbitrary<Pick<ObservedEngine, 'isInHand' | 'isFailing'>> = fc.constantFrom(
  ...[false, false, false, true].map((isInHand) => ({ isInHand, isFailing: false })),
  { isInHand: true, isFailing: true },
)

const others: fc.Arbitrary<Partial<Omit<ObservedEngine, 'engine'>>> = fc.record({
  streams: fc.constantFrom(0, 0, 1, 2),
  expected,
  health: fc.record({ verdict: fc.constantFrom('healthy', 'unhealthy', 'unknown'), sinceMs: times }),
  stillMs: maybe(fc.constantFrom(0, 59_999, 60_000)),
  look: fc.oneof(
    fc.constantFrom({ kind: 'clear' as const }, { kind: 'serving' as const }),
    times.map((sinceMs) => ({ kind: 'pending' as const, sinceMs })),
  ),
  outdated: fc.constantFrom(null, null, 'made' as const),
  outOfReach: fc.option(
    fc.record({
      of: fc.constantFrom('us' as const, 'proxies' as const, 'names' as const),
      isMoving: fc.boolean(),
    }),
    { nil: null, freq: 3 },
  ),
  playsNothing: fc.constantFrom(null, null, 'it plays nothing, though others do'),
  sight: fc.option(
    fc.record({
      atMs: times,
      connections: fc.constantFrom('none', 'none', 'new', 'held', 'unread'),
      traffic: fc.constantFrom('moves', 'still', 'open', 'uncounted'),
      countedMs: fc.constantFrom(0, 30_000),
    }),
    { nil: null, freq: 4 },
  ),
  node: fc.option(node, { nil: null, freq: 2 }),
  outside: fc.option(
    fc.record({
      kind: fc.constantFrom('own_network' as const, 'other_network' as const),
      isNodeUp: fc.boolean(),
    }),
    { nil: null, freq: 3 },
  ),
})

const facts = fc.tuple(others, hands).map(([other, hand]) => ({ ...other, ...hand }))

const policies: fc.Arbitrary<Partial<Policy>> = fc
  .record({
    minReplicas: fc.nat(6),
    minFree: fc.nat(3),
    maxReplicas: fc.integer({ min: 1, max: 8 }),
    autoDelete: fc.boolean(),
    scaledAtMs: maybe(times),
    concurrentStarts: fc.integer({ min: 1, max: 3 }),
    startIntervalMs: fc.constantFrom(0, 5_000),
    restartsOnReconnect: fc.boolean(),
    isVpnStrict: fc.boolean(),
  })
  .map((policy) => ({ ...policy, minReplicas: Math.min(policy.minReplicas, policy.maxReplicas) }))

type Given = [Partial<Omit<ObservedEngine, 'engine'>>, Partial<Engine>, number | null]

const anyEngines: fc.Arbitrary<Given[]> = fc.array(
  fc.tuple(facts, row, fc.option(fc.nat(7), { nil: null, freq: 4 })),
  { maxLength: 8 },
)

/** Engines that are in service or drain, most of which differ only in their health. */
const plainEngines: fc.Arbitrary<Given[]> = fc.array(
  fc.tuple(
    fc.record({
      streams: fc.constantFrom(0, 0, 0, 1),
      expected,
      health: fc.record({ verdict: fc.constantFrom('healthy', 'unhealthy', 'unknown'), sinceMs: times }),
      outdated: fc.constantFrom(null, null, null, 'made' as const),
    }),
    fc.record({
      status: fc.constantFrom('ready', 'ready', 'draining', 'starting'),
      drainCause: fc.constantFrom('surplus', 'scaled_down', 'unhealthy'),
      drainingSince: fc.constantFrom(NOW - 10_000, NOW - 70_000),
      createdAt: times,
      lastStreamAt: maybe(times),
    }),
    fc.option(fc.nat(7), { nil: null, freq: 8 }),
  ),
  { maxLength: 8 },
)

const situationsOf = (given: fc.Arbitrary<Given[]>): fc.Arbitrary<FleetSnapshot> =>
  fc
    .record({
      engines: given,
      policy: policies,
      replacement: fc.option(
        fc.record({
          engineId: fc.nat(9).map((index) => `engine-${index}`),
          cause: fc.constantFrom('unhealthy' as const, 'plays_nothing' as const, 'outdated' as const),
          atMs: times,
        }),
        { nil: null },
      ),
      isStartTrial: fc.boolean(),
    })
    .map(({ engines, policy, replacement, isStartTrial }) => {
      const all = engines.map(([fact, each, replaces], index) =>
        observed(`engine-${index}`, placed(fact), {
          ...each,
          replaces: replaces === null || replaces === index ? null : `engine-${replaces}`,
          ...(each.status === 'draining' ? {} : { drainCause: null, drainingSince: null }),
          ...(each.status === 'provisioning' ? { containerState: null } : {}),
        }),
      )
      const isStarted = all.some(({ engine }) => engine.replaces === replacement?.engineId)
      return snapshot(all, policy, {
        isStartTrial,
        startRefusal: refusalFor(all, policy.maxReplicas ?? 0),
        replacement: replacement === null ? null : { ...replacement, isStarted },
      })
    })

/** An engine outside the VPN is behind no node. */
const placed = <Fact extends Partial<ObservedEngine>>(fact: Fact): Fact =>
  fact.outside === null ? fact : { ...fact, node: null }

/** The refusal that admission would give. */
const refusalFor = (engines: readonly ObservedEngine[], maxReplicas: number): Refusal | null =>
  engines.length < maxReplicas
    ? null
    : {
        code: 'max_capacity',
        message: 'full',
        blockedReason: 'Maximum capacity reached',
        etaSeconds: 30,
        shouldWait: true,
      }

const of = (given: FleetSnapshot, action: Action): ObservedEngine | undefined =>
  'engineId' in action ? given.engines.find(({ engine }) => engine.id === action.engineId) : undefined

/** Whether a rule restarts an engine so that it connects. */
const isForConnection = (rule: PlanRule): boolean => rule === 'vpn_reconnected' || rule === 'vpn_tried'

/** The sign that an engine is lost for its viewers, and since when. The other condition is that no bytes move. */
function lastSign({ health, engine }: ObservedEngine, { rule }: Action) {
  if (isForConnection(rule)) return { sinceMs: 0, verdict: 'lost' }
  const sinceMs = Math.max(health.sinceMs, engine.lastStreamAt ?? 0)
  return { sinceMs, verdict: health.verdict === 'unhealthy' ? 'lost' : 'not lost' }
}

/** Whether only the health of an engine matters. */
const isPlain = ({ engine, node, outside, isRunning, isInHand }: ObservedEngine): boolean =>
  node === null &&
  outside === null &&
  isRunning &&
  !isInHand &&
  engine.adoptedAt === null &&
  engine.removalRequestedAt === null

/** Whether an engine has a network of its own under `VPN_STRICT`. */
const isForbidden = ({ outside }: ObservedEngine, { policy }: FleetSnapshot): boolean =>
  outside?.kind === 'own_network' && policy.isVpnStrict

/** Whether an engine has viewers, and only its own health decides about them. */
const isWatchedByRight = (observed: ObservedEngine, given: FleetSnapshot): boolean =>
  observed.streams > 0 && observed.isRunning && !isNetworkGone(observed) && !isForbidden(observed, given)

/** The engine that an action takes from viewers without a stream record, if any. */
function endedBy(given: FleetSnapshot, action: Action): ObservedEngine | undefined {
  const isEnd = action.type === 'stop' || action.type === 'fail' || action.type === 'restart'
  const subject = of(given, action)
  if (!isEnd || subject === undefined || !subject.isRunning || isNetworkGone(subject)) return undefined
  // Viewers with a record receive nothing from the engine, and still hold their connections.
  return subject.streams > 0 && isForConnection(action.rule) ? undefined : subject
}

const isNetworkGone = ({ node }: ObservedEngine): boolean => node !== null && node.namespace !== 'alive'

const situations = fc.oneof(situationsOf(anyEngines), situationsOf(plainEngines))

const holds = (check: (given: FleetSnapshot, actions: readonly Action[]) => void): void =>
  fc.assert(
    fc.property(situations, (given) => check(given, plan(given).actions)),
    { numRuns: 2_000 },
  )

const starts = (actions: readonly Action[]): number =>
  actions.filter(({ type }) => type === 'provision' || type === 'replace').length

describe('whatever the fleet is like, a plan', () => {
  test('starts no engine above the cap', () =>
    holds((given, actions) => {
      const room = Math.max(0, given.policy.maxReplicas - given.engines.length)
      expect(starts(actions)).toBeLessThanOrEqual(room)
    }))

  test('starts no more at a time than may be under way', () =>
    holds((given, actions) => {
      const { concurrentStarts, startIntervalMs } = given.policy
      expect(starts(actions)).toBeLessThanOrEqual(startIntervalMs > 0 ? 1 : concurrentStarts)
      const tried = actions.filter(({ rule }) => rule === 'below_wanted').length
      if (given.isStartTrial) expect(tried).toBeLessThanOrEqual(1)
    }))

  test('has one step at most for an engine, and only for engines that are there', () =>
    holds((given, actions) => {
      const named = actions.flatMap((action) => ('engineId' in action ? [action.engineId] : []))
      expect(new Set(named).size).toBe(named.length)
      expect(named.every((id) => given.engines.some(({ engine }) => engine.id === id))).toBe(true)
    }))

  test('leaves alone what somebody has in hand, what is being removed and what is being provisioned', () =>
    holds((given, actions) => {
      for (const action of actions) {
        const subject = of(given, action)
        if (subject === undefined) continue
        expect(subject.isInHand).toBe(false)
        expect(subject.engine.removalRequestedAt).toBeNull()
        expect(subject.engine.status).not.toBe('provisioning')
      }
    }))

  test('takes no engine from its viewers that is not lost for them', () =>
    holds((given, actions) => {
      for (const action of actions) {
        const subject = of(given, action)
        if (subject === undefined || action.type === 'recall' || action.type === 'replace') continue
        if (!isWatchedByRight(subject, given)) continue
        const { sinceMs, verdict } = lastSign(subject, action)
        const stillMs = Math.min(NOW - sinceMs, subject.stillMs ?? NOW - sinceMs)
        const isLost = stillMs >= given.policy.unhealthyGraceMs
        expect([action.type, verdict, isLost]).toEqual([action.type, 'lost', true])
      }
    }))

  test('ends no engine that runs before a fresh look at it, nor one where somebody was seen', () =>
    holds((given, actions) => {
      for (const action of actions) {
        const subject = endedBy(given, action)
        if (subject === undefined) continue
        const { sight } = subject
        expect(NOW - (sight?.atMs ?? 0)).toBeLessThanOrEqual(10_000)
        const seen = [sight?.connections, sight?.traffic].join()
        expect(seen).toMatch(
          subject.streams > 0 ? /^none|,still|,uncounted/ : /^none|,still|^unread,uncounted/,
        )
      }
    }))

  test('removes only what was hidden for long enough', () =>
    holds((given, actions) => {
      for (const action of actions.filter(({ type }) => type === 'stop')) {
        const subject = of(given, action)
        expect(subject?.engine.status).toBe('draining')
        if (action.rule === 'drained')
          expect(NOW - (subject?.engine.drainingSince ?? NOW)).toBeGreaterThanOrEqual(
            given.policy.drainHideMs,
          )
      }
    }))

  test('restarts and makes anew only what is behind a VPN that is up, and has to be', () =>
    holds((given, actions) => {
      const brought = actions.filter(({ type }) => type === 'restart' || type === 'recreate')
      for (const action of brought.filter(({ rule }) => rule !== 'moved_behind_vpn')) {
        const subject = of(given, action)
        if (action.rule === 'vpn_tried') {
          expect([subject?.node?.state, subject?.node?.namespace]).toEqual(['down', 'alive'])
          continue
        }
        expect(subject?.node?.isWorking).toBe(true)
        if (subject?.node?.namespace !== 'alive') expect(subject?.node?.state).toBe('up')
        expect(action.type === 'recreate').toBe(subject?.node?.namespace === 'foreign')
        if (subject?.node?.namespace === 'alive') expect(subject.node.strandedSinceMs).not.toBeNull()
      }
    }))

  test('puts behind the VPN only what stands still outside, when a node is up', () =>
    holds((given, actions) => {
      for (const action of actions.filter(({ rule }) => rule === 'moved_behind_vpn')) {
        const { type } = action
        const { outside, isRunning } = of(given, action) ?? {}
        const up = { kind: 'own_network', isNodeUp: true }
        expect({ type, outside, isRunning }).toEqual({
          type: 'recreate',
          outside: up,
          isRunning: false,
        } as never)
      }
    }))

  test('stops what has a network of its own where the VPN is a must, and nothing else for it', () =>
    holds((given, actions) => {
      for (const observed of given.engines) {
        const { engine, isInHand } = observed
        const mine = actions.filter((action) => of(given, action) === observed)
        const isOut = mine.some(({ type }) => type === 'halt')
        if (!isForbidden(observed, given)) expect(isOut).toBe(false)
        else if (observed.isRunning && !isInHand && engine.removalRequestedAt === null)
          expect(isOut).toBe(engine.status !== 'provisioning')
        else expect(mine.filter(({ type }) => type === 'revive' || type === 'fail')).toEqual([])
      }
    }))

  test('restarts one at a time for a connection that is not found again, while others carry on', () =>
    holds((given, actions) => {
      const restarted = actions.filter(({ rule }) => rule === 'vpn_reconnected')
      if (!given.policy.restartsOnReconnect) expect(restarted).toEqual([])
      const others = given.engines.some(
        ({ engine, isRunning, isInHand, health, node }) =>
          engine.status === 'ready' &&
          engine.removalRequestedAt === null &&
          isRunning &&
          !isInHand &&
          health.verdict !== 'unhealthy' &&
          (node === null || (node.isWorking && node.namespace === 'alive' && node.strandedSinceMs === null)),
      )
      if (others) expect(restarted.length).toBeLessThanOrEqual(1)
    }))

  test('does nothing about an engine whose VPN is not up, but for one that leaves', () =>
    holds((given, actions) => {
      const isAway = (action: Action): boolean => {
        const node = of(given, action)?.node ?? null
        return node !== null && !node.isWorking && of(given, action)?.engine.status !== 'draining'
      }
      const rules = new Set(actions.filter(isAway).map(({ rule }) => rule))
      for (const rule of ['vpn_lost', 'scaled_down', 'idle_surplus', 'vpn_tried'] as const) rules.delete(rule)
      expect([...rules]).toEqual([])
    }))

  test('takes no healthy engine out of service that is wanted', () =>
    holds((given, actions) => {
      const { serving, wanted } = plan(given)
      const drained = actions.filter(({ rule }) => rule === 'idle_surplus' || rule === 'scaled_down').length
      if (drained > 0) expect(serving - drained).toBeGreaterThanOrEqual(wanted)
    }))

  test('lets no engine that nobody can use wait while one that is well drains for being too many', () =>
    holds((given, actions) => {
      const named = new Set(actions.flatMap((action) => ('engineId' in action ? [action.engineId] : [])))
      const left = given.engines.filter((each) => isPlain(each) && !named.has(each.engine.id))
      const succeeded = new Set(given.engines.map(({ engine }) => engine.replaces))
      const ill = left.filter(
        ({ engine, health, streams }) =>
          engine.status === 'ready' &&
          health.verdict === 'unhealthy' &&
          streams === 0 &&
          !succeeded.has(engine.id),
      )
      const well = left.filter(
        ({ engine, health }) =>
          engine.status === 'draining' &&
          (engine.drainCause === 'surplus' || engine.drainCause === 'scaled_down') &&
          health.verdict === 'healthy' &&
          engine.replaces === null,
      )
      expect(Math.min(ill.length, well.length)).toBe(0)
    }))

  test('puts back only who is well for one that is ill, and takes no more out of service than that', () =>
    holds((given, actions) => {
      const back = actions.filter(({ rule }) => rule === 'stands_in')
      for (const action of back) {
        const subject = of(given, action)
        expect(subject?.health.verdict).toBe('healthy')
        expect(['surplus', 'scaled_down']).toContain(subject?.engine.drainCause ?? '')
      }
      const { serving, wanted } = plan(given)
      const out = actions.filter(({ type }) => type === 'drain' || type === 'make_room').length
      const taken = actions.filter(({ rule }) => rule === 'wanted_again' || rule === 'stands_in').length
      if (back.length > 0) expect(serving + taken - out).toBeGreaterThanOrEqual(wanted)
    }))

  test('begins one replacement at most, and none beside one that is on its way', () =>
    holds((given, actions) => {
      const begun = actions.filter(({ type }) => type === 'replace' || type === 'make_room')
      expect(begun.length).toBeLessThanOrEqual(1)
      if (actions.some(({ rule }) => rule === 'replacement_ready')) expect(begun).toEqual([])
      const { replacement, policy } = given
      if (begun.length > 0 && replacement !== null)
        expect(NOW - replacement.atMs).toBeGreaterThanOrEqual(policy.replacementCooldownMs)
    }))

  test('has nothing more to do once it is done', () =>
    holds((given) => {
      let now = given
      let { actions } = plan(now)
      // Places for concurrent starts become free from round to round.
      for (let round = 0; round < 60 && actions.length > 0; round++) {
        now = done(now, actions)
        actions = plan(now).actions
      }
      expect(inShort(actions)).toEqual([])
    }))
})

/** The snapshot after the actions were carried out and everything that was started works. */
function done(given: FleetSnapshot, actions: readonly Action[]): FleetSnapshot {
  const steps = new Map(
    actions.flatMap((action) => ('engineId' in action ? [[action.engineId, action]] : [])),
  )
  const engines = given.engines.flatMap((each) => {
    const action = steps.get(each.engine.id)
    if (action === undefined) return [each]
    return action.type === 'stop' || action.type === 'fail' ? [] : [changedBy(action, each)]
  })
  const all = [...engines, ...actions.flatMap(madeBy)]
  return {
    ...given,
    engines: all,
    startRefusal: refusalFor(all, given.policy.maxReplicas),
    replacement: replacementAfter(given, actions),
  }
}

let made = 0

function madeBy(action: Action): ObservedEngine[] {
  if (action.type !== 'provision' && action.type !== 'replace') return []
  const replaces = action.type === 'replace' ? action.engineId : action.replaces
  const fresh = { createdAt: 1, readyAt: NOW, handedOutAt: null, lastStreamAt: null, replaces }
  return [observed(`made-${++made}`, {}, fresh)]
}

function replacementAfter(given: FleetSnapshot, actions: readonly Action[]): FleetSnapshot['replacement'] {
  const begun = actions.find(({ type }) => type === 'replace' || type === 'make_room')
  if (begun?.type === 'replace' || begun?.type === 'make_room') {
    const { engineId, cause, type } = begun
    return { engineId, cause, atMs: NOW, isStarted: type === 'replace' }
  }
  const isStarted = actions.some((action) => action.type === 'provision' && action.replaces !== null)
  return given.replacement && { ...given.replacement, isStarted: given.replacement.isStarted || isStarted }
}

function changedBy(action: Action, subject: ObservedEngine): ObservedEngine {
  const { engine } = subject
  switch (action.type) {
    case 'drain':
    case 'make_room': {
      const drainingSince = action.hiddenSinceMs ?? NOW
      return {
        ...subject,
        engine: { ...engine, status: 'draining', drainCause: action.cause, drainingSince },
      }
    }
    case 'recall':
      return { ...subject, engine: { ...engine, status: 'ready', drainCause: null, drainingSince: null } }
    case 'revive': {
      const running = { containerState: 'running', stoppedAt: null, stopCause: null } as const
      const started = { status: 'starting', containerStartedAt: NOW } as const
      return { ...subject, isRunning: true, engine: { ...engine, ...running, ...started } }
    }
    case 'restart':
    case 'recreate': {
      const node = subject.node && { ...subject.node, namespace: 'alive' as const, strandedSinceMs: null }
      const row = { ...engine, status: 'ready', containerState: 'running', containerStartedAt: NOW } as const
      const inside = { isRunning: true, node, outside: null }
      return { ...subject, ...inside, engine: { ...row, stoppedAt: null, stopCause: null } }
    }
    case 'halt': {
      const stopped = {
        containerState: 'exited',
        stoppedAt: NOW,
        stopCause: 'exit',
        adoptedAt: null,
      } as const
      return { ...subject, isRunning: false, streams: 0, engine: { ...engine, ...stopped } }
    }
    default:
      return subject
  }
}
