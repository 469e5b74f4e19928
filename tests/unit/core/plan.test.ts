import { describe, expect, test } from 'bun:test'
import type { FleetSnapshot, ObservedEngine, Policy } from '../../../src/core/plan/fleet-snapshot.ts'
import { plan, wantedNumber } from '../../../src/core/plan/plan.ts'
import { permanent } from '../../../src/core/provisioning/refusal.ts'
import { inShort, NOW, observed, snapshot } from '../../support/fleet-snapshots.ts'

/** The exact actions: both missing and additional ones fail. */
const steps = (
  engines: readonly ObservedEngine[],
  policy: Partial<Policy> = {},
  change: Partial<FleetSnapshot> = {},
) => inShort(plan(snapshot(engines, policy, change)).actions)

const wakeOf = (engines: readonly ObservedEngine[], policy: Partial<Policy> = {}, change = {}) => {
  const { wakeAtMs } = plan(snapshot(engines, policy, change))
  return wakeAtMs === null ? null : wakeAtMs - NOW
}

const ill = { health: { verdict: 'unhealthy' as const, sinceMs: NOW - 100_000 } }
const draining = (
  drainCause: 'surplus' | 'scaled_down' | 'outdated' | 'unhealthy' | 'operator',
  hidden = 30_000,
) => ({
  status: 'draining' as const,
  drainCause,
  drainingSince: NOW - hidden,
})
const booting = {
  status: 'starting' as const,
  readyAt: null,
  handedOutAt: null,
  containerStartedAt: NOW - 1_000,
}

describe('the wanted number', () => {
  test.each([
    [{ minReplicas: 0, minFree: 0, maxReplicas: 5 }, 0, 0],
    [{ minReplicas: 3, minFree: 0, maxReplicas: 5 }, 2, 3],
    [{ minReplicas: 3, minFree: 1, maxReplicas: 5 }, 3, 4],
    [{ minReplicas: 3, minFree: 2, maxReplicas: 5 }, 4, 5],
    [{ minReplicas: 0, minFree: 1, maxReplicas: 5 }, 7, 5],
  ])('%p with %d busy: %d', (policy, busy, wanted) => {
    expect(wantedNumber(snapshot([], policy).policy, busy)).toBe(wanted)
  })
})

describe('starts', () => {
  test('as many as are missing', () => {
    expect(steps([observed('a')], { minReplicas: 3 })).toEqual([
      'provision: below_wanted',
      'provision: below_wanted',
    ])
  })

  test('those that boot count, and so do unclaimed and unhealthy ones', () => {
    const engines = [
      observed('a', { isRunning: true }, booting),
      observed('b', {}, { unclaimedSince: NOW }),
      observed('c', { health: { verdict: 'unhealthy', sinceMs: NOW } }, {}),
      observed('d', {}, { status: 'provisioning', containerId: null }),
    ]
    expect(
      steps(
        engines,
        { minReplicas: 4, maxReplicas: 4, replacementCooldownMs: 1e9 },
        {
          replacement: { engineId: 'x', cause: 'unhealthy', atMs: NOW, isStarted: true },
        },
      ),
    ).toEqual([])
  })

  test('those that drain or are being removed do not count', () => {
    const engines = [
      observed('a', {}, draining('operator')),
      observed('b', {}, { status: 'draining', removalRequestedAt: NOW }),
    ]
    expect(steps(engines, { minReplicas: 1, drainHideMs: 60_000 })).toEqual(['provision: below_wanted'])
  })

  test('a spare beside the busy ones', () => {
    expect(steps([observed('a', { streams: 1 })], { minFree: 1 })).toEqual(['provision: below_wanted'])
    expect(steps([observed('a', { streams: 1 }), observed('b')], { minFree: 1 })).toEqual([])
  })

  test('never above the cap, with everything that is not history counted', () => {
    const engines = [observed('a', {}, draining('operator', 0)), observed('b')]
    expect(steps(engines, { minReplicas: 3, maxReplicas: 3 })).toEqual(['provision: below_wanted'])
    expect(plan(snapshot(engines, { minReplicas: 2, maxReplicas: 2 })).waits).toEqual([
      'MAX_REPLICAS (2) is reached',
    ])
  })

  test('no more at a time than may be under way', () => {
    const own = observed(
      'a',
      { isRunning: false, isInHand: true },
      { status: 'provisioning', handedOutAt: null },
    )
    const callers = observed('b', { isInHand: true }, { status: 'provisioning', handedOutAt: NOW })
    expect(steps([own, callers], { minReplicas: 9, concurrentStarts: 3 })).toHaveLength(2)
  })

  test('one at a time, so far apart, with an interval', () => {
    const last = observed('a', {}, { handedOutAt: null, createdAt: NOW - 3_000 })
    expect(steps([], { minReplicas: 3, startIntervalMs: 5_000 })).toHaveLength(1)
    expect(steps([last], { minReplicas: 3, startIntervalMs: 5_000 })).toEqual([])
    expect(wakeOf([last], { minReplicas: 3, startIntervalMs: 5_000 })).toBe(2_000)
  })

  test('a single one as a trial', () => {
    expect(steps([], { minReplicas: 3 }, { isStartTrial: true })).toHaveLength(1)
    const own = observed('a', { isInHand: true }, { status: 'provisioning', handedOutAt: null })
    expect(steps([own], { minReplicas: 3 }, { isStartTrial: true })).toEqual([])
  })

  test('none while they would be refused, or after one that failed', () => {
    const startRefusal = permanent('why')
    expect(plan(snapshot([], { minReplicas: 1 }, { startRefusal }))).toMatchObject({
      actions: [],
      waits: [startRefusal.message],
    })
    expect(steps([], { minReplicas: 1 }, { startsHeldUntilMs: NOW + 700 })).toEqual([])
    expect(wakeOf([], { minReplicas: 1 }, { startsHeldUntilMs: NOW + 700 })).toBe(700)
  })

  test('an engine that drains for being too many is taken back instead', () => {
    const engines = [
      observed('a', {}, draining('surplus', 1_000)),
      observed('b', {}, draining('operator', 1_000)),
    ]
    expect(steps(engines, { minReplicas: 1 })).toEqual(['recall a: wanted_again'])
    expect(steps(engines, { minReplicas: 2 })).toEqual(['recall a: wanted_again', 'provision: below_wanted'])
  })
})

describe('idle engines', () => {
  const idle = (id: string, idleMs: number, row = {}) =>
    observed(id, {}, { lastStreamAt: NOW - idleMs, ...row })

  test('drain after the grace period, the longest idle first, down to the wanted number', () => {
    const engines = [idle('a', 40_000), idle('b', 50_000), idle('c', 10_000)]
    expect(steps(engines, { autoDelete: true, minReplicas: 1 })).toEqual([
      'drain b: idle_surplus',
      'drain a: idle_surplus',
    ])
    expect(wakeOf(engines, { autoDelete: true })).toBe(20_000)
  })

  test('stay without AUTO_DELETE, unless they are above the cap', () => {
    expect(steps([idle('a', 1e6)])).toEqual([])
    expect(steps([idle('a', 1e6), idle('b', 2e6)], { maxReplicas: 1 })).toEqual(['drain b: idle_surplus'])
  })

  test.each([
    ['ready', { readyAt: NOW - 10_000 }],
    ['handed out', { handedOutAt: NOW - 10_000 }],
    ['used', { lastStreamAt: NOW - 10_000 }],
  ])('count from when they were last %s, not from their making', (_, row) => {
    const fresh = observed('a', {}, { lastStreamAt: null, ...row })
    expect(steps([fresh], { autoDelete: true })).toEqual([])
    expect(wakeOf([fresh], { autoDelete: true })).toBe(20_000)
  })

  test.each([
    ['busy', observed('a', { streams: 1 }, {})],
    ['unclaimed', observed('a', {}, { unclaimedSince: NOW - 1e6 })],
    ['adopted with unknown viewers', observed('a', {}, { adoptedAt: 5 })],
    ['not ready yet', observed('a', {}, { ...booting, readyAt: null })],
    ['in somebody’s hands', observed('a', { isInHand: true })],
  ])('an engine that is %s is not idle', (_, engine) => {
    expect(steps([engine], { autoDelete: true, startupTimeoutMs: 1e9 })).toEqual([])
  })

  test('drain at once on an operator’s word, those of that time, but not one just handed out', () => {
    const engines = [
      idle('old', 1_000, { createdAt: 1 }),
      idle('new', 1e6, { createdAt: NOW }),
      idle('given', 1e6, { createdAt: 1, handedOutAt: NOW - 1_000 }),
      observed('busy', { streams: 1 }, { createdAt: 1 }),
    ]
    expect(steps(engines, { scaledAtMs: NOW - 10 })).toEqual(['drain old: scaled_down'])
  })

  test('drain on an operator’s word down to the number that was said, and no further', () => {
    const engines = ['a', 'b', 'c'].map((id) => idle(id, 1_000, { createdAt: 1 }))
    expect(steps(engines, { scaledAtMs: NOW - 10, minReplicas: 2 })).toEqual(['drain a: scaled_down'])
  })

  test('that are above the maximum drain without AUTO_DELETE, less those that an operator’s word has drained', () => {
    const engines = [
      idle('old', 1_000, { createdAt: 1 }),
      idle('new', 1e6, { createdAt: NOW }),
      idle('newer', 1e6, { createdAt: NOW }),
    ]
    const policy = { scaledAtMs: NOW - 10, minReplicas: 1, maxReplicas: 2 }
    expect(steps(engines, policy)).toEqual(['drain old: scaled_down'])
    expect(steps(engines, { ...policy, scaledAtMs: null })).toEqual(['drain new: idle_surplus'])
  })
})

describe('a draining engine', () => {
  test('is removed when it was hidden for long enough and the second look is clear', () => {
    expect(steps([observed('a', {}, draining('surplus'))])).toEqual(['stop a: drained'])
    expect(steps([observed('a', {}, draining('surplus', 29_999))])).toEqual([])
    expect(wakeOf([observed('a', {}, draining('surplus', 29_999))])).toBe(1)
  })

  test('is kept while the engine serves somebody, or does not say yet whether it does', () => {
    expect(steps([observed('a', { look: { kind: 'serving' } }, draining('surplus', 1e6))])).toEqual([])
    const pending = (sinceMs: number) => ({ look: { kind: 'pending' as const, sinceMs } })
    expect(steps([observed('a', pending(0), draining('surplus', 89_999))])).toEqual([])
    expect(steps([observed('a', pending(0), draining('surplus', 90_000))])).toEqual(['stop a: drained'])
    // An engine that was hidden long ago, and could only be inspected since our restart, gets the same waiting time.
    expect(steps([observed('a', pending(NOW - 59_999), draining('surplus', 1e6))])).toEqual([])
    expect(steps([observed('a', pending(NOW - 60_000), draining('surplus', 1e6))])).toEqual([
      'stop a: drained',
    ])
  })

  test.each(['surplus', 'scaled_down', 'outdated', 'unhealthy'] as const)(
    'for being %s is back in service when a stream comes',
    (cause) => {
      expect(steps([observed('a', { streams: 1 }, draining(cause))])[0]).toMatch(
        /^recall a: (used_again|recovered)$/,
      )
    },
  )

  test('on an operator’s word waits for its streams', () => {
    expect(steps([observed('a', { streams: 1 }, draining('operator', 1e6))])).toEqual([])
    expect(steps([observed('a', {}, draining('operator', 1e6))])).toEqual(['stop a: drained'])
  })

  test('that is unhealthy is removed with its streams only if none of them moves', () => {
    const lost = { ...ill, streams: 1 }
    expect(steps([observed('a', lost, draining('unhealthy'))])).toEqual(['stop a: dead_while_draining'])
    expect(steps([observed('a', { ...lost, stillMs: 59_999 }, draining('unhealthy', 1e6))])).toEqual([])
  })

  test('that recovers is back in service, unless another took its place', () => {
    const recovered = observed('a', {}, draining('unhealthy', 1_000))
    expect(steps([recovered])).toEqual(['recall a: recovered'])
    expect(steps([recovered, observed('b', {}, { replaces: 'a' })])).toEqual([])
  })
})

describe('an engine that does not work', () => {
  const exited = (stopCause: 'exit' | 'outage', agoMs: number, row = {}) =>
    observed('a', {}, { containerState: 'exited', stopCause, stoppedAt: NOW - agoMs, ...row })

  test('that exited is removed a moment later, and replaced if it is wanted', () => {
    expect(steps([exited('exit', 1_499)])).toEqual([])
    expect(wakeOf([exited('exit', 1_499)])).toBe(1)
    expect(steps([exited('exit', 1_500)], { minReplicas: 1 })).toEqual([
      'fail a: exited',
      'provision: below_wanted',
    ])
  })

  test('that stopped unseen, or before a gap, is started again', () => {
    expect(steps([exited('outage', 0)], { minReplicas: 1 })).toEqual(['revive a: stopped_in_outage'])
    expect(steps([exited('exit', 5_000)], {}, { watchedSinceMs: NOW - 1_000 })).toEqual([
      'revive a: stopped_in_outage',
    ])
  })

  test('is not started again when it was leaving anyway, or can’t be', () => {
    expect(steps([exited('outage', 5_000, draining('surplus', 0))])).toEqual(['fail a: exited'])
    expect(steps([exited('outage', 5_000, { containerState: 'dead' })])).toEqual(['fail a: exited'])
  })

  test.each(['restarting', 'paused', 'removing'] as const)('that is %s is let alone', (containerState) => {
    expect(steps([observed('a', {}, { containerState })], { autoDelete: true, minReplicas: 1 })).toEqual([])
  })

  test('that gave no answer in time after its start has failed', () => {
    const late = (row = {}, change = {}) =>
      observed('a', change, { ...booting, containerStartedAt: NOW - 90_000, ...row })
    expect(steps([late()])).toEqual(['fail a: never_answered'])
    expect(steps([late({ containerStartedAt: NOW - 89_000 })])).toEqual([])
    expect(steps([late({}, { streams: 1 })])).toEqual([])
    expect(steps([late({ adoptedAt: 1 })])).toEqual([])
    // The start of the engine was noticed late, so it was probed for a shorter time.
    expect(steps([late({}, { probedSinceMs: NOW - 89_999 })])).toEqual([])
    expect(steps([late({}, { probedSinceMs: null })])).toEqual([])
    expect(steps([late({ containerState: 'paused' }, { isRunning: false })])).toEqual([])
  })

  test('that restarts again and again has failed, unless somebody watches it', () => {
    const restartsAt = [NOW - 200_000, NOW - 100_000, NOW - 50_000, NOW - 1_000]
    expect(steps([observed('a', {}, { restartsAt })])).toEqual(['fail a: crash_loop'])
    expect(steps([observed('a', { streams: 1 }, { restartsAt })])).toEqual([])
    expect(steps([observed('a', { look: { kind: 'serving' } }, { restartsAt })])).toEqual([])
    expect(steps([observed('a', { look: { kind: 'pending', sinceMs: NOW } }, { restartsAt })])).toEqual([])
    const restarting = { restartsAt, containerState: 'restarting' as const }
    expect(steps([observed('a', { look: { kind: 'pending', sinceMs: NOW } }, restarting)])).toEqual([
      'fail a: crash_loop',
    ])
    expect(steps([observed('a', {}, { restartsAt: [NOW - 301_000, ...restartsAt.slice(1)] })])).toEqual([])
  })

  test('does not count while it is being removed, so that no other is surplus', () => {
    const leaving = observed('a', { isInHand: true, isFailing: true })
    const policy = { minReplicas: 1, autoDelete: true }
    expect(steps([leaving, observed('b')], policy)).toEqual([])
    expect(steps([leaving], policy)).toEqual(['provision: below_wanted'])
    const unready = observed('a', { isInHand: true, isFailing: true }, booting)
    expect(steps([unready], policy)).toEqual([])
  })

  test('is let alone while somebody has it in hand, or its removal was asked for', () => {
    expect(steps([{ ...exited('exit', 5_000), isInHand: true }])).toEqual([])
    expect(steps([exited('exit', 5_000, { removalRequestedAt: NOW })])).toEqual([])
  })
})

describe('replacement', () => {
  const needed = { minReplicas: 1 }

  test('of an unhealthy idle engine: another first where there is room, then it drains', () => {
    const a = observed('a', ill)
    expect(steps([a], needed)).toEqual(['replace a: unhealthy'])
    const replacement = { engineId: 'a', cause: 'unhealthy' as const, atMs: NOW - 1_000, isStarted: true }
    const successor = observed('b', {}, { ...booting, replaces: 'a' })
    expect(steps([a, successor], needed, { replacement })).toEqual([])
    const ready = observed('b', {}, { replaces: 'a' })
    expect(steps([a, ready], needed, { replacement })).toEqual(['drain a: replacement_ready'])
  })

  test('of one that restarts meanwhile drains nobody else for the successor', () => {
    const restarting = observed('a', {}, { containerState: 'restarting' })
    const successor = observed('b', {}, { ...booting, replaces: 'a' })
    expect(steps([restarting, successor, observed('c')], { minReplicas: 2, autoDelete: true })).toEqual([])
  })

  test('of one that dies meanwhile makes the successor count, and starts no other', () => {
    const dead = observed('a', {}, { containerState: 'exited', stopCause: 'exit', stoppedAt: NOW - 5_000 })
    const successor = observed('b', {}, { ...booting, replaces: 'a' })
    expect(steps([dead, successor], { minReplicas: 1 })).toEqual(['fail a: exited'])
  })

  test('of one that is taken back in this very step drains nobody else for the successor', () => {
    const back = observed('a', { streams: 1 }, draining('surplus', 1_000))
    const successor = observed('b', {}, { ...booting, replaces: 'a' })
    const engines = [back, successor, observed('c'), observed('d')]
    expect(steps(engines, { minReplicas: 3, autoDelete: true })).toEqual(['recall a: used_again'])
  })

  test('at the cap: it drains first, then another is started', () => {
    const a = observed('a', ill)
    expect(steps([a], { ...needed, maxReplicas: 1 })).toEqual(['make_room a: unhealthy_at_cap'])
    const replacement = { engineId: 'a', cause: 'unhealthy' as const, atMs: NOW - 1_000, isStarted: false }
    expect(
      steps([observed('a', ill, draining('unhealthy', 0))], { ...needed, maxReplicas: 1 }, { replacement }),
    ).toEqual([])
    expect(steps([], { ...needed, maxReplicas: 1 }, { replacement })).toEqual([
      'provision: finish_replacement',
    ])
  })

  test('is only a removal where the engine is not needed', () => {
    expect(steps([observed('a', ill), observed('b')], needed)).toEqual(['drain a: surplus_unhealthy'])
    expect(steps([observed('a', ill)])).toEqual(['drain a: surplus_unhealthy'])
  })

  test('goes one at a time, the longest unhealthy first, and a cooldown apart', () => {
    const engines = [observed('a', ill), observed('b', { health: { ...ill.health, sinceMs: 5 } })]
    expect(steps(engines, { minReplicas: 2 })).toEqual(['replace b: unhealthy'])
    const replacement = { engineId: 'x', cause: 'unhealthy' as const, atMs: NOW - 59_000, isStarted: true }
    expect(steps(engines, { minReplicas: 2 }, { replacement })).toEqual([])
    expect(wakeOf(engines, { minReplicas: 2 }, { replacement })).toBe(1_000)
  })

  test('is not begun beside one that takes longer than the cooldown', () => {
    const replacement = { engineId: 'a', cause: 'unhealthy' as const, atMs: NOW - 70_000, isStarted: true }
    const successor = observed('c', {}, { ...booting, replaces: 'a' })
    expect(
      steps([observed('a', ill), observed('b', ill), successor], { minReplicas: 2 }, { replacement }),
    ).toEqual([])
  })

  test('is not begun while its breaker is open', () => {
    expect(steps([observed('a', ill)], needed, { replacementRefusal: permanent('open') })).toEqual([])
  })

  test('of a busy engine only when its streams stand still for the grace period', () => {
    const busy = (change: object) => observed('a', { ...ill, streams: 1, ...change })
    expect(steps([busy({})], needed)).toEqual(['replace a: unhealthy'])
    expect(steps([busy({ stillMs: 60_000 })], needed)).toEqual(['replace a: unhealthy'])
    expect(steps([busy({ stillMs: 59_999 })], needed)).toEqual([])
    expect(steps([observed('a', ill, { adoptedAt: 5 })], needed)).toEqual([])
    expect(steps([busy({ health: { verdict: 'unhealthy', sinceMs: NOW - 59_000 } })], needed)).toEqual([])
    const begun = observed('a', { ...ill, streams: 1 }, { lastStreamAt: NOW - 59_000 })
    expect(steps([begun], needed)).toEqual([])
  })

  test('of an outdated engine when it is idle, one at a time, and keeps the number without AUTO_DELETE', () => {
    const [a, b] = [observed('a', { outdated: 'made' }), observed('b', { outdated: 'made', streams: 1 })]
    expect(steps([a, b])).toEqual(['replace a: outdated'])
    const replacement = { engineId: 'a', cause: 'outdated' as const, atMs: NOW - 70_000, isStarted: true }
    const ready = observed('c', {}, { replaces: 'a' })
    expect(steps([a, b, ready], {}, { replacement })).toEqual(['drain a: replacement_ready'])
    expect(steps([b, ready], {}, { replacement })).toEqual([])
    const gone = { ...replacement, isStarted: false }
    expect(steps([a], { maxReplicas: 1 })).toEqual(['make_room a: outdated_at_cap'])
    expect(steps([], { maxReplicas: 1 }, { replacement: gone })).toEqual(['provision: finish_replacement'])
    expect(steps([], { maxReplicas: 1, autoDelete: true }, { replacement: gone })).toEqual([])
  })

  test.each([
    ['made', 'its image or its configuration is outdated', 'it was replaced by one of the new configuration'],
    ['placed', 'it is on the wrong side of the VPN', 'it was replaced by one on the right side of the VPN'],
    [
      'unreached',
      'nobody reaches it where it is, and new engines are elsewhere',
      'it was replaced by one that is elsewhere',
    ],
    [
      'port',
      'no engine carries a port that is forwarded to its node',
      'it was replaced by one for a forwarded port',
    ],
  ] as const)('of an engine that is outdated as %s says why', (outdated, why, after) => {
    const a = observed('a', { outdated })
    const reasons = (others: readonly ObservedEngine[], policy = {}, change = {}) =>
      plan(snapshot([a, ...others], policy, change)).actions.map(({ reason }) => reason)
    expect(reasons([])).toEqual([why])
    expect(reasons([], { maxReplicas: 1 })).toEqual([why])
    const replacement = { engineId: 'a', cause: 'outdated' as const, atMs: NOW - 70_000, isStarted: true }
    expect(reasons([observed('c', {}, { replaces: 'a' })], {}, { replacement })).toEqual([after])
  })

  test('of one that plays nothing when it is idle, before an outdated one, and never of the last of use', () => {
    const mute = { playsNothing: 'it plays nothing, though others do' }
    const [a, b] = [observed('a', { outdated: 'made' }), observed('b', mute)]
    expect(steps([a, b])).toEqual(['replace b: plays_nothing'])
    expect(steps([a, b], { maxReplicas: 2 })).toEqual(['make_room b: plays_nothing_at_cap'])
    expect(steps([observed('b', mute)])).toEqual([])
    expect(steps([observed('b', mute), observed('c', mute)])).toEqual([])
    expect(steps([observed('b', mute), observed('c', {}, booting)])).toEqual([])
    expect(steps([observed('a'), observed('b', { ...mute, streams: 1 })])).toEqual([])
    expect(steps([observed('a'), observed('b', mute, { adoptedAt: 5 })])).toEqual([])
    expect(steps([observed('a'), observed('b', mute, { unclaimedSince: NOW })])).toEqual([])
    const replacement = {
      engineId: 'x',
      cause: 'plays_nothing' as const,
      atMs: NOW - 59_000,
      isStarted: true,
    }
    expect(steps([observed('a'), observed('b', mute)], {}, { replacement })).toEqual([])
  })

  test('of one that plays nothing ends with the drain of it, unless it has a viewer by then', () => {
    const mute = { playsNothing: 'it plays nothing, though others do' }
    const replacement = { engineId: 'b', cause: 'plays_nothing' as const, atMs: NOW - 9_000, isStarted: true }
    const ready = observed('c', {}, { replaces: 'b' })
    expect(steps([observed('b', mute), ready], {}, { replacement })).toEqual(['drain b: replacement_ready'])
    expect(steps([observed('b', { ...mute, streams: 1 }), ready], {}, { replacement })).toEqual([])
    const gone = { ...replacement, isStarted: false }
    expect(steps([], {}, { replacement: gone })).toEqual(['provision: finish_replacement'])
  })

  test('of another comes before that of one whose successor failed', () => {
    const last = { engineId: 'a', cause: 'outdated' as const, atMs: NOW - 70_000, isStarted: true }
    const [a, b] = [observed('a', { outdated: 'made' }), observed('b', { outdated: 'made' })]
    expect(steps([a, b], {}, { replacement: last })).toEqual(['replace b: outdated'])
    expect(steps([a], {}, { replacement: last })).toEqual(['replace a: outdated'])
    const sick = [observed('a', ill), observed('b', ill)].map((each, at) => ({
      ...each,
      health: { ...each.health, sinceMs: at },
    }))
    const minReplicas = { minReplicas: 2 }
    expect(steps(sick, minReplicas, { replacement: last })).toEqual(['replace b: unhealthy'])
    expect(steps(sick.slice(0, 1), { minReplicas: 1 }, { replacement: last })).toEqual([
      'replace a: unhealthy',
    ])
  })

  test('of the next is not begun in the step that retires the one before', () => {
    const [a, b] = [observed('a', { outdated: 'made' }), observed('b', { outdated: 'made' })]
    const replacement = { engineId: 'a', cause: 'outdated' as const, atMs: NOW - 70_000, isStarted: true }
    const ready = observed('c', {}, { replaces: 'a' })
    expect(steps([a, b, ready], {}, { replacement })).toEqual(['drain a: replacement_ready'])
  })

  test('of an engine with a port of a caller’s choice frees the port first', () => {
    const own = observed('a', ill)
    const request = { ...own.engine.request, hostPort: 5_000 }
    expect(steps([observed('a', ill, { request })], needed)).toEqual(['make_room a: unhealthy_at_cap'])
  })
})

describe('an unhealthy engine and one that is well and drains for being too many', () => {
  const policy = { minReplicas: 2, maxReplicas: 3 }
  const well = (id: string, row = {}) => observed(id, {}, { ...draining('scaled_down', 1_000), ...row })
  const exchange = ['recall w: stands_in', 'drain a: surplus_unhealthy']

  test.each([
    ['at the cap', policy],
    ['where there is room', { minReplicas: 2 }],
  ])('change places at once %s', (_, given) => {
    expect(steps([observed('a', ill), observed('b'), well('w')], given)).toEqual(exchange)
    const surplus = well('w', { drainCause: 'surplus' })
    expect(steps([observed('a', ill), observed('b'), surplus], given)).toEqual(exchange)
  })

  test('change places whether or not an engine may be started, and however short ago one was replaced', () => {
    const replacement = { engineId: 'x', cause: 'unhealthy' as const, atMs: NOW - 1_000, isStarted: true }
    const change = { replacement, replacementRefusal: permanent('open'), startRefusal: permanent('open') }
    expect(steps([observed('a', ill), observed('b'), well('w')], policy, change)).toEqual(exchange)
  })

  test('change places as often as there are both, the longest unhealthy first', () => {
    const longer = observed('b', { health: { ...ill.health, sinceMs: 5 } })
    const engines = [observed('a', ill), longer, well('w')]
    expect(steps(engines, policy)).toEqual(['recall w: stands_in', 'drain b: surplus_unhealthy'])
    expect(steps([...engines, well('v')], { ...policy, maxReplicas: 4 })).toEqual([
      'recall w: stands_in',
      'drain b: surplus_unhealthy',
      'recall v: stands_in',
      'drain a: surplus_unhealthy',
    ])
    const [a, ...others] = [observed('a', ill), observed('b'), well('w'), well('v')]
    expect(steps([a, ...others], { ...policy, maxReplicas: 4 })).toEqual(exchange)
  })

  test.each([
    ['is drained by an operator', well('w', { drainCause: 'operator' })],
    ['is unhealthy, too', observed('w', ill, draining('scaled_down', 1_000))],
    [
      'has not said how it is',
      observed('w', { health: { verdict: 'unknown', sinceMs: 0 } }, draining('surplus', 1)),
    ],
    ['does not run', well('w', { containerState: 'paused' })],
    ['is in somebody’s hands', { ...well('w'), isInHand: true }],
    ['is being removed', well('w', { removalRequestedAt: NOW })],
    ['has drained for long enough', well('w', { drainingSince: NOW - 30_000 })],
    ['was started in the place of one that is there', well('w', { replaces: 'b' })],
  ])('do not change places where that %s', (_, other) => {
    const rules = steps([observed('a', ill), observed('b'), other], policy).filter((step) =>
      step.includes('stands_in'),
    )
    expect(rules).toEqual([])
  })

  test('do not change places while the unhealthy one has viewers, or its successor boots', () => {
    const busy = observed('a', { ...ill, streams: 1, stillMs: 59_999 })
    expect(steps([busy, observed('b'), well('w')], policy)).toEqual([])
    const successor = observed('c', {}, { ...booting, replaces: 'a' })
    const engines = [observed('a', ill), observed('b'), successor, well('w')]
    expect(steps(engines, { ...policy, maxReplicas: 4 })).toEqual([])
  })

  test('do not change places where the unhealthy one is not needed', () => {
    expect(steps([observed('a', ill), observed('b'), well('w')], { minReplicas: 1 })).toEqual([
      'drain a: surplus_unhealthy',
    ])
  })
})

test('nothing is decided while what is known may be out of date', () => {
  const engines = [observed('a', {}, draining('surplus')), observed('b', {}, { containerState: 'exited' })]
  expect(plan(snapshot(engines, { minReplicas: 5 }, { frozen: 'Docker does not answer' }))).toEqual({
    wanted: 5,
    serving: 1,
    busy: 0,
    expected: 0,
    actions: [],
    waits: ['Docker does not answer'],
    looks: null,
    wakeAtMs: null,
  })
})

describe('hosts', () => {
  const silent = { health: { verdict: 'unknown' as const, sinceMs: NOW - 20_000 } }
  const lost = { name: 'worker-1', condition: 'lost' as const, sinceMs: NOW - 10_000 }
  const drained = { ...lost, condition: 'drained' as const }

  test('that are lost take their silent engines along after the grace', () => {
    expect(steps([observed('a', { ...silent, host: lost })])).toEqual(['stop a: host_lost'])
    const younger = { ...lost, sinceMs: NOW - 9_000 }
    expect(steps([observed('a', { ...silent, host: younger })])).toEqual([])
    expect(wakeOf([observed('a', { ...silent, host: younger })])).toBe(1_000)
  })

  test('that are lost leave others to serve: none drains as surplus, and another is started at once', () => {
    const away = observed('a', { ...silent, host: lost })
    const policy = { minReplicas: 2, autoDelete: true }
    expect(steps([away, observed('b'), observed('c')], policy)).toEqual(['stop a: host_lost'])
    expect(steps([away, observed('b')], policy)).toEqual(['stop a: host_lost', 'provision: below_wanted'])
  })

  test('that are lost take engines with streams along, and those that drain', () => {
    const engines = [
      observed('a', { ...silent, host: lost, streams: 1 }),
      observed('b', { ...silent, host: lost }, draining('surplus', 1_000)),
    ]
    expect(steps(engines)).toEqual(['stop a: host_lost', 'stop b: host_lost'])
  })

  test('that are drained take along what was stopped there, and nothing that still runs', () => {
    const stopped = observed('a', { host: drained, isRunning: false }, { containerState: 'exited' })
    expect(steps([stopped, observed('b', { host: drained })])).toEqual(['stop a: host_drained'])
  })

  test('that are up change nothing', () => {
    expect(steps([observed('a', { ...silent, host: { ...lost, condition: 'up' } })])).toEqual([])
  })
})
