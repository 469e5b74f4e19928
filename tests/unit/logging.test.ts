import { describe, expect, test } from 'bun:test'
import { sentenceMask } from '../../src/core/secrets.ts'
import { createLog, type LogForm } from '../../src/logging.ts'

type Log = ReturnType<typeof createLog>

const MARK = 'marked-secret'

/** What was written. */
function written(form: LogForm, write: (log: Log) => void): string {
  let text = ''
  const options = { level: 'debug', form, mask: sentenceMask([MARK]) }
  const destination = {
    write: (line: string) => {
      text += line
    },
  }
  write(createLog(options, destination))
  return text
}

/** The written lines in JSON, as text and parsed. */
const linesOf = (write: (log: Log) => void) =>
  written('json', write)
    .trimEnd()
    .split('\n')
    .map((line) => ({ line, read: JSON.parse(line) as Record<string, unknown> }))

const LONG = 'x'.repeat(1_000_000)

test('a long value, list, message or error is cut in a line, and the rest of the line is whole', () => {
  const lines = linesOf((log) => {
    log.info({ id: LONG, streams: Array(1_000).fill(LONG), count: 3 }, LONG)
    log.error(
      { err: Object.assign(new Error(LONG), { code: 'EX', detail: LONG }), url: `/a?${LONG}` },
      'failed',
    )
    log.warn({}, LONG)
  })
  expect(lines.map(({ line }) => line.length < 200_000)).toEqual([true, true, true])
  expect(lines.map(({ line }) => line.includes('(1000000 characters)'))).toEqual([true, true, true])
  const [info, error] = lines.map(({ read }) => read)
  expect(info).toMatchObject({ level: 'info', count: 3 })
  expect(info?.streams).toHaveLength(33)
  expect(info?.streams).toContain('and 968 more')
  expect(error).toMatchObject({ level: 'error', msg: 'failed', err: { type: 'Error', code: 'EX' } })
})

test('what is short is written as it is', () => {
  const cause = new Error('inner')
  const [first] = linesOf((log) =>
    log.error({ err: new Error('outer', { cause }), list: ['a', { b: 1 }], key: 'a1b2' }, 'why'),
  )
  expect(first?.read).toMatchObject({ msg: 'why', list: ['a', { b: 1 }], key: 'a1b2' })
  expect(JSON.stringify(first?.read)).toContain('outer: inner')
})

test.each(['json', 'text'] as const)('no secret is written as %s, wherever it stands', (form) => {
  const text = written(form, (log) => {
    log.info({ value: MARK, list: [MARK, { deep: { deeper: `a ${MARK}` } }] }, `it says ${MARK}`)
    log.error(
      { err: Object.assign(new Error(`why ${MARK}`, { cause: new Error(MARK) }), { at: MARK }) },
      'failed',
    )
    log.debug({ authorization: 'sesame', headers: { cookie: 'sesame' }, api_key: 'sesame' }, 'asked')
    log.warn({}, `${'x'.repeat(4_090)}${MARK}`)
  })
  expect(text).not.toContain(MARK)
  expect(text).not.toContain('marked')
  expect(text).not.toContain('sesame')
  expect(text).toContain('***')
})

describe('the text', () => {
  test('has the local time, the level, the message, and the other members', () => {
    const text = written('text', (log) =>
      log.info({ name: 'acestream-1', from: 'a b', n: 1 }, 'engine ready'),
    )
    expect(text).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO {2}engine ready name=acestream-1 from="a b" n=1\n$/,
    )
    const [, year, hours] = /^(\d+)-\S+ (\d+)/.exec(text) ?? []
    const now = new Date()
    expect(Number(year)).toBe(now.getFullYear())
    expect([now.getHours(), (now.getHours() + 23) % 24]).toContain(Number(hours))
  })

  test('has the stack of an error in indented lines', () => {
    const text = written('text', (log) =>
      log.error({ err: new Error('one\n2026-01-01 INFO forged') }, 'failed'),
    )
    const [head, ...stack] = text.trimEnd().split('\n')
    expect(head).toEndWith(' ERROR failed')
    expect(stack.length).toBeGreaterThan(2)
    expect(stack.filter((line) => !line.startsWith('    '))).toEqual([])
    expect(text).toContain('    2026-01-01 INFO forged')
  })

  test.each([
    ['a\nb', '\\x0a'],
    ['a\r\nb', '\\x0d\\x0a'],
    ['\x1b[2Ja', '\\x1b[2J'],
    ['a\x9bb', '\\x9b'],
    ['a\u2028b', '\\u{2028}'],
    ['a\u202eb', '\\u{202e}'],
    ['a\u200bb', '\\u{200b}'],
    ['a\0b', '\\x00'],
  ])('shows %j as its number, in a message, a value and a name', (given, wanted) => {
    const text = written('text', (log) => log.warn({ agent: given, [given]: 1 }, given))
    expect(text.split('\n')).toHaveLength(2)
    expect(text.trimEnd()).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u)
    expect(text).toContain(wanted)
  })

  test('quotes what could be taken for another member', () => {
    const text = written('text', (log) => log.info({ agent: 'x level=ERROR', id: 'a"b' }, 'm'))
    expect(text).toEndWith(' m agent="x level=ERROR" id="a\\"b"\n')
  })
})
