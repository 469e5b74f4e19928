import { expect, test } from 'bun:test'
import { Facts } from '../../../src/control/facts/facts.ts'

const onError = (error: unknown): never => {
  throw error
}

test('what probes said of an earlier start of an engine is forgotten with the first of another', () => {
  const facts = new Facts(0, { failureThreshold: 2, maxAgeMs: 60_000, onError })
  const fail = (atMs: number) => facts.addProbe('engine', { ok: false, atMs, error: 'no answer' })
  facts.setProbed('engine', 0, 10)
  fail(20)
  facts.setProbed('engine', 5, 30)
  fail(40)
  expect(facts.health('engine', 40)).toMatchObject({ verdict: 'unknown', failures: 1 })
  facts.setProbed('engine', 5, 50)
  fail(60)
  expect(facts.health('engine', 60)).toMatchObject({ verdict: 'unhealthy', sinceMs: 60 })
  expect([facts.probedSinceMs('engine', 5), facts.probedSinceMs('engine', 0)]).toEqual([30, null])
})
