import { describe, expect, test } from 'bun:test'
import {
  type Connection,
  cutOffSinceMs,
  enginesWord,
  type Flow,
  strandedSinceMs,
  tunnelLoss,
  withConnection,
} from '../../../src/core/vpn/tunnel.ts'

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
  const well = said(true)

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
    expect(tunnelLoss({ connections: given, flows: [] }, 0, NOW)).toBe(reason)
  })

  test('not by answers of long ago, nor by engines that have not come back from an earlier outage', () => {
    expect(tunnelLoss({ connections: connections(cut), flows: [] }, 0, NOW + 45_001)).toBeNull()
    expect(tunnelLoss({ connections: connections(cut), flows: [] }, NOW - 3_000, NOW)).toBeNull()
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
    const loss = tunnelLoss({ connections: [], flows }, 0, NOW)
    expect(loss).toBe(isLost ? 'has lost its tunnel: 2 different streams stand still together' : null)
  })

  test('not by streams that stand still while an engine is connected, or since before Gluetun came back', () => {
    const flows = [flow('a', 15_000), flow('b', 15_000)]
    expect(tunnelLoss({ connections: connections(well), flows }, 0, NOW)).toBeNull()
    expect(tunnelLoss({ connections: [], flows }, NOW - 14_000, NOW)).toBeNull()
  })
})

test('what engines say of their connection is counted without those that never were connected, or said it long ago', () => {
  const old = { ...(said(true) as Connection), atMs: NOW - 46_000 }
  const heard = connections(said(true), said(true, false), said(false, false), old)
  expect(enginesWord({ connections: heard, flows: [] }, NOW)).toEqual({ connected: 1, asked: 2, atMs: NOW })
  expect(enginesWord({ connections: connections(said(false)), flows: [] }, NOW)).toBeNull()
})
