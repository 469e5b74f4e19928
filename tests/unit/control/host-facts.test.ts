import { expect, test } from 'bun:test'
import { HostFacts } from '../../../src/control/facts/host-facts.ts'
import type { HostObservation } from '../../../src/runtime/runtime.ts'

const host = (id: string, change: Partial<HostObservation> = {}): HostObservation => ({
  id,
  name: `name-${id}`,
  address: '10.0.0.1',
  isUp: true,
  availability: 'active',
  role: 'worker',
  isOurs: false,
  labels: {},
  os: 'linux',
  architecture: 'x86_64',
  ...change,
})

const on = (id: string) => ({ host: { id, name: `name-${id}`, address: '10.0.0.1' } })

const rethrow = (error: unknown): never => {
  throw error
}

test('nothing is known of a host before anybody has looked, and never of the one host of a Docker Engine', () => {
  const facts = new HostFacts(rethrow)
  expect([facts.all(), facts.of(on('a')), facts.of({ host: null })]).toEqual([null, null, null])
})

test('a condition holds since it was first seen, whatever else changes', () => {
  const facts = new HostFacts(rethrow)
  facts.note([host('a')], [], 1_000)
  facts.note([host('a', { isUp: false })], [], 5_000)
  facts.note([host('a', { isUp: false, labels: { zone: 'b' } })], [], 9_000)
  expect(facts.of(on('a'))).toEqual({ name: 'name-a', condition: 'lost', sinceMs: 5_000 })
  facts.note([host('a')], [], 12_000)
  expect(facts.of(on('a'))).toMatchObject({ condition: 'up', sinceMs: 12_000 })
})

test('a host that left the swarm is lost as long as engines are on it, and forgotten afterwards', () => {
  const facts = new HostFacts(rethrow)
  facts.note([host('a'), host('b')], [on('b').host], 1_000)
  facts.note([host('a')], [on('b').host], 2_000)
  expect(facts.of(on('b'))).toEqual({ name: 'name-b', condition: 'lost', sinceMs: 2_000 })
  facts.note([host('a')], [], 3_000)
  expect([...facts.conditions().keys()]).toEqual(['a'])
})

test('only a change is news', () => {
  const facts = new HostFacts(rethrow)
  let news = 0
  facts.onNews(() => news++)
  facts.note([host('a')], [], 1_000)
  facts.note([host('a')], [], 2_000)
  expect([news, facts.version()]).toEqual([1, 1])
  facts.note([host('a', { availability: 'drain' })], [], 3_000)
  expect([news, facts.version()]).toEqual([2, 2])
})

test('the order of a list is no news, and hosts are told by their names', () => {
  const facts = new HostFacts(rethrow)
  facts.note([host('b'), host('a')], [], 1_000)
  const version = facts.version()
  facts.note([host('a'), host('b')], [], 2_000)
  expect(facts.version()).toBe(version)
  expect(facts.all()?.map(({ name }) => name)).toEqual(['name-a', 'name-b'])
})
