import { describe, expect, test } from 'bun:test'
import {
  isDead,
  type Session,
  type SessionAnswer,
  secondLook,
  stalledSinceMs,
  stillMs,
  withAnswer,
} from '../../../src/core/streams/sessions.ts'

const DRAINING = 10_000

const serves = (atMs: number, downloaded: number | null): SessionAnswer => ({
  state: 'serves',
  downloaded,
  atMs,
})
const ended = (atMs: number): SessionAnswer => ({ state: 'ended', downloaded: null, atMs })
const silent = (atMs: number): SessionAnswer => ({ state: 'silent', downloaded: null, atMs })

const after = (...answers: readonly SessionAnswer[]): Session | null =>
  answers.reduce<Session | null>(withAnswer, null)
const lookAfter = (...answers: readonly SessionAnswer[]) =>
  secondLook([after(...answers)], DRAINING, answers.at(-1)?.atMs ?? DRAINING)

describe('the second look', () => {
  test('is clear without sessions, and for one that the engine does not know', () => {
    expect(secondLook([], DRAINING, 20_000)).toEqual({ kind: 'clear' })
    expect(lookAfter(ended(11_000))).toEqual({ kind: 'clear' })
  })

  test('is pending until the engine was asked and has said something, while it drains', () => {
    expect(secondLook([null], DRAINING, 20_000)).toEqual({ kind: 'pending', sinceMs: 20_000 })
    expect(lookAfter(silent(11_000), silent(14_000))).toEqual({ kind: 'pending', sinceMs: 11_000 })
    expect(lookAfter(serves(11_000, 5), silent(12_000))).toEqual({ kind: 'pending', sinceMs: 11_000 })
    const before = after(ended(9_999))
    expect(secondLook([before], DRAINING, 20_000)).toEqual({ kind: 'pending', sinceMs: 9_999 })
  })

  test('sees a viewer where bytes move', () => {
    expect(lookAfter(serves(11_000, 5), serves(13_000, 6))).toEqual({ kind: 'serving' })
    expect(lookAfter(serves(11_000, 5), serves(13_000, 6), serves(16_000, 6))).toEqual({ kind: 'serving' })
  })

  test('is clear where bytes have stood still for some seconds', () => {
    expect(lookAfter(serves(11_000, 5), serves(15_999, 5)).kind).toBe('pending')
    expect(lookAfter(serves(11_000, 5), serves(16_000, 5)).kind).toBe('clear')
    expect(lookAfter(serves(11_000, 5), serves(13_000, 6), serves(23_000, 6)).kind).toBe('clear')
    expect(lookAfter(serves(11_000, null), serves(16_000, null)).kind).toBe('clear')
  })

  test('sees one viewer among several sessions, and waits for the last to speak', () => {
    const gone = after(ended(13_000))
    const moving = after(serves(11_000, 5), serves(13_000, 6))
    expect(secondLook([gone, moving, null], DRAINING, 13_000)).toEqual({ kind: 'serving' })
    expect(secondLook([gone, after(silent(11_000)), after(serves(12_000, 1))], DRAINING, 13_000)).toEqual({
      kind: 'pending',
      sinceMs: 12_000,
    })
  })
})

describe('standing still', () => {
  test('is what was watched: from the first question on, and since the last byte that moved', () => {
    expect(stillMs([after(silent(11_000))])).toBe(0)
    expect(stillMs([null])).toBe(0)
    expect(stillMs([after(serves(11_000, 5), serves(30_000, 5))])).toBe(19_000)
    expect(stillMs([after(serves(11_000, 5), serves(20_000, 6), serves(30_000, 6))])).toBe(10_000)
    expect(stillMs([after(silent(15_000), silent(30_000))])).toBe(15_000)
  })

  test('is over for a session that the engine does not know', () => {
    expect(stillMs([after(ended(11_000))])).toBe(Number.POSITIVE_INFINITY)
  })

  test('of several is that of the liveliest, and of none nobody can say', () => {
    expect(stillMs([after(silent(15_000), silent(30_000)), after(silent(15_000), silent(20_000))])).toBe(
      5_000,
    )
    expect(stillMs([])).toBeNull()
  })
})

describe('a dead session', () => {
  const dead = (...answers: readonly SessionAnswer[]) => {
    const session = after(...answers)
    return session !== null && isDead(session)
  }

  test('is one that the engine has denied three times, with no word of service between', () => {
    expect(dead(ended(1), ended(2))).toBe(false)
    expect(dead(ended(1), ended(2), ended(3))).toBe(true)
    expect(dead(serves(0, 1), ended(1), ended(2), ended(3))).toBe(true)
    expect(dead(ended(1), ended(2), serves(3, 1), ended(4), ended(5))).toBe(false)
  })

  test('is no silent one, and silence changes no count', () => {
    expect(dead(...Array.from({ length: 100 }, (_, index) => silent(index)))).toBe(false)
    expect(dead(ended(1), silent(2), ended(3), silent(4))).toBe(false)
    expect(dead(ended(1), silent(2), ended(3), silent(4), ended(5))).toBe(true)
  })
})

describe('a stall', () => {
  const stalled = (...answers: readonly SessionAnswer[]) => {
    const session = after(...answers)
    return session && stalledSinceMs(session)
  }

  test('is shown after fifteen seconds, since the last byte that moved', () => {
    expect(stalled(serves(1_000, 5), serves(2_000, 6), serves(16_999, 6))).toBeNull()
    expect(stalled(serves(1_000, 5), serves(2_000, 6), serves(17_000, 6))).toBe(2_000)
    expect(stalled(serves(1_000, 5), serves(16_000, 5))).toBe(1_000)
    expect(stalled(serves(1_000, 5), serves(16_000, 5), serves(17_000, 6))).toBeNull()
  })

  test('is not known of a session without bytes, of a silent or of an ended one', () => {
    expect(stalled(serves(1_000, null), serves(60_000, null))).toBeNull()
    expect(stalled(serves(1_000, 5), silent(60_000))).toBeNull()
    expect(stalled(serves(1_000, 5), ended(60_000))).toBeNull()
  })
})
