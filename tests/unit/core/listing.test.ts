import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { inTurn, listing, turnsOf } from '../../../src/core/views/listing.ts'
import { engine } from '../../support/builders.ts'

describe('listing', () => {
  const known = {
    isRunning: true,
    verdict: 'healthy',
    vpnTrouble: 'none',
    host: null,
    outOfReach: null,
  } as const
  const facts = { engine: engine(), ...known } as const

  test.each([
    [{}, null],
    [{ verdict: 'unknown' }, null],
    [{ engine: engine({ status: 'starting' }), verdict: 'unknown' }, null],
    [{ engine: engine({ status: 'starting' }), verdict: 'unhealthy' }, null],
    [{ verdict: 'unhealthy' }, 'it is unhealthy'],
    [{ outOfReach: 'us' }, 'it is in no network of Roundhouse, and does not answer it'],
    [{ outOfReach: 'proxies' }, 'its port is not published at the address that proxies are told'],
    [{ outOfReach: 'names' }, 'proxies would be told its name, which means nothing in its networks'],
    [{ vpnTrouble: 'outside' }, 'it is outside the VPN'],
    [{ vpnTrouble: 'outside', isRunning: false }, 'it is outside the VPN'],
    [{ vpnTrouble: 'node_down' }, 'its VPN node is down'],
    [{ vpnTrouble: 'network_gone' }, 'its VPN node was restarted, and it has not joined it again yet'],
    [{ vpnTrouble: 'cut_off' }, 'it says that it is not connected, though its VPN works'],
    [{ engine: engine({ status: 'provisioning' }) }, 'it is being provisioned'],
    [{ engine: engine({ status: 'draining' }) }, 'it is draining'],
    [{ engine: engine({ status: 'gone' }) }, 'it is history'],
    [{ engine: engine({ status: 'failed' }) }, 'it is history'],
    [{ engine: engine({ removalRequestedAt: 5 }) }, 'it is being removed'],
    [{ isRunning: false }, 'its container is not running'],
    [{ host: 'drained' }, 'its host is being drained'],
    [{ host: 'lost' }, 'its host does not answer the swarm'],
    [{ engine: engine({ unclaimedSince: 5 }) }, 'it is kept for the caller whose answer was lost'],
  ] as const)('%p', (change, reason) => {
    expect(listing({ ...facts, ...change })).toEqual({ listed: reason === null, reason })
  })
})

describe('order', () => {
  const groups = fc.array(fc.uniqueArray(fc.string(), { maxLength: 8 }), { maxLength: 4 })

  test('keeps the groups one after the other, and loses or doubles nothing, at every turn', () => {
    fc.assert(
      fc.property(groups, fc.nat({ max: 40 }), (all, turn) => {
        const ordered = inTurn(all, turn)
        let from = 0
        for (const group of all) {
          expect(ordered.slice(from, from + group.length).toSorted()).toEqual(group.toSorted())
          from += group.length
        }
        expect(ordered).toHaveLength(from)
      }),
    )
  })

  test('gives every equal the first place in turn', () => {
    const leaders = [0, 1, 2].map((turn) => inTurn([['a', 'b', 'c']], turn)[0])
    expect(leaders).toEqual(['a', 'b', 'c'])
    expect(turnsOf([3])).toBe(3)
  })

  test('gives it in all groups equally often', () => {
    const sizes = [2, 3]
    const turns = Array.from({ length: turnsOf(sizes) }, (_, turn) =>
      inTurn(
        [
          ['aa', 'bb'],
          ['c', 'd', 'e'],
        ],
        turn,
      ),
    )
    expect(turns).toHaveLength(6)
    for (const [place, times] of [
      [0, 3],
      [2, 2],
    ] as const) {
      const leaders = Map.groupBy(turns, (order) => order[place])
      expect([...leaders.values()].map(({ length }) => length)).toEqual(Array(6 / times).fill(times))
    }
  })

  test('a large fleet has a bounded number of orders, with leaders all over it', () => {
    const items = Array.from({ length: 1_000 }, (_, at) => at)
    const turns = turnsOf([1_000])
    expect(turns).toBe(32)
    const leaders = Array.from({ length: turns }, (_, turn) => inTurn([items], turn)[0] ?? -1)
    expect(new Set(leaders).size).toBe(32)
    expect(Math.max(...leaders)).toBeGreaterThan(900)
  })
})
