import { expect, test } from 'bun:test'
import { plan } from '../../../src/core/plan/plan.ts'
import { NOW, observed, snapshot } from '../../support/fleet-snapshots.ts'

const chosen = { expected: { isHandedOut: false, untilMs: NOW + 20_000 } }
const given = { expected: { isHandedOut: true, untilMs: NOW + 20_000 } }
const AHEAD = { startedAhead: true }
const rules = (...of: Parameters<typeof snapshot>): readonly string[] =>
  plan(snapshot(...of)).actions.map(({ type, rule }) => `${type}: ${rule}`)

test('a spare starts for an engine that a proxy has chosen, and for one that a caller was given', () => {
  expect(rules([observed('a', chosen)], { minFree: 1 })).toEqual(['provision: spare_ahead'])
  expect(rules([observed('a', given)], { minFree: 1 })).toEqual(['provision: below_wanted'])
  expect(rules([observed('a', chosen)])).toEqual([])
  expect(rules([observed('a', given)])).toEqual([])
})

test('no spare starts while another engine is free', () => {
  expect(rules([observed('a', chosen), observed('b')], { minFree: 1 })).toEqual([])
  expect(rules([observed('a', given), observed('b')], { minFree: 1 })).toEqual([])
})

test('a stream that is reported is not expected any more', () => {
  const engines = [observed('a', { ...chosen, streams: 1 }), observed('b')]
  expect(rules(engines, { minFree: 1 })).toEqual([])
  expect(plan(snapshot(engines, { minFree: 1 }))).toMatchObject({ busy: 1, expected: 0, wanted: 2 })
})

test('choices alone start at most MIN_FREE_REPLICAS spares beyond the number needed', () => {
  const used = [observed('a', chosen), observed('b', chosen)]
  expect(rules(used, { minFree: 1 })).toEqual(['provision: spare_ahead'])
  expect(rules([...used, observed('c', chosen, AHEAD)], { minFree: 1 })).toEqual([])
  expect(rules([...used, observed('c', chosen, AHEAD)], { minFree: 2 })).toEqual(['provision: spare_ahead'])
  const two = [observed('c', chosen, AHEAD), observed('d', chosen, AHEAD)]
  expect(rules([...used, ...two], { minFree: 2 })).toEqual([])
})

test('a spare that is needed meanwhile is none of these', () => {
  const engines = [observed('a', { streams: 1 }), observed('b', chosen, AHEAD)]
  expect(rules(engines, { minFree: 1 })).toEqual(['provision: spare_ahead'])
})

test('an engine that was chosen is not drained as surplus', () => {
  const policy = { autoDelete: true, minReplicas: 1 }
  expect(rules([observed('a', chosen), observed('b')], policy)).toEqual(['drain: idle_surplus'])
  expect(rules([observed('a', chosen), observed('b', chosen)], policy)).toEqual([])
})

test('a spare beside an engine that was chosen, or given, is surplus only when that is over', () => {
  const policy = { autoDelete: true, minFree: 1 }
  const over = { expected: { isHandedOut: false, untilMs: NOW } }
  expect(rules([observed('a', chosen), observed('b')], policy)).toEqual([])
  expect(rules([observed('a', over), observed('b')], policy)).toEqual(['drain: idle_surplus'])
  const lately = { handedOutAt: NOW - 10_000 }
  expect(rules([observed('a', given, lately), observed('b')], policy)).toEqual([])
})

test('an engine that was given is surplus itself when it may drain', () => {
  const policy = { autoDelete: true, minReplicas: 1, graceMs: 5_000 }
  const lately = { handedOutAt: NOW - 10_000 }
  expect(rules([observed('a', given, lately), observed('b')], policy)).toEqual(['drain: idle_surplus'])
  expect(rules([observed('a', given, lately)], { ...policy, minReplicas: 0 })).toEqual([
    'drain: idle_surplus',
  ])
  const scaled = { minReplicas: 0, scaledAtMs: NOW, drainHideMs: 5_000 }
  expect(rules([observed('a', given, lately)], scaled)).toEqual(['drain: scaled_down'])
})

test('the next plan is made when a stream is not expected any more', () => {
  const { wakeAtMs } = plan(snapshot([observed('a', given), observed('b')], { minFree: 1 }))
  expect(wakeAtMs).toBe(given.expected.untilMs)
})
