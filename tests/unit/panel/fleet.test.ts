import { beforeEach, describe, expect, test } from 'bun:test'
import { effect } from '@preact/signals'
import type { Engine, FeedEvent, JournalEntry, Stream } from '../../../src/panel/api/types.ts'
import { FleetState } from '../../../src/panel/state/fleet.ts'
import { anEngine, anEntry, aStatus, aStream, aVpn } from '../../support/panel-builders.ts'

let fleet: FleetState
beforeEach(() => {
  fleet = new FleetState()
})

const snapshot = (engines: readonly Engine[], streams: readonly Stream[] = []): FeedEvent => ({
  event: 'snapshot',
  data: { status: aStatus(), vpn: aVpn(), engines, streams },
})
const entries = (from: number, to: number): JournalEntry[] =>
  Array.from({ length: to - from + 1 }, (_, n) => anEntry({ id: from + n }))

describe('what the page knows', () => {
  test('a snapshot takes the place of everything, and later events change it', () => {
    fleet.apply([snapshot([anEngine('a'), anEngine('b')], [aStream('one')])])
    fleet.apply([snapshot([anEngine('b')])])
    expect(fleet.engines.ids.value).toEqual(['b'])
    expect(fleet.streams.ids.value).toEqual([])
    fleet.apply([{ event: 'engine', data: anEngine('c') }])
    fleet.apply([{ event: 'engine', data: { container_id: 'id-b', container_name: 'b', removed: true } }])
    expect(fleet.engines.ids.value).toEqual(['c'])
  })

  test('an engine that changes draws its own row only', () => {
    fleet.apply([snapshot([anEngine('a'), anEngine('b')])])
    let drawn = 0
    const stop = effect(() => {
      fleet.engines.row('a')?.value
      drawn++
    })
    fleet.apply([{ event: 'engine', data: anEngine('b', { status: 'draining' }) }])
    expect(drawn).toBe(1)
    fleet.apply([{ event: 'engine', data: anEngine('a', { status: 'draining' }) }])
    expect(drawn).toBe(2)
    stop()
  })

  test('a stream that ends moves to those that ended, newest first, and once', () => {
    fleet.apply([snapshot([], [aStream('one'), aStream('two', { record: 2 })])])
    const ended = (id: string, record: number, at: string): FeedEvent => ({
      event: 'stream',
      data: aStream(id, { record, status: 'ended', ended_at: at, end_reason: 'eof' }),
    })
    fleet.apply([ended('one', 1, '2026-11-28T20:00:00.000Z'), ended('two', 2, '2026-11-28T20:00:01.000Z')])
    fleet.apply([ended('two', 2, '2026-11-28T20:00:01.000Z')])
    expect(fleet.streams.ids.value).toEqual([])
    expect(fleet.ended.value.map(({ id }) => id)).toEqual(['two', 'one'])
  })

  test('entries that come twice, and out of order, are there once and in order', () => {
    fleet.apply([{ event: 'journal', data: anEntry({ id: 5 }) }])
    fleet.begin(entries(1, 5).toReversed(), [])
    fleet.apply([{ event: 'journal', data: anEntry({ id: 6 }) }])
    expect(fleet.journal.value.map(({ id }) => id)).toEqual([6, 5, 4, 3, 2, 1])
  })

  test('no more than 1,000 entries are kept, and those that did not come are counted', () => {
    fleet.begin(entries(1, 1_200), [])
    expect(fleet.journal.value).toHaveLength(1_000)
    expect(fleet.journal.value[0]?.id).toBe(1_200)
    fleet.apply([{ event: 'missed', data: { from: 1_201, to: 1_540, reason: 'slow' } }])
    expect(fleet.missed.value).toBe(340)
  })

  test('an event of a kind that this page does not know changes nothing', () => {
    fleet.apply([{ event: 'weather', data: {} } as unknown as FeedEvent])
    expect(fleet.status.value).toBeNull()
  })
})
