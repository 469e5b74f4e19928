import { describe, expect, test } from 'bun:test'
import { type Doubt, type DoubtHeard, doubtAfter } from '../../../src/core/vpn/doubt.ts'
import type { Connection } from '../../../src/core/vpn/tunnel.ts'
import type { Loss } from '../../../src/core/vpn/tunnel-loss.ts'

const NOW = 1_000_000
const SINCE = NOW - 300_000

const byEngines: Loss = { words: 'two of two', by: 'engines', count: 2 }
const byStreams: Loss = { words: 'two streams', by: 'streams', count: 2 }
const connected: Connection = {
  ...{ isConnected: true, atMs: NOW, refusals: 0, lostSinceMs: null },
  ...{ connectedMs: NOW, connectedSinceMs: NOW },
}

const heard = (change: Partial<DoubtHeard> = {}): DoubtHeard => ({
  loss: byEngines,
  evidence: { engines: 2, connections: [], flows: [] },
  ...{ startedMs: 1_000, movedMs: null, isOverseen: false },
  ...change,
})
const open: Doubt = { ...byEngines, sinceMs: SINCE, needsProof: true }
const timed: Doubt = { ...open, needsProof: false }
/** What becomes of a doubt, in a word. */
const after = (before: Doubt | null, change: Partial<DoubtHeard> = {}): string => {
  const doubt = doubtAfter(before, heard(change), NOW)
  return doubt === null ? 'none' : doubt === 'refuted' ? 'refuted' : `${NOW - doubt.sinceMs} ms`
}

test('a doubt begins with a loss, and needs a proof where nobody else would find a dead tunnel', () => {
  expect(doubtAfter(null, heard(), NOW)).toEqual({ ...byEngines, sinceMs: NOW, needsProof: true })
  expect(doubtAfter(null, heard({ isOverseen: true }), NOW)).toMatchObject({ needsProof: false })
  expect(doubtAfter(null, heard({ loss: byStreams }), NOW)).toMatchObject({ needsProof: false })
  expect(after(null, { loss: null })).toBe('none')
})

describe('a doubt that goes on', () => {
  test.each([
    ['stands for ever where it needs a proof', open, {}, '300000 ms'],
    ['is wrong after 200 s where Gluetun would have found out', timed, { isOverseen: true }, 'refuted'],
    ['is wrong after 200 s where only streams stand still', timed, { loss: byStreams }, 'refuted'],
    ['needs a proof though streams stand still by now', open, { loss: byStreams }, '300000 ms'],
    ['is wrong where a stream moves on', open, { movedMs: SINCE + 15_000 }, 'refuted'],
    ['is right where bytes may have come before it', open, { movedMs: SINCE + 14_999 }, '300000 ms'],
    ['begins anew where the container was started since', open, { startedMs: SINCE + 1 }, '0 ms'],
  ] as const)('%s', (_, before, change, outcome) => {
    expect(after(before, change)).toBe(outcome)
  })

  test('is told in the words of most engines', () => {
    const one: Loss = { words: 'one of one', by: 'engines', count: 1 }
    expect(doubtAfter(open, heard({ loss: one }), NOW)).toMatchObject({ words: 'two of two' })
    const three: Loss = { words: 'three of three', by: 'engines', count: 3 }
    expect(doubtAfter(open, heard({ loss: three }), NOW)).toMatchObject({ words: 'three of three' })
  })
})

describe('a doubt of which nobody says anything any more', () => {
  const silent = { loss: null }
  const evidence = heard().evidence
  const saying = (...connections: readonly Connection[]) => ({
    ...silent,
    evidence: { ...evidence, connections },
  })
  test.each([
    ['stands where it needs a proof', open, silent, '300000 ms'],
    ['is over where it does not', timed, silent, 'none'],
    ['is over where a health check succeeds by now', open, { ...silent, isOverseen: true }, 'none'],
    ['is over where an engine is connected', open, saying(connected), 'none'],
    ['stands where one was, long ago', open, saying({ ...connected, atMs: NOW - 45_001 }), '300000 ms'],
    ['is over where no engine is left', open, { ...silent, evidence: { ...evidence, engines: 0 } }, 'none'],
    ['is over where a stream moves', open, { ...silent, movedMs: SINCE + 15_000 }, 'none'],
    ['is over where the container was started since', open, { ...silent, startedMs: SINCE + 1 }, 'none'],
  ] as const)('%s', (_, before, change, outcome) => {
    expect(after(before, change)).toBe(outcome)
  })
})
