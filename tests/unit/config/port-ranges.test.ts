import { describe, expect, test } from 'bun:test'
import { loadConfig } from '../../../src/config/config.ts'
import type { PortRange } from '../../../src/core/engines/ports.ts'

/* The ranges that engines take ports from by default. */

const loaded = loadConfig({}, [])
if ('problems' in loaded) throw new Error('the defaults are wrong')
const { config } = loaded

/** What Linux takes ports for outgoing connections from, in each network. */
const OUTGOING: PortRange = { first: 32_768, last: 60_999 }

const RANGES: readonly (readonly [string, PortRange])[] = [
  ['PORT_RANGE_HOST', config.PORT_RANGE_HOST],
  ['ACE_HTTPS_RANGE', config.ACE_HTTPS_RANGE],
  ['ACE_API_RANGE', config.ACE_API_RANGE],
  ['ACE_P2P_RANGE', config.ACE_P2P_RANGE],
  ...config.GLUETUN_PORT_RANGE.map((range) => ['GLUETUN_PORT_RANGE', range] as const),
]

const meet = (one: PortRange, other: PortRange) => one.first <= other.last && other.first <= one.last

describe.each(RANGES)('%s', (name, range) => {
  test('has no port that an outgoing connection may have', () => expect(meet(range, OUTGOING)).toBe(false))

  test('meets no other range', () => {
    // Of these two one is in use: that of the host, or that of Gluetun.
    const either = ['PORT_RANGE_HOST', 'GLUETUN_PORT_RANGE']
    const others = RANGES.filter(
      ([other]) => other !== name && !(either.includes(name) && either.includes(other)),
    )
    expect(others.filter(([, other]) => meet(range, other)).map(([other]) => other)).toEqual([])
  })
})
