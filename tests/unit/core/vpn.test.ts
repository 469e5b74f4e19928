import { describe, expect, test } from 'bun:test'
import type { ControlSight, NodeContainer, NodeSigns } from '../../../src/core/vpn/node-signs.ts'
import {
  bestOf,
  isContradicted,
  isLasting,
  type NodeState,
  unseenNode,
} from '../../../src/core/vpn/node-state.ts'
import type { Evidence } from '../../../src/core/vpn/tunnel.ts'
import { judge } from '../../../src/core/vpn/vpn.ts'
import { nodeContainer } from '../../support/manual-vpn.ts'

const SETTINGS = { stableMs: 5_000, graceMs: 10_000, controlMaxAgeMs: 20_000, isGluetun: true }
const QUIET: Evidence = { engines: 0, connections: [], flows: [] }
const NOW = 1_000_000
const NODE = "Gluetun VPN container 'gluetun'"

const control = (change: Partial<ControlSight> = {}): ControlSight => ({
  atMs: NOW,
  status: 'running',
  forwardedPorts: [],
  publicIp: '203.0.113.7',
  country: null,
  region: null,
  city: null,
  problem: null,
  ...change,
})

const signs = (container: Partial<NodeContainer> | null, change: Partial<NodeSigns> = {}): NodeSigns => ({
  name: 'gluetun',
  container:
    container === null
      ? { kind: 'missing', atMs: NOW }
      : { kind: 'seen', container: nodeContainer(container), atMs: NOW },
  dockerError: null,
  control: control(),
  evidence: QUIET,
  ...change,
})

const before = unseenNode('gluetun', 0, SETTINGS)
const up: NodeState = {
  ...before,
  state: 'up',
  reason: null,
  sinceMs: 500_000,
  isSettled: true,
  recoveredMs: 1_000,
  undecidedUntilMs: 0,
}
const judged = (given: NodeSigns, from = before, nowMs = NOW) => judge(from, given, nowMs, SETTINGS)

/** Engines that were connected and reported twice that they are not any more, as of `atMs`. */
const cutOff = (engines: number, atMs = NOW): Evidence => ({
  engines,
  connections: Array.from({ length: engines }, () => ({
    isConnected: false,
    atMs,
    refusals: 2,
    lostSinceMs: atMs - 2_000,
    connectedMs: atMs - 4_000,
    connectedSinceMs: 1_000,
  })),
  flows: [],
})

describe('the verdict on a VPN node', () => {
  test('is up at the first look at one that has been well for long', () => {
    expect(judged(signs({}))).toMatchObject({ state: 'up', reason: null, isSettled: false })
  })

  test.each([
    [null, {}, 'down', `${NODE} does not exist`],
    [{ state: 'exited' }, {}, 'down', `${NODE} is not running (exited)`],
    [{ state: 'paused' }, {}, 'down', `${NODE} is not running (paused)`],
    [{ health: 'unhealthy' }, {}, 'down', `${NODE} is not healthy`],
    [{}, { control: control({ status: 'stopped' }) }, 'down', `${NODE} has its VPN stopped`],
    [{}, { control: control({ status: 'stopping' }) }, 'down', `${NODE} has its VPN stopping`],
    [{}, { control: control({ status: 'crashed' }) }, 'down', `${NODE} has its VPN crashed`],
    [{ health: 'starting' }, {}, 'unknown', `${NODE} is starting`],
    [{}, { control: control({ status: 'starting' }) }, 'unknown', `${NODE} is starting`],
    [
      { health: null },
      { control: control({ status: null, problem: 'its control server hangs' }) },
      'unknown',
      `${NODE} has no health check, and its control server hangs`,
    ],
    [
      { health: null },
      { control: null },
      'unknown',
      `${NODE} has no health check, and its control server has not answered yet`,
    ],
    [
      { health: null },
      { control: control({ atMs: NOW - 20_001 }) },
      'unknown',
      `${NODE} has no health check, and its control server has not answered lately`,
    ],
    [
      { health: null },
      { control: control({ status: 'completed' }) },
      'unknown',
      `${NODE} has no health check, and its VPN is completed`,
    ],
  ] as const)('%p %p is %s', (container, change, state, reason) => {
    expect(judged(signs(container, change), up)).toMatchObject({ state, reason, etaSeconds: null })
  })

  test('is up without a health check where the control server says that it runs', () => {
    expect(judged(signs({ health: null })).state).toBe('up')
  })

  test('is not changed by a control server that does not tell, or told long ago', () => {
    expect(judged(signs({}, { control: control({ status: null, problem: 'it hangs' }) }), up).state).toBe(
      'up',
    )
    const old = control({ status: 'stopped', atMs: NOW - 20_001 })
    expect(judged(signs({}, { control: old }), up).state).toBe('up')
  })

  test('is not known while Docker alone was asked, and up as soon as the control server was asked too', () => {
    for (const from of [before, up]) {
      const halfSeen = judged(signs({}, { control: null }), from, NOW - 40)
      expect(halfSeen).toMatchObject({
        state: 'unknown',
        reason: "the state of Gluetun VPN container 'gluetun' is not known yet",
        etaSeconds: null,
      })
      const silent = control({ status: null, forwardedPorts: null, problem: 'it hangs' })
      for (const heard of [control(), silent])
        expect(judged(signs({}, { control: heard }), halfSeen).state).toBe('up')
    }
  })

  test('is not known while nobody looks, and up again at one look if nothing was wrong before', () => {
    const lost = judged(signs({}, { container: null, control: null }), up)
    expect(lost).toMatchObject({
      state: 'unknown',
      reason: "the state of Gluetun VPN container 'gluetun' is not known yet",
    })
    expect(judged(signs({}), lost, NOW + 500).state).toBe('up')
  })

  test('says that Docker could not be asked, where it never was seen', () => {
    const given = signs({}, { container: null, dockerError: 'Docker does not answer' })
    expect(judged(given).reason).toBe(
      "the state of Gluetun VPN container 'gluetun' is not known yet: Docker does not answer",
    )
  })

  test('stays down until nothing has been wrong for the stable time, and says how long that is', () => {
    const down = judged(signs({ health: 'unhealthy' }), up)
    expect(down).toMatchObject({ state: 'down', sinceMs: NOW })
    expect(judged(signs({}), down, NOW + 1_000)).toMatchObject({
      state: 'down',
      sinceMs: NOW,
      reason: `${NODE} has been well for too short a time`,
      etaSeconds: 4,
    })
    expect(judged(signs({}), down, NOW + 4_999).state).toBe('down')
    expect(judged(signs({}), down, NOW + 5_000)).toMatchObject({ state: 'up', sinceMs: NOW + 5_000 })
  })

  test('counts the stable time from the start of its container', () => {
    const young = { startedAtMs: NOW - 2_000 }
    expect(judged(signs(young))).toMatchObject({ state: 'unknown', etaSeconds: 3 })
    expect(judged(signs(young), before, NOW + 3_000).state).toBe('up')
    // Docker's clock may be ahead of ours.
    expect(judged(signs({ startedAtMs: NOW + 60_000 }), before, NOW)).toMatchObject({ etaSeconds: 5 })
  })

  test('settles when it has lasted for the grace', () => {
    const down = judged(signs({ health: 'unhealthy' }), up)
    expect(judged(signs({ health: 'unhealthy' }), down, NOW + 9_999).isSettled).toBe(false)
    expect(judged(signs({ health: 'unhealthy' }), down, NOW + 10_000).isSettled).toBe(true)
  })
})

describe('a tunnel that Gluetun has not found dead yet', () => {
  test('is down when most of its engines are cut off', () => {
    expect(judged(signs({}, { evidence: cutOff(2) }), up)).toMatchObject({
      state: 'down',
      reason: `${NODE} has lost its tunnel: 2 of 2 engines say that they are not connected`,
      doubt: { sinceMs: NOW, by: 'engines', needsProof: false },
    })
  })

  test('is not judged by what engines said before Gluetun came back', () => {
    const back = { ...up, recoveredMs: NOW - 3_000 }
    expect(judged(signs({}, { evidence: cutOff(2) }), back).state).toBe('up')
  })

  test('is believed to be well when Gluetun has had the time to find it dead, and has not', () => {
    let state = judged(signs({}, { evidence: cutOff(2) }), up)
    const at = (ms: number) => {
      const evidence = cutOff(2, NOW + ms)
      const given = {
        ...evidence,
        connections: evidence.connections.map((each) => ({ ...each, connectedMs: NOW - 4_000 })),
      }
      state = judged(signs({}, { evidence: given, control: control({ atMs: NOW + ms }) }), state, NOW + ms)
      return state.state
    }
    expect(at(200_000)).toBe('down')
    expect(at(200_001)).toBe('down')
    expect(at(205_001)).toBe('up')
  })
})

describe('a health check that fails alone', () => {
  const asked = {
    ...{ isConnected: true, atMs: NOW, refusals: 0, lostSinceMs: null },
    ...{ connectedMs: NOW, connectedSinceMs: 1_000 },
  }
  const lost = {
    ...asked,
    isConnected: false,
    refusals: 2,
    lostSinceMs: NOW - 2_000,
    connectedMs: NOW - 4_000,
  }
  const flow = { content: 'a', askedMs: NOW, movedMs: NOW }
  const working: Evidence = { engines: 2, connections: [asked, asked], flows: [flow] }
  const ill = (evidence: Evidence, change: Partial<NodeSigns> = {}) =>
    signs({ health: 'unhealthy' }, { evidence, ...change })

  test('makes a node neither up nor down while everything else speaks for it', () => {
    const verdict = judged(ill(working), up)
    expect(verdict).toMatchObject({ state: 'unknown', reason: `${NODE} is not healthy`, sinceMs: NOW })
    expect([isContradicted(verdict), verdict.recoveredMs]).toEqual([true, up.recoveredMs])
    expect(judged(signs({}, { evidence: working }), verdict, NOW + 4_999).state).toBe('unknown')
    expect(judged(signs({}, { evidence: working }), verdict, NOW + 5_000).state).toBe('up')
  })

  test.each([
    ['no stream has moved', { ...working, flows: [] }, {}],
    ['none has moved for 45 s', { ...working, flows: [{ ...flow, movedMs: NOW - 45_001 }] }, {}],
    ['no engine was asked', { ...working, connections: [] }, {}],
    ['all engines are cut off', { ...working, connections: [lost, lost] }, {}],
    [
      'engines said so long ago',
      { ...working, connections: [{ ...asked, atMs: NOW - 45_001, connectedMs: NOW - 45_001 }] },
      {},
    ],
    ['the control server was not asked', working, { control: null }],
    ['the control server says that the VPN stopped', working, { control: control({ status: 'stopped' }) }],
    ['it said so long ago', working, { control: control({ atMs: NOW - 20_001 }) }],
    [
      'its container was started after all that',
      working,
      {
        container: {
          kind: 'seen',
          container: nodeContainer({ health: 'unhealthy', startedAtMs: NOW }),
          atMs: NOW,
        },
      },
    ],
  ] as const)('makes it down where %s', (_, evidence, change) => {
    expect(judged(ill(evidence, change), up).state).toBe('down')
  })

  test('makes it down where nothing has moved since the VPN stopped, even if it runs again', () => {
    const stopped = judged(ill(working, { control: control({ status: 'stopped' }) }), up, NOW)
    const later = { ...working, connections: [{ ...asked, atMs: NOW + 1_000, connectedMs: NOW + 1_000 }] }
    const runs = { control: control({ atMs: NOW + 1_000 }) }
    const still = judged(ill(later, runs), stopped, NOW + 1_000)
    expect([still.state, still.contradictedSinceMs]).toEqual(['down', null])
    const moves = { ...later, flows: [{ ...flow, movedMs: NOW + 1_000 }] }
    const begun = judged(ill(moves, runs), still, NOW + 2_000)
    expect([begun.state, begun.contradictedSinceMs]).toEqual(['down', NOW + 2_000])
    expect(judged(ill(moves, runs), begun, NOW + 7_000).state).toBe('unknown')
  })

  test('is not doubted for a single "not connected"', () => {
    const once = { ...asked, isConnected: false, refusals: 1, lostSinceMs: NOW, connectedMs: NOW - 2_000 }
    expect(judged(ill({ ...working, connections: [once] }), up).state).toBe('unknown')
  })
})

describe('a health check that fails from the first look on', () => {
  const well = {
    isConnected: true,
    atMs: NOW,
    refusals: 0,
    lostSinceMs: null,
    connectedMs: NOW,
    connectedSinceMs: NOW,
  }
  const denies = {
    ...well,
    isConnected: false,
    refusals: 2,
    lostSinceMs: NOW,
    connectedMs: null,
    connectedSinceMs: null,
  }
  const ill = (evidence: Partial<Evidence> = {}, change: Partial<NodeSigns> = {}) =>
    signs(
      { health: 'unhealthy' },
      { evidence: { ...QUIET, engines: 1, ...evidence }, control: null, ...change },
    )

  test('is no verdict before the others had their say, for 45 s at most', () => {
    const first = judged(ill())
    expect(first).toMatchObject({ state: 'unknown', reason: `${NODE} is not healthy`, isSettled: false })
    expect(judged(ill(), first, NOW + 44_999).state).toBe('unknown')
    expect(judged(ill(), first, NOW + 45_000).state).toBe('down')
    expect(judged(ill({ connections: [well] }, { control: control() }), first, NOW + 1_000).state).toBe(
      'unknown',
    )
  })

  test.each([
    ['all engines that answer deny it', { connections: [denies] }, {}],
    ['the control server does', {}, { control: control({ status: 'crashed' }) }],
    ['the container ended', {}, signs({ state: 'exited' })],
  ] as const)('is one as soon as %s', (_, evidence, change) => {
    expect(judged(ill(evidence, change), judged(ill()), NOW + 1).state).toBe('down')
  })

  test('is one at once after another verdict, also after one in the first seconds', () => {
    const wasUp = judged(signs({}), before)
    expect(judged(ill({}, { control: control() }), wasUp, NOW + 1_000).state).toBe('down')
  })

  test('counts the time from the first look, not from our start', () => {
    const unseen = judged(signs({}, { container: null }), before, NOW - 60_000)
    expect(judged(ill(), unseen).state).toBe('unknown')
  })
})

describe('a state that is not known', () => {
  test('lasts after a minute, unless only the health check fails', () => {
    expect([59_999, 60_000].map((ms) => isLasting(before, ms))).toEqual([false, true])
    expect(isLasting({ ...before, contradictedSinceMs: 1 }, 60_000)).toBe(false)
    expect(isLasting({ ...before, state: 'down' }, 60_000)).toBe(false)
  })
})

describe('several nodes', () => {
  const down = { state: 'down', reason: 'one is down', etaSeconds: 60 } as const
  const unknown = { state: 'unknown', reason: 'two is starting', etaSeconds: null } as const

  test('are up when any is', () => {
    expect(bestOf([down, { ...up, etaSeconds: null }])).toEqual({
      state: 'up',
      reason: null,
      etaSeconds: null,
    })
  })

  test('are named each while none is, with the earliest time', () => {
    expect(bestOf([down, unknown])).toEqual({
      state: 'unknown',
      reason: 'one is down; two is starting',
      etaSeconds: 60,
    })
    expect(bestOf([down, { ...down, etaSeconds: 3 }])).toMatchObject({ state: 'down', etaSeconds: 3 })
  })
})
