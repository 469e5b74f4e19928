import { expect, test } from 'bun:test'
import { parseIsoTime } from '../../src/http/iso-time.ts'

const NOON = Date.parse('2026-11-23T12:00:00Z')

test.each([
  ['2026-11-23T12:00:00Z', NOON],
  ['2026-11-23T12:00:00.250Z', NOON + 250],
  ['2026-11-23T12:00Z', NOON],
  ['2026-11-23T13:00:00+01:00', NOON],
  ['2026-11-23T13:00:00 01:00', NOON],
  ['2026-11-23T11:00:00-0100', NOON],
  ['2026-11-23T12:00:00', NOON],
  ['2026-11-23 12:00:00', NOON],
  ['2026-11-23T12:00:00.000001', NOON],
  ['2026-11-23', NOON - 12 * 3_600_000],
])('%s is a time', (text, ms) => expect(parseIsoTime(text)).toBe(ms))

test.each(['', 'yesterday', '12:00', '5', '2026-13-40', '2026-11-23T', '2026-11-23Tnoon'])(
  '%p is none',
  (text) => expect(parseIsoTime(text)).toBeNull(),
)
