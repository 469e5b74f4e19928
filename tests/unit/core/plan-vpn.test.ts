import { describe, expect, test } from 'bun:test'
import type {
  EngineNode,
  FleetSnapshot,
  ObservedEngine,
  Policy,
} from '../../../src/core/plan/fleet-snapshot.ts'
import { plan } from '../../../src/core/plan/plan.ts'
import type { Refusal } from '../../../src/core/provisioning/refusal.ts'
import type { Engine } from '../../../src/core/types.ts'
import { inShort, NOW, observed, snapshot } from '../../support/fleet-snapshots.ts'

const steps = (
  engines: readonly ObservedEngine[],
  policy: Partial<Policy> = {},
  change: Partial<FleetSnapshot> = {},
) => inShort(plan(snapshot(engines, policy, change)).actions)

const wakeOf = (engines: readonly ObservedEngine[], policy: Partial<Policy> = {}) => {
  const { wakeAtMs } = plan(snapshot(engines, policy))
  return wakeAtMs === null ? null : wakeAtMs - NOW
}

const full: Refusal = {
  code: 'max_capacity',
  message: 'full',
  blockedReason: 'Maximum capacity reached',
  etaSeconds: 30,
  shouldWait: true,
}

const up: EngineNode = {
  state: 'up',
  sinceMs: NOW - 100_000,
  isSettled: true,
  namespace: 'alive',
  isWorking: true,
  doubtedSinceMs: null,
  strandedSinceMs: null,
}
const down: EngineNode = { ...up, state: 'down', isWorking: false, sinceMs: NOW - 60_000 }

const behind = (
  id: string,
  node: Partial<EngineNode>,
  fact: Partial<Omit<ObservedEngine, 'engine'>> = {},
  row: Partial<Engine> = {},
) => observed(id, { node: { ...up, ...node }, ...fact }, { vpnNode: 'gluetun', ...row })

describe('an engine whose network is gone', () => {
  test('is restarted when its node is up, also with viewers, who have lost it already', () => {
    expect(steps([behind('a', { namespace: 'dead' }, { streams: 1 })])).toEqual(['restart a: vpn_restarted'])
  })

  test('is made anew when its node is another container', () => {
    expect(steps([behind('a', { namespace: 'foreign' }, { streams: 1 })])).toEqual([
      'recreate a: vpn_recreated',
    ])
  })

  test.each(['down', 'unknown'] as const)('is let alone while its node is %s', (state) => {
    expect(
      steps([behind('a', { namespace: 'dead', state }), behind('b', { namespace: 'foreign', state })]),
    ).toEqual([])
  })

  test('is brought back all at once with the others: none of them can carry on', () => {
    const engines = ['a', 'b', 'c'].map((id) => behind(id, { namespace: 'dead' }))
    expect(steps(engines)).toHaveLength(3)
  })

  test('is started by the same step when it stands still', () => {
    const row = { containerState: 'exited', stoppedAt: NOW - 5_000, stopCause: 'exit' } as const
    expect(steps([behind('a', { namespace: 'dead' }, {}, row)])).toEqual(['restart a: vpn_restarted'])
  })

  test('is stopped in place of that when it drains', () => {
    const row = { status: 'draining', drainCause: 'operator', drainingSince: NOW } as const
    expect(steps([behind('a', { namespace: 'foreign' }, { streams: 1 }, row)])).toEqual(['stop a: vpn_gone'])
  })

  test('is repaired whatever VPN_RESTART_ENGINES_ON_RECONNECT says', () => {
    const policy = { restartsOnReconnect: false }
    expect(steps([behind('a', { namespace: 'dead' })], policy)).toEqual(['restart a: vpn_restarted'])
  })
})

describe('while its node is away, an engine', () => {
  const away = { ...down, isSettled: false }

  test('that stands still, hangs or never answered is let alone', () => {
    const exited = { containerState: 'exited', stoppedAt: NOW - 5_000, stopCause: 'exit' } as const
    const booting = { status: 'starting', readyAt: null, containerStartedAt: NOW - 900_000 } as const
    expect(
      steps([
        behind('a', away, {}, exited),
        behind('b', away, { health: { verdict: 'unhealthy', sinceMs: NOW - 500_000 } }),
        behind('c', away, {}, booting),
      ]),
    ).toEqual([])
  })

  test('that never answered has its whole time again when the node is back', () => {
    const booting = { status: 'starting', readyAt: null, containerStartedAt: NOW - 900_000 } as const
    const engines = [behind('a', { sinceMs: NOW - 30_000 }, { probedSinceMs: 0 }, booting)]
    expect(steps(engines)).toEqual([])
    expect(wakeOf(engines)).toBe(60_000)
  })

  test('that is unhealthy is not replaced before the grace after the return is over', () => {
    const ill = { health: { verdict: 'unhealthy', sinceMs: NOW - 500_000 } } as const
    expect(steps([behind('a', { isSettled: false }, ill)], { minReplicas: 1 })).toEqual([])
    expect(steps([behind('a', { isSettled: true }, ill)], { minReplicas: 1 })).toEqual([
      'replace a: unhealthy',
    ])
  })
})

describe('an engine that has not found its connection again', () => {
  const cut = { sinceMs: NOW - 10_000, strandedSinceMs: NOW - 50_000 }

  test('is restarted when it had the grace to', () => {
    expect(steps([behind('a', cut)])).toEqual(['restart a: vpn_reconnected'])
    const later = [behind('a', { ...cut, sinceMs: NOW - 4_000 })]
    expect(steps(later)).toEqual([])
    expect(wakeOf(later)).toBe(6_000)
  })

  test('has the grace also when it lost its connection later than its node', () => {
    expect(steps([behind('a', { ...up, strandedSinceMs: NOW - 9_999 })])).toEqual([])
  })

  test('is let alone while its stream moves, and when nobody can tell', () => {
    expect(steps([behind('a', cut, { streams: 1, stillMs: 59_999 })])).toEqual([])
    expect(steps([behind('a', cut, { streams: 1, stillMs: null })])).toEqual([])
    expect(steps([behind('a', cut, { streams: 1, stillMs: 60_000 })])).toEqual(['restart a: vpn_reconnected'])
  })

  test('is let alone while a session is served on that ended in the books, or may be', () => {
    expect(steps([behind('a', cut, { look: { kind: 'serving' } })])).toEqual([])
    const pending = (ms: number) => ({ look: { kind: 'pending', sinceMs: NOW - ms } }) as const
    expect(steps([behind('a', cut, pending(59_999))])).toEqual([])
    expect(steps([behind('a', cut, pending(60_000))])).toEqual(['restart a: vpn_reconnected'])
  })

  test('is let alone for longer when it may have viewers that we do not know of', () => {
    const adopted = { adoptedAt: NOW - 1 }
    expect(steps([behind('a', { ...cut, strandedSinceMs: NOW - 59_999 }, {}, adopted)])).toEqual([])
    const longAgo = { ...cut, strandedSinceMs: NOW - 60_000 }
    expect(steps([behind('a', longAgo, {}, adopted)])).toEqual(['restart a: vpn_reconnected'])
  })

  test('waits for its turn while others carry on', () => {
    const engines = [behind('a', cut), behind('b', cut), behind('c', up)]
    expect(steps(engines)).toEqual(['restart a: vpn_reconnected'])
    const starting = behind('a', up, {}, { status: 'starting', containerStartedAt: NOW })
    expect(steps([starting, behind('b', cut), behind('c', up)])).toEqual([])
  })

  test('is restarted with all others when none carries on', () => {
    expect(steps([behind('a', cut), behind('b', cut)])).toHaveLength(2)
  })

  test('is let alone with VPN_RESTART_ENGINES_ON_RECONNECT=false', () => {
    expect(steps([behind('a', cut)], { restartsOnReconnect: false })).toEqual([])
  })
})

describe('an engine outside the VPN', () => {
  const alone = { kind: 'own_network', isNodeUp: false } as const
  const aloneUp = { ...alone, isNodeUp: true }
  const still = { containerState: 'exited', stoppedAt: NOW - 5_000, stopCause: 'exit' } as const

  test('with a network of its own is stopped at once, idle or busy, whether or not a node is up', () => {
    for (const outside of [alone, aloneUp])
      for (const streams of [0, 1])
        expect(steps([observed('a', { outside, streams })])).toEqual(['halt a: outside_vpn'])
    const paused = observed('a', { outside: alone }, { containerState: 'paused' })
    expect(steps([paused])).toEqual(['halt a: outside_vpn'])
  })

  test('that stands still is made anew when a node is up, and is let alone until then', () => {
    for (const stopCause of ['exit', 'outage'] as const) {
      const row = { ...still, stopCause }
      expect(steps([observed('a', { outside: alone }, row)])).toEqual([])
      expect(steps([observed('a', { outside: aloneUp }, row)])).toEqual(['recreate a: moved_behind_vpn'])
    }
    const crashed = { ...still, restartsAt: Array<number>(4).fill(NOW) }
    expect(steps([observed('a', { outside: alone }, crashed)])).toEqual([])
  })

  test('that stands still has its late streams ended before anything else', () => {
    expect(steps([observed('a', { outside: aloneUp, streams: 1 }, still)])).toEqual(['halt a: outside_vpn'])
  })

  test('that drains is stopped, and then removed', () => {
    const leaving = { status: 'draining', drainCause: 'operator', drainingSince: NOW } as const
    expect(steps([observed('a', { outside: aloneUp }, leaving)])).toEqual(['halt a: outside_vpn'])
    expect(steps([observed('a', { outside: aloneUp }, { ...leaving, ...still })])).toEqual([
      'stop a: outside_vpn',
    ])
  })

  test('counts towards what is wanted while it waits', () => {
    const engines = [observed('a', { outside: alone }, still)]
    expect(steps(engines, { minReplicas: 1 })).toEqual([])
  })

  test('plays on with VPN_STRICT=false, and is replaced when idle', () => {
    const policy = { isVpnStrict: false, minReplicas: 1 }
    const busy = observed('a', { outside: aloneUp, outdated: 'made', streams: 1 })
    expect(steps([busy], policy)).toEqual([])
    expect(steps([{ ...busy, streams: 0 }], policy)).toEqual(['replace a: outdated'])
    expect(steps([observed('a', { outside: aloneUp }, still)], policy)).toEqual([
      'recreate a: moved_behind_vpn',
    ])
  })

  test('in the network of another container is replaced when idle, and never stopped', () => {
    const elsewhere = { kind: 'other_network', isNodeUp: true } as const
    const busy = observed('a', { outside: elsewhere, outdated: 'made', streams: 1 })
    expect(steps([busy], { minReplicas: 1 })).toEqual([])
    expect(steps([{ ...busy, streams: 0 }], { minReplicas: 1 })).toEqual(['replace a: outdated'])
  })

  test('is let alone while nothing may be decided', () => {
    const change = { frozen: 'Docker does not answer' }
    expect(steps([observed('a', { outside: aloneUp })], {}, change)).toEqual([])
  })

  test('is halted, and not drained besides, while its replacement is ready', () => {
    const a = observed('a', { outside: aloneUp, outdated: 'made' })
    expect(steps([a, observed('b', {}, { replaces: 'a' })])).toEqual(['halt a: outside_vpn'])
  })
})

describe('engines behind a node that is lost', () => {
  test('do not count towards the wanted number, but for those with viewers', () => {
    const lost = [behind('a', down), behind('b', down, { streams: 1 })]
    expect(steps(lost, { minReplicas: 2 })).toEqual(['provision: below_wanted'])
    const short = { ...down, isSettled: false }
    expect(steps([behind('a', short), behind('b', short)], { minReplicas: 2 })).toEqual([])
  })

  test('make room at the cap for one behind another node; those with viewers stay', () => {
    const lost = [behind('a', down, { streams: 1 }), behind('b', down), behind('c', down)]
    expect(steps(lost, { maxReplicas: 3 }, { startRefusal: full })).toEqual(['drain b: vpn_lost'])
    const action = plan(snapshot(lost, { maxReplicas: 3 }, { startRefusal: full })).actions[0]
    expect(action).toMatchObject({ cause: 'vpn_lost', hiddenSinceMs: NOW - 60_000 })
  })

  test('are kept for a caller who may come back', () => {
    const lost = [behind('a', down, {}, { unclaimedSince: NOW - 1_000 })]
    expect(steps(lost, { maxReplicas: 1 }, { startRefusal: full })).toEqual([])
  })

  test('make room for as many as are wanted', () => {
    const lost = [behind('a', down), behind('b', down), behind('c', down)]
    const policy = { maxReplicas: 3, minReplicas: 2 }
    expect(steps(lost, policy, { startRefusal: full })).toEqual(['drain a: vpn_lost', 'drain b: vpn_lost'])
  })

  test('stay while room is on its way, while there is room, and while no node is up', () => {
    const leaving = observed('x', {}, { status: 'draining', drainCause: 'operator', drainingSince: NOW })
    expect(steps([behind('a', down), leaving], { maxReplicas: 2 }, { startRefusal: full })).toEqual([])
    expect(steps([behind('a', down)], { maxReplicas: 2 })).toEqual([])
    const noVpn = { ...full, code: 'vpn_disconnected' } as const
    expect(steps([behind('a', down)], { maxReplicas: 1 }, { startRefusal: noVpn })).toEqual([])
  })

  test('are put back into service when their node is back first', () => {
    const row = { status: 'draining', drainCause: 'vpn_lost', drainingSince: NOW } as const
    expect(steps([behind('a', up, {}, row)])).toEqual(['recall a: vpn_back'])
    expect(steps([behind('a', down, {}, row)])).toEqual([])
  })
})

test('one behind a node that is down does not stand in for an unhealthy one', () => {
  const ill = { health: { verdict: 'unhealthy' as const, sinceMs: NOW - 100_000 } }
  const drains = { status: 'draining', drainCause: 'surplus', drainingSince: NOW - 1_000 } as const
  const policy = { minReplicas: 1, maxReplicas: 2 }
  const steps = (node: EngineNode) =>
    inShort(plan(snapshot([behind('a', {}, ill), behind('w', node, {}, drains)], policy)).actions)
  expect(steps(down)).toEqual([])
  expect(steps({ ...up, namespace: 'dead' })).toEqual(['stop w: vpn_gone'])
  expect(steps(up)).toEqual(['recall w: stands_in', 'drain a: surplus_unhealthy'])
})

describe('engines behind a node that only they call down, where nobody else could tell', () => {
  const started = (ms: number): Partial<Engine> => ({ containerStartedAt: NOW - ms })
  const doubted = (sinceMs: number) => ({ ...down, doubtedSinceMs: NOW - sinceMs })
  const old = started(3_600_000)

  test.each([
    ['a minute after they were lost', 60_000, [3_600_000, 7_200_000], ['restart b: vpn_tried']],
    ['not sooner', 59_999, [3_600_000, 7_200_000], []],
    ['not again in the time that passed before', 119_999, [3_600_000, 59_999], []],
    ['again after that, the other one', 120_001, [3_600_000, 60_001], ['restart a: vpn_tried']],
    ['after ten minutes at most', 7_200_000, [600_000, 900_000], ['restart b: vpn_tried']],
    ['not sooner', 7_200_000, [599_999, 900_000], []],
    ['by a clock of Docker that is ahead', 60_000, [-3_600_000, 7_200_000], []],
  ] as const)('are tried one at a time, %s', (_, sinceMs, ages, expected) => {
    const [a, b] = ages
    expect(
      steps([behind('a', doubted(sinceMs), {}, started(a)), behind('b', doubted(sinceMs), {}, started(b))]),
    ).toEqual([...expected])
  })

  test('are not tried while one is in hand, where restarts are off, or for a node that others find to be down', () => {
    const a = behind('a', doubted(60_000), {}, old)
    expect(steps([a, behind('b', doubted(60_000), { isInHand: true }, old)])).toEqual([])
    expect(steps([a], { restartsOnReconnect: false })).toEqual([])
    expect(steps([behind('a', down, {}, old)])).toEqual([])
  })

  test('are not tried while a viewer may get something from them', () => {
    const busy = (stillMs: number) => behind('a', doubted(600_000), { streams: 1, stillMs }, old)
    expect(steps([busy(59_999)])).toEqual([])
    expect(steps([busy(60_000)])).toEqual(['restart a: vpn_tried'])
  })

  test('are tried by one that stands still, if there is one, since no viewer loses anything by that', () => {
    const exited = (id: string, row: Partial<Engine> = {}) =>
      behind(id, doubted(60_000), { isRunning: false }, { ...old, containerState: 'exited', ...row })
    const runs = behind('a', doubted(60_000), {}, old)
    expect(steps([runs, exited('b')])).toEqual(['restart b: vpn_tried'])
    expect(steps([exited('b')])).toEqual(['restart b: vpn_tried'])
    expect(steps([exited('b', { removalRequestedAt: NOW })])).toEqual([])
  })

  test('are tried behind each node by itself', () => {
    const other = behind('b', doubted(60_000), {}, { ...old, vpnNode: 'other' })
    expect(steps([behind('a', doubted(60_000), {}, old), other])).toEqual([
      'restart a: vpn_tried',
      'restart b: vpn_tried',
    ])
  })
})

test('an engine that is cut off behind a node of which only the health check fails is restarted', () => {
  const contradicted = { state: 'unknown', isWorking: true, sinceMs: NOW - 100_000 } as const
  const cutOff = behind('a', { ...contradicted, strandedSinceMs: NOW - 50_000 })
  expect(steps([cutOff, behind('b', contradicted)])).toEqual(['restart a: vpn_reconnected'])
})
