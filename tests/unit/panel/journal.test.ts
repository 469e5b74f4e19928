import { describe, expect, test } from 'bun:test'
import {
  askedOf,
  filterOf,
  folded,
  isWanted,
  type JournalFilter,
  journalLink,
  setOf,
} from '../../../src/panel/reading/journal.ts'
import { KINDS } from '../../../src/panel/reading/kinds.ts'
import { routeOf } from '../../../src/panel/state/route.ts'
import { JOURNAL_KINDS } from '../../../src/store/journal.ts'
import { agoText, anEntry, NOW_MS } from '../../support/panel-builders.ts'

const filter = (change: Partial<JournalFilter> = {}): JournalFilter => ({
  ...filterOf(new URLSearchParams()),
  ...change,
})
const HOUR_MS = 3_600_000

test('all kinds of the journal are offered, and no other', () => {
  const offered = Object.entries(KINDS).flatMap(([group, kinds]) => kinds.map((kind) => `${group}.${kind}`))
  expect(offered.toSorted()).toEqual([...JOURNAL_KINDS].toSorted())
})

describe('the filters of the journal', () => {
  test('are in the address, and come back from there', () => {
    const given = filter({ kind: 'stream', engine: 'a b', stream: 'x|y&z', since: '6h', find: 'two words' })
    expect(filterOf(routeOf(journalLink(given)).query)).toEqual(given)
    expect(journalLink(filter({ find: '' }))).toBe('#/journal')
  })

  test.each([
    [{ kind: 'engine' }, true],
    [{ kind: 'engine.ready' }, true],
    [{ kind: 'engin' }, false],
    [{ kind: 'engine.failed' }, false],
    [{ engine: 'acestream-1' }, true],
    [{ engine: '0123456789ab' }, true],
    [{ engine: '0123' }, false],
    [{ engine: 'acestream' }, false],
    [{ stream: 's' }, true],
    [{ stream: 'other' }, false],
    [{ since: '1h' }, false],
    [{ since: '3h' }, true],
    [{ since: agoText(HOUR_MS) }, false],
    [{ since: agoText(3 * HOUR_MS) }, true],
    [{ since: 'nonsense' }, true],
    [{ find: 'READY acestream' }, true],
    [{ find: 'ready never' }, false],
    [{ kind: 'engine', find: 'never' }, false],
  ] as const)('%p leaves an engine that was ready two hours ago: %p', (change, isLeft) => {
    const entry = anEntry({
      ...{ at: agoText(2 * HOUR_MS), container_name: 'acestream-1', container_id: '0123456789abcdef' },
      stream_id: 's',
    })
    expect(isWanted(filter(change), entry, NOW_MS)).toBe(isLeft)
  })

  test('ask the server for everything but words', () => {
    const asked = askedOf(filter({ kind: 'vpn', engine: 'e', stream: 's', since: '1h', find: 'w' }), NOW_MS)
    expect(Object.fromEntries(asked)).toEqual({
      kind: 'vpn',
      engine: 'e',
      stream: 's',
      since: agoText(HOUR_MS),
    })
  })

  test('that are set are told, each with what is left without it', () => {
    const given = filter({ kind: 'vpn', since: '1h', find: 'x' })
    expect(setOf(given, NOW_MS).map(({ words }) => words)).toEqual(['kind vpn', 'last hour', '“x”'])
    expect(setOf(given, NOW_MS)[0]?.without).toEqual({ ...given, kind: null })
  })
})

describe('equal entries in a row', () => {
  test('are one line that keeps its name while more come', () => {
    const entries = [3, 2, 1].map((id) => anEntry({ id, kind: 'engine.restarting' }))
    const [line, ...others] = folded(entries)
    expect([line?.times, line?.entry.id, line?.first.id, others.length]).toEqual([3, 3, 1, 0])
  })

  test.each([
    { kind: 'engine.gone' },
    { engine_id: 'other' },
    { stream_id: 'other' },
    { detail: { reason: 'another' } },
  ])('are not equal with another %p', (change) => {
    expect(folded([anEntry({ id: 2 }), anEntry({ id: 1, ...change })])).toHaveLength(2)
  })

  test.each([
    ['vpn_lost', 'bad'],
    ['stopped_by_operator', null],
  ] as const)('the end of a stream by %s is %p', (reason, tone) => {
    expect(folded([anEntry({ kind: 'stream.ended', detail: { reason } })])[0]?.tone).toBe(tone)
  })
})
