import { describe, expect, test } from 'bun:test'
import { logText } from '../../../src/runtime/log-text.ts'

const ESC = '\u001b'

describe('the text of a log', () => {
  test.each([
    ['colours', `${ESC}[1;31mERROR${ESC}[0m bad`, 'ERROR bad'],
    ['movements of the cursor', `${ESC}[2K${ESC}[1Ga${ESC}7b${ESC}(Bc`, 'abc'],
    ['a title, ended in both ways', `${ESC}]0;title\u0007a${ESC}]8;;x${ESC}\\b`, 'ab'],
    ['a title without an end, but not the next line', `a${ESC}]0;title\nb`, 'a\nb'],
    ['the beginning of a sequence that was cut', `a${ESC}[1;3`, 'a1;3'],
    ['other control characters', 'a\r\nb\u0000\u0008\u007f\u0085c\td', 'a\nbc\td'],
    ['half of a character', 'a\ud83db', 'a\ufffdb'],
  ])('leaves out %s', (_, text, expected) => {
    expect(logText(text, 1_000)).toBe(expected)
  })

  test('keeps brackets that are text', () => {
    expect(logText('\n[12:00:01] a\n\t[0m', 1_000)).toBe('\n[12:00:01] a\n\t[0m')
  })

  test.each([
    ['all that has room', 'ab\ncd\n', 6, 'ab\ncd\n'],
    ['whole lines, the newest', 'ab\ncd\n', 5, 'cd\n'],
    ['a line that begins at the bound', 'ab\ncd\n', 3, 'cd\n'],
    ['the end of a line without room', 'ab\ncd\n', 2, 'd\n'],
    ['no part of a character', 'ü'.repeat(10), 5, 'üü'],
    ['nothing where nothing has room', 'ab', 0, ''],
    ['bytes after the sequences are left out', `${ESC}[31m`.repeat(100), 4, ''],
  ])('has %s', (_, text, maxBytes, expected) => {
    expect(logText(text, maxBytes)).toBe(expected)
  })

  test('is made in time that grows with its length, whatever it is', () => {
    const before = performance.now()
    for (const part of [ESC, `${ESC}[`, `${ESC}]`, `${ESC}[1;`, `${ESC} `])
      logText(part.repeat(200_000), 1_000)
    expect(performance.now() - before).toBeLessThan(2_000)
  })
})
