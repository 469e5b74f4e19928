import { describe, expect, test } from 'bun:test'
import type { EngineNode, ObservedEngine, Policy } from '../../../src/core/plan/fleet-snapshot.ts'
import { plan } from '../../../src/core/plan/plan.ts'
import type { DrainCause } from '../../../src/core/types.ts'
import type { Sight } from '../../../src/core/viewers/viewers.ts'
import { inShort, NOW, observed, snapshot } from '../../support/fleet-snapshots.ts'

/* Before our own choice ends a running engine, a look checks whether it serves a viewer. */

const planned = (engines: readonly ObservedEngine[], policy: Partial<Policy> = {}) =>
  plan(snapshot(engines, policy))
const steps = (engines: readonly ObservedEngine[], policy: Partial<Policy> = {}) =>
  inShort(planned(engines, policy).actions)
const looks = (engines: readonly ObservedEngine[], policy: Partial<Policy> = {}) =>
  planned(engines, policy).looks

const sight = (change: Partial<Sight> = {}): Sight => ({
  ...{ atMs: NOW, connections: 'none', traffic: 'open', countedMs: 0 },
  ...change,
})
const SOMEBODY = sight({ connections: 'held' })
const UNKNOWN = sight({ connections: 'unread', traffic: 'uncounted' })
const ill = { health: { verdict: 'unhealthy' as const, sinceMs: NOW - 100_000 } }

const draining = (drainCause: DrainCause = 'surplus', hiddenMs = 30_000) => ({
  ...{ status: 'draining' as const, drainCause },
  drainingSince: NOW - hiddenMs,
})

describe('a draining engine', () => {
  test.each([
    ['a look found nobody', sight(), ['stop a: drained']],
    [
      'its traffic is that of an idle one',
      sight({ connections: 'unread', traffic: 'still' }),
      ['stop a: drained'],
    ],
    ['nobody has looked', null, []],
    ['the last look was before it was hidden for long enough', sight({ atMs: NOW - 1 }), []],
    ['somebody is connected', SOMEBODY, []],
    ['there is a connection that may be ours', sight({ connections: 'new' }), []],
    ['its traffic carries a stream', sight({ connections: 'unread', traffic: 'moves' }), []],
    ['its traffic was not counted for long enough', sight({ connections: 'unread' }), []],
    ['nothing can tell', UNKNOWN, []],
  ])('where %s', (_, seen, expected) => {
    expect(steps([observed('a', { sight: seen }, draining())])).toEqual(expected)
    // An operator's drain, and an unhealthy engine that was replaced, are treated the same.
    expect(steps([observed('a', { sight: seen }, draining('operator'))])).toEqual(expected)
    expect(looks([observed('a', { sight: seen }, draining())])).toMatchObject([
      { engineId: 'a', fromMs: NOW, isMute: false, isKept: seen === UNKNOWN },
    ])
  })

  test('is not removed for what was seen long ago', () => {
    const seen = (agoMs: number) =>
      observed('a', { sight: sight({ atMs: NOW - agoMs }) }, draining('surplus', 1e6))
    expect(steps([seen(10_000)])).toEqual(['stop a: drained'])
    expect(steps([seen(10_001)])).toEqual([])
  })

  test('is looked at in time for its traffic to be known when it was hidden for long enough', () => {
    const hidden = (ms: number) => [observed('a', { sight: null }, draining('surplus', ms))]
    const policy = { drainHideMs: 100_000 }
    expect(looks(hidden(67_999), policy)).toEqual([])
    expect(planned(hidden(67_999), policy).wakeAtMs).toBe(NOW + 1)
    expect(looks(hidden(68_000), policy)).toEqual([
      { engineId: 'a', fromMs: NOW + 32_000, isMute: false, isKept: false },
    ])
  })

  test('is not looked at while the books or its sessions name a viewer', () => {
    expect(looks([observed('a', { streams: 1 }, draining('operator'))])).toEqual([])
    expect(looks([observed('a', { look: { kind: 'serving' } }, draining())])).toEqual([])
  })

  test('that hangs keeps its connections, so that its traffic decides, and where that is not counted nothing does', () => {
    const hung = (traffic: Sight['traffic']) =>
      observed('a', { ...ill, sight: sight({ connections: 'held', traffic }) }, draining('unhealthy'))
    expect(steps([hung('still')])).toEqual(['stop a: drained'])
    expect(steps([hung('moves')])).toEqual([])
    expect(steps([hung('uncounted')])).toEqual([])
    expect(looks([hung('uncounted')])).toMatchObject([{ isMute: true, isKept: true }])
  })

  test('with a stream that gets nothing is kept for another whom the books don’t know, as far as bytes are counted', () => {
    const lost = (traffic: Sight['traffic'], connections: Sight['connections'] = 'held') =>
      observed('a', { ...ill, streams: 1, sight: sight({ connections, traffic }) }, draining('unhealthy'))
    expect(steps([lost('still')])).toEqual(['stop a: dead_while_draining'])
    expect(steps([lost('uncounted')])).toEqual(['stop a: dead_while_draining'])
    expect(steps([lost('open')])).toEqual([])
    expect(steps([lost('moves')])).toEqual([])
    // Traffic with peers serves no viewer.
    expect(steps([lost('moves', 'none')])).toEqual(['stop a: dead_while_draining'])
  })

  test('with a viewer that was seen is not given to others', () => {
    const engines = [
      observed('a', { sight: SOMEBODY }, draining()),
      observed('b', {}, draining('surplus', 1_000)),
    ]
    expect(steps(engines, { minReplicas: 2 })).toEqual(['recall b: wanted_again', 'provision: below_wanted'])
  })
})

describe('engines that nothing can tell about', () => {
  const kept = (id: string) => observed(id, { sight: UNKNOWN }, draining())

  test('are back in service where more are wanted', () => {
    expect(steps([kept('a')], { minReplicas: 1 })).toEqual(['recall a: wanted_again'])
  })

  test('leave one for whoever comes where there is no room for another', () => {
    expect(steps([kept('a'), kept('b')], { maxReplicas: 3, autoDelete: true })).toEqual([])
    expect(steps([kept('a'), kept('b')], { maxReplicas: 2, autoDelete: true })).toEqual([
      'recall a: wanted_again',
    ])
    const free = observed('c', {}, { lastStreamAt: NOW - 1e6 })
    expect(steps([kept('a'), free], { maxReplicas: 2, autoDelete: true })).toEqual([])
    const busy = observed('c', { streams: 1 })
    expect(steps([kept('a'), busy], { maxReplicas: 2, autoDelete: true })).toEqual(['recall a: wanted_again'])
  })
})

describe('an engine that fails', () => {
  const restartsAt = [NOW - 200_000, NOW - 100_000, NOW - 50_000, NOW - 1_000]

  test.each([
    [sight(), ['fail a: crash_loop']],
    [null, []],
    [SOMEBODY, []],
    [UNKNOWN, []],
  ])('again and again, and runs, with %p', (seen, expected) => {
    expect(steps([observed('a', { sight: seen }, { restartsAt })])).toEqual(expected)
  })

  test('again and again, and stands still, has nobody left to look for', () => {
    const row = { restartsAt, containerState: 'restarting' as const }
    expect(steps([observed('a', { sight: null }, row)])).toEqual(['fail a: crash_loop'])
    expect(looks([observed('a', { sight: null }, row)])).toEqual([])
  })

  const silent = { status: 'starting' as const, readyAt: null, containerStartedAt: NOW - 90_000 }

  test.each([
    [sight(), ['fail a: never_answered']],
    [UNKNOWN, ['fail a: never_answered']],
    [sight({ connections: 'held', traffic: 'still' }), ['fail a: never_answered']],
    [null, []],
    // Perhaps only our own probes do not reach the engine.
    [sight({ connections: 'held', traffic: 'uncounted' }), []],
    [sight({ connections: 'held', traffic: 'moves' }), []],
    [sight({ connections: 'unread', traffic: 'open' }), []],
  ])('to answer, with %p', (seen, expected) => {
    expect(steps([observed('a', { sight: seen }, silent)])).toEqual(expected)
  })

  test('to answer is not looked at before its time is over', () => {
    expect(looks([observed('a', { sight: null }, { ...silent, containerStartedAt: NOW - 89_999 })])).toEqual(
      [],
    )
  })
})

describe('an engine behind a VPN', () => {
  const up: EngineNode = {
    ...{ state: 'up', sinceMs: NOW - 100_000, isSettled: true, namespace: 'alive' },
    ...{ isWorking: true, doubtedSinceMs: null, strandedSinceMs: null },
  }
  const behind = (node: Partial<EngineNode>, seen: Sight | null, streams = 0) =>
    observed('a', { node: { ...up, ...node }, sight: seen, streams, stillMs: 60_000 }, { vpnNode: 'gluetun' })

  test('whose network is gone has lost whoever watched', () => {
    for (const namespace of ['dead', 'foreign'] as const) {
      expect(steps([behind({ namespace }, SOMEBODY)])).toHaveLength(1)
      expect(looks([behind({ namespace }, null)])).toEqual([])
    }
  })

  test.each([
    [sight(), ['restart a: vpn_reconnected']],
    [SOMEBODY, []],
    [null, []],
  ])('that is stranded and idle, with %p', (seen, expected) => {
    expect(steps([behind({ strandedSinceMs: NOW - 10_000 }, seen)])).toEqual(expected)
  })

  // A viewer that receives nothing keeps waiting, and nothing else would ever bring the engine back.
  test.each([
    ['moves', []],
    ['open', []],
    ['still', ['restart a: vpn_reconnected']],
    ['uncounted', ['restart a: vpn_reconnected']],
  ] as const)('that is stranded is kept for a held connection whose traffic %s: %p', (traffic, expected) => {
    const seen = sight({ connections: 'held', traffic })
    expect(steps([behind({ strandedSinceMs: NOW - 60_000 }, seen)])).toEqual([...expected])
  })

  test('that is stranded tells by its own word, for as long as an unhealthy one, where nothing else can', () => {
    expect(steps([behind({ strandedSinceMs: NOW - 59_999 }, UNKNOWN)])).toEqual([])
    expect(steps([behind({ strandedSinceMs: NOW - 60_000 }, UNKNOWN)])).toEqual([
      'restart a: vpn_reconnected',
    ])
  })

  test('that is stranded, and whose stream stands still, still has that viewer’s connection', () => {
    expect(steps([behind({ strandedSinceMs: NOW - 10_000 }, SOMEBODY, 1)])).toEqual([
      'restart a: vpn_reconnected',
    ])
  })
})

test('an unhealthy engine with a stream that gets nothing is looked at before it is lost for it, and no other', () => {
  const lostFor = (ms: number, change: Partial<ObservedEngine> = {}) =>
    observed('a', {
      ...{ streams: 1, sight: null, health: { verdict: 'unhealthy', sinceMs: NOW - ms } },
      ...change,
    })
  expect(looks([lostFor(29_999)])).toEqual([])
  expect(looks([lostFor(30_000)])).toEqual([
    { engineId: 'a', fromMs: NOW + 30_000, isMute: true, isKept: false },
  ])
  // A session of the engine moves.
  expect(looks([lostFor(1e6, { stillMs: 0 })])).toEqual([])
})

test('nobody is looked at where nothing is to be ended, or nothing may be decided', () => {
  const others = [
    observed('idle'),
    observed('busy', { streams: 1 }),
    observed('adopted', {}, { ...draining(), adoptedAt: 5 }),
    observed('in hand', { isInHand: true }, draining()),
    observed('leaving', {}, { ...draining(), removalRequestedAt: NOW }),
    observed('stopped', {}, { ...draining(), containerState: 'exited' }),
  ]
  expect(looks(others)).toEqual([])
  expect(plan(snapshot([observed('a', {}, draining())], {}, { frozen: 'Docker is away' })).looks).toBeNull()
})
