import { beforeEach, describe, expect, test } from 'bun:test'
import type { JournalEntry } from '../../../src/panel/api/types.ts'
import { Hold } from '../../../src/panel/state/hold.ts'
import { JournalPages } from '../../../src/panel/state/journal-pages.ts'
import { anEntry } from '../../support/panel-builders.ts'

/** What the server has, newest first. */
let journal: JournalEntry[]
let asked: string[]
let isAway: boolean
let pages: JournalPages

/** Answers as the server does, a page at a time. */
async function answer(path: string): Promise<unknown> {
  asked.push(path)
  if (isAway) throw new Error('no answer')
  const query = new URL(path, 'http://localhost').searchParams
  const before = Number(query.get('cursor') ?? Number.POSITIVE_INFINITY)
  const limit = Number(query.get('limit'))
  const left = journal.filter(({ id }) => id < before)
  const events = left.slice(0, limit)
  return { events, next: left.length > limit ? String(events.at(-1)?.id) : null }
}

const entries = (from: number, to: number): JournalEntry[] =>
  Array.from({ length: to - from + 1 }, (_, n) => anEntry({ id: to - n }))
/** More happens, and the feed tells of it. */
const happen = (to: number): JournalEntry[] => {
  const news = entries((journal[0]?.id ?? 0) + 1, to)
  journal = [...news, ...journal]
  return news
}
const ids = (): number[] => pages.entries.value.map(({ id }) => id)
const range = (from: number, to: number): number[] => entries(from, to).map(({ id }) => id)

beforeEach(() => {
  journal = entries(1, 250)
  asked = []
  isAway = false
  pages = new JournalPages({
    api: { get: <Answer>(path: string) => answer(path) as Promise<Answer> },
    asked: new URLSearchParams({ kind: 'engine' }),
    isMeant: ({ kind }) => kind.startsWith('engine.'),
  })
})

describe('the pages of the journal', () => {
  test('are asked for one after the other, until there is none', async () => {
    await pages.load()
    expect(ids()).toEqual(range(151, 250))
    await pages.older()
    await pages.older()
    expect(ids()).toEqual(range(1, 250))
    expect(pages.next.value).toBeNull()
    await pages.older()
    expect(asked).toEqual([
      'events?kind=engine&limit=100',
      'events?kind=engine&limit=100&cursor=151',
      'events?kind=engine&limit=100&cursor=51',
    ])
  })

  test('begin with what the feed brought meanwhile, and only what is meant', async () => {
    pages.take([anEntry({ id: 300, kind: 'vpn.up' }), ...entries(1, 250)])
    expect(ids()).toEqual(range(151, 250))
    await pages.load()
    pages.take(happen(252))
    pages.take(journal)
    expect(ids()).toEqual(range(151, 252))
  })

  test('keep what was read back if a gap of the feed could be closed', async () => {
    await pages.load()
    await pages.older()
    happen(300)
    const closing = pages.load()
    pages.take(happen(310))
    await closing
    expect(ids()).toEqual(range(51, 310))
    expect(pages.next.value).toBe('51')
  })

  test('let go of it if there would be a hole, and read it again', async () => {
    await pages.load()
    await pages.older()
    happen(400)
    const closing = pages.load()
    pages.take(happen(410))
    await closing
    expect(ids()).toEqual(range(301, 410))
    await pages.older()
    expect(ids()).toEqual(range(201, 410))
  })

  test('say why they are not there, and are asked for again', async () => {
    isAway = true
    await pages.load()
    expect(pages.failure.value).toBe('no answer')
    isAway = false
    await pages.older()
    expect(pages.failure.value).toBeNull()
    expect(ids()).toEqual(range(151, 250))
    isAway = true
    await pages.older()
    expect([pages.failure.value, ids().length]).toEqual(['no answer', 100])
  })

  test('are bounded, and the oldest can be asked for again', async () => {
    await pages.load()
    pages.take(happen(1_200))
    pages.trim()
    expect(ids()).toEqual(range(201, 1_200))
    await pages.older()
    expect(ids()).toEqual(range(101, 1_200))
  })
})

describe('a list that is held', () => {
  let hold: Hold
  beforeEach(() => {
    hold = new Hold()
    hold.note(7)
  })

  test('shows nothing newer, until its reader wants it or goes on', () => {
    expect(hold.upTo.value).toBeNull()
    hold.pause(true)
    hold.note(9)
    expect(hold.upTo.value).toBe(7)
    hold.show()
    expect(hold.upTo.value).toBe(9)
    hold.pause(false)
    expect(hold.upTo.value).toBeNull()
  })

  test('stays as it is while it is paused or its reader is away', () => {
    hold.goAway(true)
    hold.note(8)
    hold.pause(true)
    hold.goAway(false)
    expect(hold.upTo.value).toBe(7)
    hold.pause(false)
    hold.show()
    expect(hold.upTo.value).toBeNull()
  })

  test('keeps what is shown, whichever source brought it first', () => {
    hold.note(5)
    hold.pause(true)
    expect(hold.upTo.value).toBe(7)
  })
})
