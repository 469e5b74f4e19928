import { expect, test } from 'bun:test'
import { FLEET } from '../../../scripts/attack/site.ts'
import type { Asked, Trial } from '../../../scripts/attack/trial.ts'
import { brokenPromises } from '../../../scripts/attack/verdict.ts'
import { spread } from '../../../scripts/bench/statistics.ts'

const run = async () => ({ notes: [], complaints: [] })
const ANY = { run, seconds: 10 }
const OF_DESCRIPTORS = { ...ANY, descriptors: 256 }

const asked = (over: Partial<Asked> = {}): Asked => ({
  ms: spread([1]),
  longestGapMs: 20,
  reopened: 0,
  failures: [],
  ...over,
})

const trial = (over: Partial<Trial> = {}): Trial => ({
  name: 'one',
  kept: asked(),
  fresh: asked(),
  bare: asked(),
  notes: [],
  complaints: [],
  mostMemoryBytes: 1,
  databaseBytes: 1,
  fewestListed: FLEET,
  busy: 0.1,
  death: null,
  lostEngines: [],
  cutStreams: [],
  ...over,
})

test('an attack that nobody noticed breaks no promise', () => {
  expect(brokenPromises(trial(), ANY)).toEqual([])
  expect(brokenPromises(trial(), OF_DESCRIPTORS)).toEqual([])
})

test.each<[string, Partial<Trial>]>([
  ['killed for its memory', { death: 'the process was killed for its memory' }],
  ['0123456789ab', { lostEngines: ['0123456789abcdef'] }],
  ['2 engines', { fewestListed: FLEET - 2 }],
  ['the stream a|b', { cutStreams: ['a|b'] }],
  ['kept connection: p99 is 50.0 ms', { kept: asked({ ms: spread([50]) }) }],
  ['new connections: p99 is 51.0 ms', { fresh: asked({ ms: spread([51]) }) }],
  ['kept connection: p99 is infinite', { kept: asked({ ms: null }) }],
  ['2 without an answer (refused)', { fresh: asked({ failures: ['refused', 'refused'] }) }],
  ['what the attack saw', { complaints: ['what the attack saw'] }],
])('"%s" is told, and nothing else', (words, over) => {
  expect(brokenPromises(trial(over), ANY)).toEqual([expect.stringContaining(words)])
})

test('where descriptors are taken a question may be lost, and no 3 s without an answer', () => {
  const closed = asked({ failures: ['closed'], reopened: 1, longestGapMs: 500 })
  const slow = asked({ ms: spread([400]) })
  expect(brokenPromises(trial({ kept: closed, fresh: slow }), OF_DESCRIPTORS)).toEqual([])
  const silent = asked({ longestGapMs: 3_000 })
  expect(brokenPromises(trial({ fresh: silent }), OF_DESCRIPTORS)).toEqual([
    expect.stringContaining('no answer for 3000 ms'),
  ])
  expect(brokenPromises(trial({ kept: asked({ ms: spread([60]) }) }), OF_DESCRIPTORS)).toHaveLength(1)
})
