import { describe, expect, test } from 'bun:test'
import { outcomeOf } from '../../../src/core/streams/outcomes.ts'
import { type Session, withAnswer } from '../../../src/core/streams/sessions.ts'

/** What an engine said in these answers, five seconds apart: the bytes of a session that it serves. */
const told = (...bytes: readonly (number | null)[]): Session | null =>
  bytes.reduce<Session | null>(
    (before, downloaded, index) => withAnswer(before, { state: 'serves', downloaded, atMs: 5_000 * index }),
    null,
  )

const MOVING = told(0, 1_000, 2_000)
const STILL = told(0, 0, 0, 0)

describe('a stream that has ended', () => {
  test.each([
    ['the real acexy waits 20 s for an answer', 'timeout', 20_000, STILL, 'nothing'],
    ['it was never asked about', 'timeout', 1_500, null, 'nothing'],
    ['the engine says that it moved, and nothing reached the proxy', 'timeout', 20_000, MOVING, 'nothing'],
    ['it played for long before', 'timeout', 600_000, MOVING, 'played'],
    ['an older acexy got no answer', 'start_stream_failed', 10, null, 'nothing'],
    ['an older acexy got no session', 'fetch_stream_failed', 20_000, null, 'nothing'],
    ['the engine closed the connection at once', 'eof', 5, null, 'nothing'],
    ['the engine died after a while', 'eof', 9_000, MOVING, 'played'],
    ['no byte for 10 s', 'empty_timeout', 12_000, told(0, 0), 'nothing'],
    ['the flow ran dry', 'empty_timeout', 25_000, MOVING, 'played'],
    ['no byte for a minute, as one may set', 'empty_timeout', 60_000, STILL, 'nothing'],
    [
      'it ended after hours, and its engine tells no bytes',
      'empty_timeout',
      9_000_000,
      told(null, null),
      null,
    ],
    ['the viewer left while bytes came', 'client_disconnected', 5_000, null, 'played'],
    ['the viewer left at once', 'client_disconnected', 900, told(0), null],
    ['it came from the cache of the engine', 'completed', 600_000, STILL, 'played'],
    ['a list of pieces was fetched', 'completed', 20, null, null],
    ['an older acexy does not say why the viewer left', 'handler_exit', 5_000, told(0, 0), null],
    ['its viewer waited for nothing', 'handler_exit', 16_000, STILL, 'nothing'],
    ['its viewer saw something', 'handler_exit', 16_000, MOVING, 'played'],
    ['the engine tells no bytes', 'handler_exit', 60_000, told(null, null, null, null, null), null],
    ['no reason is known', 'unknown', 60_000, null, null],
  ] as const)('%s: %s after %d ms', (_, reason, lastedMs, session, expected) => {
    expect(outcomeOf({ reason, lastedMs, session })).toBe(expected)
  })
})
