import { describe, expect, test } from 'bun:test'
import type { Engine } from '../../../src/panel/api/types.ts'
import {
  arranged,
  cellsOf,
  countsOf,
  groupOf,
  kept,
  shownOf,
  sortOf,
  sortText,
  wokenIn,
} from '../../../src/panel/reading/engine-list.ts'
import { overviewLink, routeOf } from '../../../src/panel/state/route.ts'
import { agoText, anEngine } from '../../support/panel-builders.ts'

const many = (...engines: readonly Engine[]): ReadonlyMap<string, Engine> =>
  new Map(engines.map((engine) => [engine.container_name ?? '', engine]))
const bad = (name: string) => anEngine(name, { health_status: 'unhealthy', listed: false })
const busy = (name: string) => anEngine(name, { streams: ['s'] })
const free = (n: number) => Array.from({ length: n }, (_, i) => anEngine(`free-${i + 1}`))
const all = { group: null, isOpen: false }

describe('the group of an engine', () => {
  test.each([
    ['trouble', { health_status: 'unhealthy' }],
    ['trouble', { listed: false }],
    ['changing', { status: 'starting', health_status: 'unknown', listed: false }],
    ['changing', { status: 'draining' }],
    ['busy', { streams: ['s'] }],
    ['busy', { expected_until: agoText(-1) }],
    ['free', {}],
  ] as const)('%s: %p', (group, change) => {
    const streams = [...('streams' in change ? change.streams : [])]
    expect(groupOf(anEngine('a', { ...change, streams }))).toBe(group)
  })

  test('is counted', () => {
    expect(countsOf([bad('a'), busy('b'), ...free(3)])).toEqual({ trouble: 1, changing: 0, busy: 1, free: 3 })
  })
})

describe('the list of the engines', () => {
  const usual = sortOf(null)

  test('has those in trouble first, and numbers in their order', () => {
    const { ids } = arranged(many(anEngine('e-10'), anEngine('e-9'), busy('e-2'), bad('e-11')), usual)
    expect(ids).toEqual(['e-11', 'e-2', 'e-9', 'e-10'])
  })

  test.each([
    ['name', ['a', 'b', 'c']],
    ['-name', ['c', 'b', 'a']],
    ['vpn', ['c', 'a', 'b']],
    ['age', ['b', 'a', 'c']],
    ['-age', ['c', 'a', 'b']],
  ] as const)('is sorted by %s', (by, order) => {
    const engines = many(
      anEngine('c', { first_seen: agoText(9_000) }),
      anEngine('a', { first_seen: agoText(5_000), vpn_container: 'n1' }),
      anEngine('b', { first_seen: agoText(1_000), vpn_container: 'n2' }),
    )
    expect(arranged(engines, sortOf(by)).ids).toEqual([...order])
  })

  test('folds free engines beyond 30, and shows them when it is opened', () => {
    const engines = many(...free(40), busy('b'))
    const arrangement = arranged(engines, usual)
    expect(shownOf(arrangement, engines, all)).toMatchObject({ ids: { length: 31 }, hidden: 10 })
    expect(shownOf(arrangement, engines, { group: null, isOpen: true })).toMatchObject({
      ids: { length: 41 },
      hidden: 10,
    })
    expect(shownOf(arrangement, engines, { group: 'busy', isOpen: false })).toEqual({ ids: ['b'], hidden: 0 })
  })

  test('shows a folded engine at once when it is free no more', () => {
    const engines = many(...free(40))
    const arrangement = arranged(engines, usual)
    const changed = new Map([...engines, ['free-40', bad('free-40')]])
    expect(shownOf(arrangement, changed, all).ids.at(-1)).toBe('free-40')
    expect(wokenIn(arrangement, changed)).toEqual(['free-40'])
    const after = kept(arrangement, changed)
    expect(wokenIn(after, changed)).toEqual([])
    // It stays when it is free again, until the list is sorted anew.
    expect(shownOf(after, engines, all).ids.at(-1)).toBe('free-40')
    expect(shownOf(arranged(engines, usual), engines, all).ids).toHaveLength(30)
  })

  test('keeps its order while engines change, go and come', () => {
    const arrangement = arranged(many(anEngine('a'), anEngine('b'), anEngine('c')), usual)
    const later = many(bad('c'), anEngine('a'), anEngine('new'))
    expect(kept(arrangement, later).ids).toEqual(['a', 'c', 'new'])
  })
})

describe('the address', () => {
  test.each([
    [null, null],
    ['state', null],
    ['-state', '-state'],
    ['age', 'age'],
    ['-age', '-age'],
    ['nothing', null],
  ])('of the sort %p is %p', (text, told) => expect(sortText(sortOf(text))).toBe(told))

  test('has the filter and the sort', () => {
    const { page, query } = routeOf(overviewLink({ state: 'free', sort: '-age' }))
    expect([page, query.get('state'), query.get('sort')]).toEqual(['overview', 'free', '-age'])
    expect(overviewLink({ state: null, sort: null })).toBe('#/overview')
  })
})

test('the last answer of an engine changes nothing that its row shows', () => {
  expect(cellsOf(anEngine('a', { last_seen: agoText(1) }))).toEqual(cellsOf(anEngine('a')))
  expect(cellsOf(anEngine('a', { forwarded: true, vpn_container: 'n' })).vpn).toBe('n, forwarded port')
})
