import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { freePort } from '../../src/core/ports.ts'

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
