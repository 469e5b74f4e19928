import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { inOrder, listing } from '../../src/core/listing.ts'
import { engine } from '../support/builders.ts'

describe('listing', () => {
  const facts = { engine: engine(), verdict: 'healthy', vpn: 'up' } as const

  test.each([
    [{}, null],
    [{ verdict: 'unknown' }, null],
    [{ vpn: 'unknown' }, null],
    [{ engine: engine({ status: 'starting' }), verdict: 'unknown' }, null],
    [{ engine: engine({ status: 'starting' }), verdict: 'unhealthy' }, null],
    [{ verdict: 'unhealthy' }, 'it is unhealthy'],
    [{ vpn: 'down' }, 'its VPN node is down'],
    [{ engine: engine({ status: 'provisioning' }) }, 'it is being provisioned'],
    [{ engine: engine({ status: 'draining' }) }, 'it is draining'],
    [{ engine: engine({ status: 'gone' }) }, 'it is history'],
    [{ engine: engine({ status: 'failed' }) }, 'it is history'],
    [{ engine: engine({ removalRequestedAt: 5 }) }, 'it is being removed'],
    [{ engine: engine({ containerState: 'exited' }) }, 'its container is not running'],
    [{ engine: engine({ containerState: 'restarting' }) }, 'its container is not running'],
    [{ engine: engine({ unclaimedSince: 5 }) }, 'it is kept for the caller whose answer was lost'],
  ] as const)('%p', (change, reason) => {
    expect(listing({ ...facts, ...change })).toEqual({ listed: reason === null, reason })
  })
})

describe('order', () => {
  const names = fc.uniqueArray(fc.string(), { maxLength: 8 })

  test('puts the first group first and loses or doubles nothing, at every turn', () => {
    fc.assert(
      fc.property(names, fc.nat(), (items, turn) => {
        const isFirst = (item: string) => item.length % 2 === 0
        const ordered = inOrder(items, isFirst, turn)
        expect(ordered.toSorted()).toEqual(items.toSorted())
        const firsts = items.filter(isFirst).length
        expect(ordered.slice(0, firsts).every(isFirst)).toBe(true)
      }),
    )
  })

  test('gives every equal the first place in turn', () => {
    const items = ['a', 'b', 'c']
    const leaders = [0, 1, 2, 3].map((turn) => inOrder(items, () => true, turn)[0])
    expect(leaders).toEqual(['a', 'b', 'c', 'a'])
  })
})
