import { expect, test } from 'bun:test'
import { LogReader } from '../../../src/control/containers/log-reader.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

const PACE = { burstBytes: 10, bytesPerSecond: 5 }

/** Gives a text, and notes when the next one may follow. */
function giving(reader: LogReader, text: string) {
  const given = { isDone: false }
  void reader.give(text).then(() => {
    given.isDone = true
  })
  return given
}

const text = async (reader: LogReader) => {
  const bytes = await reader.next()
  return bytes && new TextDecoder().decode(bytes)
}

test('a piece waits for its reader, and the next one for the piece', async () => {
  const reader = new LogReader(new VirtualClock(), PACE)
  const given = giving(reader, 'abc')
  await settled()
  expect(given.isDone).toBe(false)
  expect(await text(reader)).toBe('abc')
  await settled()
  expect(given.isDone).toBe(true)
})

test('what exceeds the burst has to be earned, and what was earned stays within the burst', async () => {
  const clock = new VirtualClock()
  const reader = new LogReader(clock, PACE)
  await clock.advance(60_000)
  const given = giving(reader, 'x'.repeat(20))
  await text(reader)
  await clock.advance(1_999)
  expect(given.isDone).toBe(false)
  await clock.advance(1)
  expect(given.isDone).toBe(true)
})

test('an end lets both sides go, drops what waits, and leaves no timer', async () => {
  const clock = new VirtualClock()
  const waiting = new LogReader(clock, PACE)
  const next = text(waiting)
  waiting.end()
  expect(await next).toBeNull()
  const full = new LogReader(clock, PACE)
  const given = giving(full, 'abc')
  full.end()
  await settled()
  expect([given.isDone, await text(full)]).toEqual([true, null])
  const slow = new LogReader(clock, PACE)
  const paced = giving(slow, 'x'.repeat(100))
  await text(slow)
  await settled()
  expect([paced.isDone, clock.timers()]).toEqual([false, 1])
  slow.end()
  await settled()
  expect([paced.isDone, clock.timers()]).toEqual([true, 0])
  await slow.give('more')
})
