import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { EventParser } from '../../../src/panel/api/event-parser.ts'

const TEXT = `retry: 2000

id: 128
event: journal
data: {"id":128}

: heartbeat

id: 128.1
event: engine
data: {"a":
data: "b"}

event: status
data:{"no": "space"}

`

const EVENTS = [
  { id: '128', event: 'journal', data: '{"id":128}' },
  { id: '128.1', event: 'engine', data: '{"a":\n"b"}' },
  { id: null, event: 'status', data: '{"no": "space"}' },
]

test('events are found in a text, and neither a comment nor a retry is one', () => {
  expect(new EventParser().take(TEXT)).toEqual(EVENTS)
})

test('it does not matter where the text is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(TEXT.length), { maxLength: 6 }), (cuts) => {
      const parser = new EventParser()
      const places = [0, ...cuts.toSorted((a, b) => a - b), TEXT.length]
      const found = places.slice(1).flatMap((end, at) => parser.take(TEXT.slice(places[at], end)))
      expect(found).toEqual(EVENTS)
    }),
  )
})

test('an event that is not complete is not told', () => {
  const parser = new EventParser()
  expect(parser.take('event: engine\ndata: {}\n')).toEqual([])
  expect(parser.take('\n')).toEqual([{ id: null, event: 'engine', data: '{}' }])
})
