import { describe, expect, test } from 'bun:test'
import { missingParts, reachablePorts } from '../../../src/core/engines/published.ts'

const RANGE = { first: 19_000, last: 19_009 }
const port = (containerPort: number, hostPort = containerPort, protocol: 'tcp' | 'udp' = 'tcp') => ({
  ...{ containerPort, hostPort, protocol },
})

describe('the ports at which a container can be reached at its host', () => {
  test('are those that are published under their own numbers, once each', () => {
    const both = [port(19_001), port(19_000), port(19_001)]
    expect(reachablePorts(both, ['bridge'])).toEqual([19_000, 19_001])
  })

  test('are not those under another number, nor those of UDP', () => {
    expect(reachablePorts([port(19_000, 29_000), port(19_001, 19_001, 'udp')], ['bridge'])).toEqual([])
  })

  test('are all in the network of the host', () => expect(reachablePorts([], ['host'])).toBe('all'))
})

test.each([
  ['all', 'all', []],
  ['none', [], [RANGE]],
  ['the first half', [19_000, 19_001, 19_002, 19_003, 19_004], [{ first: 19_005, last: 19_009 }]],
  [
    'one in the middle, and others outside',
    [18_999, 19_004, 19_010],
    [
      { first: 19_000, last: 19_003 },
      { first: 19_005, last: 19_009 },
    ],
  ],
  ['each one', [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((at) => 19_000 + at), []],
] as const)('of a range of which %s are reachable, the others are missing', (_, ports, missing) => {
  expect(missingParts(RANGE, ports)).toEqual([...missing])
})
