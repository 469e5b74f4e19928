import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { freePort, neededBesides } from '../../../src/core/engines/ports.ts'

const range = { first: 19_000, last: 19_009 }

describe('free port', () => {
  test('is in the range, not taken, and found whenever there is one', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 19_000, max: 19_009 })), fc.nat(), (taken, start) => {
        const port = freePort(range, (each) => taken.includes(each), start)
        if (taken.length === 10) return expect(port).toBeNull()
        expect(port).toBeWithin(19_000, 19_010)
        expect(taken).not.toContain(port)
      }),
    )
  })

  test('the search begins where it is told and goes round', () => {
    expect(freePort(range, () => false, 3)).toBe(19_003)
    expect(freePort(range, (port) => port >= 19_008, 8)).toBe(19_000)
    expect(freePort(range, () => false, 23)).toBe(19_003)
  })
})

describe('ports that an engine needs besides its HTTP port', () => {
  test.each([
    ['45000-49999', { first: 45_000, last: 49_999 }, [62_062, 8_621]],
    ['45000-45001', { first: 45_000, last: 45_001 }, [62_062, 8_621]],
    ['45000', { first: 45_000, last: 45_000 }, [62_062, 8_621, 45_000]],
    ['8621-8622', { first: 8_621, last: 8_622 }, [62_062, 8_621, 8_622]],
    ['8620-8621', { first: 8_620, last: 8_621 }, [62_062, 8_621, 8_620]],
    ['8621', { first: 8_621, last: 8_621 }, [62_062, 8_621]],
  ])(
    'are those where it may listen always, and the only one that ACE_HTTPS_RANGE=%s leaves',
    (_, https, needed) => {
      expect(neededBesides(https, { first: 8_700, last: 9_599 })).toEqual(needed)
    },
  )

  test.each([
    ['8700', { first: 8_700, last: 8_700 }, [62_062, 8_621, 8_700]],
    ['8700-8701', { first: 8_700, last: 8_701 }, [62_062, 8_621]],
    ['8621', { first: 8_621, last: 8_621 }, [62_062, 8_621]],
    ['62062-62063', { first: 62_062, last: 62_063 }, [62_062, 8_621, 62_063]],
  ])('are also the only one that ACE_P2P_RANGE=%s leaves', (_, p2p, needed) => {
    expect(neededBesides({ first: 20_000, last: 24_999 }, p2p)).toEqual(needed)
  })
})
