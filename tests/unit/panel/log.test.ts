import { beforeEach, describe, expect, test } from 'bun:test'
import { type LogLine, LogParser } from '../../../src/panel/api/log-parser.ts'
import { found, partsOf } from '../../../src/panel/reading/log.ts'
import { LINES_MAX, LogBook } from '../../../src/panel/state/log-book.ts'

/* A log as it comes, in pieces and partly twice, and what is shown of it. */

const TIME = '2026-11-28T20:00:01.123456789Z'
const textsOf = (lines: readonly LogLine[]): string[] => lines.map(({ text }) => text)
const lineAt = (time: string, text = 'x'): LogLine => {
  const [line] = new LogParser().take(`${time} stdout ${text}\n`)
  if (line === undefined) throw new Error('no line')
  return line
}

describe('a log that comes', () => {
  test('is taken apart into lines with their times and outputs, wherever its pieces end', () => {
    const text = `${TIME} stdout one\n${TIME} stderr <img onerror=x>\n${TIME} stdout \n`
    for (const size of [1, 7, 1_000]) {
      const parser = new LogParser()
      const lines = (text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []).flatMap((part) => parser.take(part))
      expect(lines.map(({ atMs, output, text: shown }) => [atMs, output, shown])).toEqual([
        [Date.parse('2026-11-28T20:00:01.123Z'), 'stdout', 'one'],
        [Date.parse('2026-11-28T20:00:01.123Z'), 'stderr', '<img onerror=x>'],
        [Date.parse('2026-11-28T20:00:01.123Z'), 'stdout', ''],
      ])
    }
  })

  test('keeps a line that has not come whole until its rest comes', () => {
    const parser = new LogParser()
    expect(parser.take(`${TIME} stdout be`)).toEqual([])
    expect(textsOf(parser.take('gun\nnext'))).toEqual(['begun'])
  })

  test('may have lines without an output, and others of no form at all', () => {
    const [plain, strange] = new LogParser().take(`${TIME} out\n  what?\n`)
    expect([plain?.output, plain?.text]).toEqual([null, 'out'])
    expect([strange?.atMs, strange?.text]).toEqual([null, '  what?'])
  })
})

describe('the lines that are kept', () => {
  let book: LogBook
  const kept = () => book.lines.value.map(({ text }) => text)
  beforeEach(() => {
    book = new LogBook()
  })

  test('are read from the end of the log at first, and from the time of the newest line later', () => {
    expect(book.resume()).toBeNull()
    book.add([lineAt('2026-11-28T20:00:02.900000001Z'), lineAt('2026-11-28T20:00:01.000000000Z')])
    expect(book.resume()).toBe('2026-11-28T20:00:02.900Z')
  })

  test('are there once when the log is read on, also those of one millisecond and equal ones', () => {
    const first = [lineAt(`${TIME}`, 'a'), lineAt('2026-11-28T20:00:01.123456790Z', 'b')]
    const twice = lineAt('2026-11-28T20:00:01.123456791Z', 'c')
    book.add([...first, twice, twice])
    for (let times = 0; times < 3; times++) {
      book.resume()
      book.add([...first, twice])
      book.add([twice, lineAt(`2026-11-28T20:00:01.12345679${2 + times}Z`, `new ${times}`)])
    }
    expect(kept()).toEqual(['a', 'b', 'c', 'c', 'new 0', 'new 1', 'new 2'])
    expect(book.lines.value.some(({ isAfterGap }) => isAfterGap)).toBe(false)
  })

  test('come again as new ones where they were written again', () => {
    const line = lineAt(TIME, 'a')
    book.add([line])
    book.resume()
    book.add([line, line])
    expect(kept()).toEqual(['a', 'a'])
  })

  test('have a gap where the log does not go on from a line that is known', () => {
    book.add([lineAt(TIME, 'a')])
    book.resume()
    book.add([lineAt('2026-11-28T20:09:00.000000000Z', 'z')])
    book.add([lineAt('2026-11-28T20:09:01.000000000Z', 'later')])
    expect(book.lines.value.map(({ isAfterGap }) => isAfterGap)).toEqual([false, true, false])
  })

  test('are the newest ones, with their numbers, and how many went before them', () => {
    const lines = Array.from({ length: LINES_MAX + 5 }, (_, n) => lineAt(TIME, String(n + 1)))
    book.add(lines.slice(0, 10))
    expect(book.dropped.value).toBe(0)
    book.add(lines.slice(10))
    expect([kept().length, book.dropped.value]).toEqual([LINES_MAX, 5])
    expect(book.lines.value[0]).toMatchObject({ number: 6, text: '6' })
  })
})

describe('what is looked for', () => {
  const lines = [lineAt(TIME, 'Bind: SOCKET bound'), lineAt(TIME, 'listen'), lineAt(TIME, 'a.b')]

  test('is found in small letters and capitals, and is no pattern', () => {
    expect(textsOf(found(lines, 'socket'))).toEqual(['Bind: SOCKET bound'])
    expect(textsOf(found(lines, '.'))).toEqual(['a.b'])
    expect(found(lines, '')).toBe(lines)
    expect(found(lines, 'none')).toEqual([])
  })

  test.each([
    ['b', ['*B', 'ind: SOCKET ', '*b', 'ound']],
    ['BIND', ['*Bind', ': SOCKET bound']],
    ['', ['Bind: SOCKET bound']],
    ['x', ['Bind: SOCKET bound']],
  ])('is marked in its line: %p', (wanted, parts) => {
    const told = partsOf('Bind: SOCKET bound', wanted).map(({ text, isHit }) => `${isHit ? '*' : ''}${text}`)
    expect(told).toEqual(parts)
  })

  test('is not marked where small letters would move it', () => {
    expect(partsOf('İİİ x', 'x')).toEqual([{ text: 'İİİ x', isHit: false }])
  })
})
