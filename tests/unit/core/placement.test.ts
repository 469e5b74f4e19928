import { expect, test } from 'bun:test'
import { type NodePlace, placement } from '../../../src/core/vpn/placement.ts'

const node = (name: string, engines: number, change: Partial<NodePlace> = {}): NodePlace => ({
  name,
  state: 'up',
  engines,
  hasPort: true,
  ...change,
})

test.each([
  ['the one with the fewest engines', [node('a', 2), node('b', 1)], null, 'b'],
  ['the first of equals', [node('a', 1), node('b', 1)], null, 'a'],
  ['none that is down', [node('a', 0, { state: 'down' }), node('b', 5)], null, 'b'],
  ['none that is not known', [node('a', 0, { state: 'unknown' }), node('b', 5)], null, 'b'],
  ['none without a port', [node('a', 0, { hasPort: false }), node('b', 5)], null, 'b'],
  ['the preferred one', [node('a', 2), node('b', 9)], 'b', 'b'],
  ['not the preferred one when it is down', [node('a', 2), node('b', 0, { state: 'down' })], 'b', 'a'],
  ['no other than a known one', [node('a', 2)], 'gone', 'a'],
  ['nothing', [node('a', 0, { state: 'down' })], 'a', undefined],
  ['nothing of nothing', [], null, undefined],
] as const)('an engine goes to %s', (_, nodes, preferred, chosen) => {
  expect(placement(nodes, preferred)?.name).toBe(chosen)
})
