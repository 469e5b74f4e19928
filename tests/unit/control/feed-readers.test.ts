import { afterEach, beforeEach, expect, test } from 'bun:test'
import { Feed } from '../../../src/control/feed/feed.ts'
import type { Subscription } from '../../../src/control/feed/subscription.ts'
import type { States } from '../../../src/core/feed/state-changes.ts'
import { appendJournal } from '../../../src/store/journal.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

let temp: TempStore
let clock: VirtualClock
let feed: Feed
/** The state to show, how often it was read, and the reported failures. */
let shown: States
let reads: number
let failures: unknown[]
beforeEach(() => {
  temp = tempStore()
  clock = new VirtualClock()
  shown = new Map([['status', { json: '{}', compared: '{}' }]])
  reads = 0
  failures = []
  feed = new Feed({
    store: temp.store,
    clock,
    states: {
      read: () => {
        reads++
        return shown
      },
      finalState: () => null,
    },
    limits: { frames: 5, bytes: 10_000, subscribers: 3, ofOneAddress: 2 },
    onError: (error) => failures.push(error),
  })
  temp.store.onCommit(() => feed.news())
})
afterEach(() => temp.dispose())

const happen = (count = 1) =>
  temp.store.transact((tx) => {
    for (let n = 0; n < count; n++) appendJournal(tx, clock.now(), { kind: 'vpn.up' })
  })

const subscribe = (change: Partial<Parameters<Feed['subscribe']>[0]> = {}): Subscription => {
  const subscription = feed.subscribe({
    afterId: null,
    limit: null,
    durationMs: null,
    address: null,
    ...change,
  })
  if (subscription === null) throw new Error('there are too many')
  return subscription
}

const text = async (subscription: Subscription): Promise<string | null> => {
  const bytes = await subscription.next()
  return bytes && new TextDecoder().decode(bytes)
}

/** A subscriber that has received its snapshot. */
const joined = async (): Promise<Subscription> => {
  const subscription = subscribe()
  expect(await text(subscription)).toStartWith('retry: ')
  expect(await text(subscription)).toContain('event: snapshot\n')
  return subscription
}

test('while nobody reads nothing is read, rendered or waited for', async () => {
  happen()
  expect([clock.timers(), feed.subscribers()]).toEqual([0, 0])
  await clock.advance(60_000)
  expect(reads).toBe(0)
})

test('when the last reader goes, nothing is left of it', async () => {
  const readers = [await joined(), subscribe(), subscribe({ durationMs: 60_000 })]
  happen()
  expect(feed.subscribers()).toBe(3)
  expect(clock.timers()).toBeGreaterThan(0)
  for (const reader of readers) reader.end()
  expect([feed.subscribers(), clock.timers()]).toEqual([0, 0])
  readers[0]?.end()
  expect(feed.subscribers()).toBe(0)
})

test('a reader that waits is let go when it ends', async () => {
  const reader = await joined()
  const waiting = text(reader)
  reader.end()
  expect(await waiting).toBeNull()
  expect(await text(reader)).toBeNull()
})

test('what all readers get is rendered once, and is the same bytes', async () => {
  const [one, other] = [await joined(), await joined()]
  const before = reads
  happen()
  await clock.advance(250)
  expect(reads).toBe(before + 1)
  const [mine, yours] = [await one.next(), await other.next()]
  expect(mine).not.toBeNull()
  expect(mine).toBe(yours)
})

test('a commit does nothing itself but make a note', async () => {
  await joined()
  const before = reads
  happen(100)
  expect(reads).toBe(before)
})

test('what does not fit is lost up to the moment of the next read, and that is told', async () => {
  const reader = await joined()
  happen(3)
  await clock.advance(300)
  happen(3)
  await clock.advance(300)
  happen(3)
  await clock.advance(300)
  const told = (await text(reader)) ?? ''
  expect(told.split('\n\n')[0]).toBe('event: missed\ndata: {"reason":"slow","from":1,"to":9}')
  expect(told).toContain('\n\nid: 9.0\nevent: snapshot\n')
  happen()
  await clock.advance(300)
  expect(await text(reader)).toStartWith('id: 10\nevent: journal\n')
})

test('where only states did not fit, no entry is said to be lost', async () => {
  const reader = await joined()
  for (let n = 0; n < 6; n++) {
    shown = new Map([['status', { json: `{"n":${n}}`, compared: String(n) }]])
    feed.news()
    await clock.advance(300)
  }
  expect(await text(reader)).toStartWith('event: missed\ndata: {"reason":"slow","from":null,"to":null}\n\n')
})

test('an entry after lost states is lost, too', async () => {
  const reader = await joined()
  for (let n = 0; n < 6; n++) {
    shown = new Map([['status', { json: `{"n":${n}}`, compared: String(n) }]])
    feed.news()
    await clock.advance(300)
  }
  happen(2)
  await clock.advance(300)
  expect(await text(reader)).toStartWith('event: missed\ndata: {"reason":"slow","from":1,"to":2}\n\n')
})

test('while every reader is too slow nothing is rendered', async () => {
  await joined()
  for (const count of [6, 1]) {
    happen(count)
    await clock.advance(300)
  }
  const before = reads
  happen(6)
  await clock.advance(60_000)
  expect(reads).toBe(before)
})

test('a failure ends the answers, so that their readers ask anew, and is reported', async () => {
  const reader = await joined()
  const { db } = temp.store
  db.run('ALTER TABLE journal RENAME TO elsewhere')
  feed.news()
  await clock.advance(10)
  expect(await text(reader)).toBeNull()
  expect([feed.subscribers(), clock.timers()]).toEqual([0, 0])
  expect(failures).toHaveLength(1)
  db.run('ALTER TABLE elsewhere RENAME TO journal')
})

test('a failure while a reader catches up is the end of that one', async () => {
  const reader = subscribe({ afterId: 0 })
  await text(reader)
  temp.store.db.run('ALTER TABLE journal RENAME TO elsewhere')
  await expect(text(reader)).rejects.toThrow('journal')
  expect(feed.subscribers()).toBe(0)
  temp.store.db.run('ALTER TABLE elsewhere RENAME TO journal')
})

test('a failure that a new reader meets is the end of all, since the others would miss what was found by then', async () => {
  const reader = await joined()
  const late = subscribe()
  await text(late)
  happen()
  shown = new Proxy(shown, {
    get: () => {
      throw new Error('no states')
    },
  })
  await expect(text(late)).rejects.toThrow('no states')
  expect(await text(reader)).toBeNull()
  expect([feed.subscribers(), clock.timers()]).toEqual([0, 0])
})

test('one address takes only some of the places, and this machine and others are not hindered by it', async () => {
  const request = { afterId: null, limit: null, durationMs: null }
  const address = '192.0.2.7'
  const [first, second] = [feed.subscribe({ ...request, address }), feed.subscribe({ ...request, address })]
  expect([first, second]).not.toContain(null)
  expect(feed.subscribe({ ...request, address })).toBeNull()
  const other = feed.subscribe({ ...request, address: null })
  expect(other).not.toBeNull()
  other?.end()
  first?.end()
  expect(feed.subscribe({ ...request, address })).not.toBeNull()
})

test('a reader that takes nothing for a minute, heartbeats neither, loses its place', async () => {
  const silent = subscribe()
  const reading = await joined()
  for (let beats = 0; beats < 14; beats++) {
    const beat = text(reading)
    await clock.advance(5_000)
    expect(await beat).toStartWith(':')
  }
  expect(feed.subscribers()).toBe(1)
  expect(await silent.next()).toBeNull()
})
