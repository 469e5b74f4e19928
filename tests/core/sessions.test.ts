import { describe, expect, test } from 'bun:test'
import { type Session, type SessionAnswer, secondLook, withAnswer } from '../../src/core/sessions.ts'

const DRAINING_SINCE = 10_000

const serves = (atMs: number, downloaded: number | null): SessionAnswer => ({
  state: 'serves',
  downloaded,
  atMs,
})
const after = (answers: readonly SessionAnswer[]): Session | null =>
  answers.reduce<Session | null>((session, answer) => withAnswer(session, answer), null)
const lookAfter = (...answers: readonly SessionAnswer[]) =>
  secondLook([after(answers)], DRAINING_SINCE, answers.at(-1)?.atMs ?? 0)

describe('the second look', () => {
  test('is clear without sessions, and for one that the engine does not know', () => {
    expect(secondLook([], DRAINING_SINCE, 20_000)).toBe('clear')
    expect(lookAfter({ state: 'ended', downloaded: null, atMs: 11_000 })).toBe('clear')
  })

  test('waits for an answer that was given while it drains', () => {
    expect(secondLook([null], DRAINING_SINCE, 20_000)).toBe('pending')
    expect(lookAfter({ state: 'ended', downloaded: null, atMs: 9_999 })).toBe('pending')
    expect(lookAfter({ state: 'silent', downloaded: null, atMs: 11_000 })).toBe('pending')
    expect(lookAfter(serves(11_000, 5))).toBe('pending')
  })

  test('sees a viewer where bytes move', () => {
    expect(lookAfter(serves(11_000, 5), serves(13_000, 6))).toBe('serving')
    expect(lookAfter(serves(11_000, 5), serves(13_000, 6), serves(16_000, 6))).toBe('serving')
  })

  test('is clear where bytes have stood still for some seconds', () => {
    expect(lookAfter(serves(11_000, 5), serves(15_999, 5))).toBe('pending')
    expect(lookAfter(serves(11_000, 5), serves(16_000, 5))).toBe('clear')
    expect(lookAfter(serves(11_000, 5), serves(13_000, 6), serves(23_000, 6))).toBe('clear')
    expect(lookAfter(serves(11_000, null), serves(16_000, null))).toBe('clear')
  })

  test('sees one viewer among several sessions', () => {
    const gone = after([{ state: 'ended', downloaded: null, atMs: 13_000 }])
    const moving = after([serves(11_000, 5), serves(13_000, 6)])
    expect(secondLook([gone, moving, null], DRAINING_SINCE, 13_000)).toBe('serving')
    expect(secondLook([gone, null], DRAINING_SINCE, 13_000)).toBe('pending')
  })
})
