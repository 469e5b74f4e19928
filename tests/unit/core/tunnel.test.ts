import { describe, expect, test } from 'bun:test'
import {
  type Connection,
  cutOffSinceMs,
  enginesWord,
  type Flow,
  strandedSinceMs,
  withConnection,
} from '../../../src/core/vpn/tunnel.ts'
import { tunnelLoss } from '../../../src/core/vpn/tunnel-loss.ts'

const NOW = 1_000_000

/** The answers of an engine, two seconds apart, the last one now. */
function said(...answers: readonly boolean[]): Connection | null {
  return answers.reduce<Connection | null>(
    (before, answer, index) => withConnection(before, answer, NOW - (answers.length - 1 - index) * 2_000),
    null,
  )
}

const connections = (...each: readonly (Connection | null)[]): Connection[] =>
  each.flatMap((one) => one ?? [])
const flow = (content: string, stillMs: number, askedMs = NOW): Flow => ({
  content,
  askedMs,
  movedMs: askedMs - stillMs,
})

/** Why the tunnel counts as dead, by what is given. */
function lossOf(given: {
  connections?: readonly Connection[]
  flows?: readonly Flow[]
  sinceMs?: number
  movedMs?: number | null
  nowMs?: number
}): string | null {
  const { connections = [], flows = [], sinceMs = 0, movedMs = null, nowMs = NOW } = given
  const evidence = { engines: connections.length, connections, flows }
  return tunnelLoss(evidence, sinceMs, movedMs, nowMs)?.words ?? null
}

describe('an engine is cut off', () => {
  test.each([
    [said(), null],
    [said(true), null],
    [said(true, false), null],
    [said(true, false, false), NOW - 2_000],
    [said(true, false, false, false), NOW - 4_000],
    [said(true, false, false, true), null],
    // The engine was never connected: it boots, or does not know.
    [said(false, false, false), null],
  ])('%# since %p', (connection, sinceMs) => {
    expect(cutOffSinceMs(connection)).toBe(sinceMs)
  })
})

describe('an engine is stranded', () => {
  const cut = said(true, false, false)

  test('when Gluetun came back since it was last connected', () => {
    expect(strandedSinceMs(cut, [], NOW - 3_999)).toBe(NOW - 2_000)
    expect(strandedSinceMs(cut, [], NOW - 4_000)).toBeNull()
  })

  test('when another one was connected later than that', () => {
    expect(strandedSinceMs(cut, connections(said(true)), 0)).toBe(NOW - 2_000)
    // The engine has not been asked since.
    expect(strandedSinceMs(cut, connections(said(true, false)), 0)).toBeNull()
    expect(strandedSinceMs(cut, [], 0)).toBeNull()
  })

  test('only if it is cut off', () => {
    expect(strandedSinceMs(said(true, false), connections(said(true)), NOW)).toBeNull()
  })
})

describe('a tunnel is lost', () => {
  const cut = said(true, false, false)
  const well = said(true, true, true)

  test.each([
    [
      'one engine, cut off',
      connections(cut),
      'has lost its tunnel: 1 of 1 engines say that they are not connected',
    ],
    [
      'two of three',
      connections(cut, cut, well),
      'has lost its tunnel: 2 of 3 engines say that they are not connected',
    ],
    ['half of them is not most', connections(cut, well), null],
    ['one that said no once is undecided', connections(cut, said(true, false)), null],
    ['those that never were connected are not counted', connections(said(false, false), well), null],
    ['they alone are no evidence', connections(said(false, false)), null],
    ['nobody says anything', [], null],
  ] as const)('%s', (_, given, reason) => {
    expect(lossOf({ connections: given })).toBe(reason)
  })

  test('not by answers of long ago, nor by engines that have not come back from an earlier outage', () => {
    expect(lossOf({ connections: connections(cut), nowMs: NOW + 45_001 })).toBeNull()
    expect(lossOf({ connections: connections(cut), sinceMs: NOW - 3_000 })).toBeNull()
  })

  describe('not by two of three that are cut off', () => {
    const lingers = { ...(said(true, true, true) as Connection), connectedSinceMs: NOW - 60_000 }
    const two = connections(cut, cut)
    const lostMs = NOW - 2_000

    test('where the third one connected after that, but not where it has been connected since before', () => {
      expect(lossOf({ connections: [...two, lingers] })).not.toBeNull()
      expect(lossOf({ connections: [...two, { ...lingers, connectedSinceMs: NOW - 1_000 }] })).toBeNull()
      expect(lossOf({ connections: [...two, said(true, false, false, true) as Connection] })).toBeNull()
    })

    test.each([
      ['a stream moved after that', {}, lostMs + 1, 0, true],
      ['it moved before', {}, lostMs, 0, false],
      ['that was 45 s ago', {}, lostMs + 1, 43_002, false],
      [
        'the third one said "connected" before they lost theirs, up to 10 s ago',
        { connectedMs: lostMs - 1 },
        NOW,
        7_999,
        true,
      ],
      ['longer ago', { connectedMs: lostMs - 1 }, NOW, 8_000, false],
    ] as const)('where %s', (_, change, movedMs, laterMs, isProven) => {
      const nowMs = NOW + laterMs
      const all = [...two, lingers].map((each) => ({ ...each, atMs: nowMs }))
      const third = { ...lingers, atMs: nowMs, connectedMs: nowMs, ...change }
      const loss = lossOf({ connections: [...all.slice(0, 2), third], movedMs, nowMs })
      expect(loss === null).toBe(isProven)
    })
  })

  test.each([
    ['two contents stand still', [flow('a', 15_000), flow('b', 20_000)], true],
    ['not for long enough', [flow('a', 15_000), flow('b', 14_999)], false],
    ['a third one moves', [flow('a', 15_000), flow('b', 15_000), flow('c', 1_000)], false],
    ['one content, twice', [flow('a', 15_000), flow('a', 15_000)], false],
    ['one after the other', [flow('a', 15_000), flow('b', 25_001)], false],
    ['never moved', [flow('a', 15_000), { content: 'b', askedMs: NOW, movedMs: null }], false],
    ['asked long ago', [flow('a', 15_000), flow('b', 15_000, NOW - 45_001)], false],
  ] as const)('by streams: %s', (_, flows, isLost) => {
    expect(lossOf({ flows })).toBe(
      isLost ? 'has lost its tunnel: 2 different streams stand still together' : null,
    )
  })

  test('not by streams that stand still while an engine is connected, or since before Gluetun came back', () => {
    const flows = [flow('a', 15_000), flow('b', 15_000)]
    expect(lossOf({ connections: connections(well), flows })).toBeNull()
    expect(lossOf({ flows, sinceMs: NOW - 14_000 })).toBeNull()
  })
})

test('what engines say of their connection is counted without those that never were connected, or said it long ago', () => {
  const old = { ...(said(true) as Connection), atMs: NOW - 46_000 }
  const heard = connections(said(true), said(true, false), said(false, false), old)
  expect(enginesWord({ engines: 4, connections: heard, flows: [] }, NOW)).toEqual({
    connected: 1,
    asked: 2,
    atMs: NOW,
  })
  expect(enginesWord({ engines: 1, connections: connections(said(false)), flows: [] }, NOW)).toBeNull()
})
