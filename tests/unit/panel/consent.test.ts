import { beforeEach, expect, test } from 'bun:test'
import { Consent, cutsOn } from '../../../src/panel/acts/consent.ts'
import { anEngine, aStream } from '../../support/panel-builders.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

let clock: VirtualClock
let consent: Consent
beforeEach(() => {
  clock = new VirtualClock()
  consent = new Consent(['one'], (ms, callback) => clock.after(ms, callback))
})

test('it can be given at once for what was named', () => {
  consent.see(['one'])
  expect(consent.isArmed.value).toBe(true)
  consent.see([])
  expect(consent.isArmed.value).toBe(true)
})

test('a stream that comes takes it back, until its giver can have seen it', async () => {
  consent.see(['one', 'two'])
  expect(consent.isArmed.value).toBe(false)
  expect([...consent.arrived.value]).toEqual(['two'])
  await clock.advance(1_999)
  expect(consent.isArmed.value).toBe(false)
  await clock.advance(1)
  expect(consent.isArmed.value).toBe(true)
})

test('each further one begins the time anew; one that was seen does not', async () => {
  consent.see(['one', 'two'])
  await clock.advance(1_500)
  consent.see(['one', 'two', 'three'])
  await clock.advance(1_500)
  expect(consent.isArmed.value).toBe(false)
  consent.see(['three', 'one'])
  await clock.advance(500)
  expect(consent.isArmed.value).toBe(true)
})

test('a question that was withdrawn waits for nothing', () => {
  consent.see(['two'])
  consent.end()
  expect(clock.timers()).toBe(0)
})

test('the streams on an engine are those that it names and those that name it', () => {
  const engine = anEngine('a', { streams: ['one', 'unknown'] })
  const streams = [aStream('one'), aStream('two'), aStream('other', { container_id: 'id-b' })]
  expect(cutsOn(engine, streams).map(({ id, stream }) => [id, stream !== null])).toEqual([
    ['one', true],
    ['unknown', false],
    ['two', true],
  ])
  const strange = aStream('nowhere', { container_id: null })
  expect(cutsOn(anEngine('b', { container_id: null }), [strange])).toEqual([])
})
