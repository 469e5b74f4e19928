import { expect, test } from 'bun:test'
import { createLog } from '../../src/logging.ts'

/** The written lines, as text and parsed. */
function linesOf(write: (log: ReturnType<typeof createLog>) => void) {
  const lines: string[] = []
  write(createLog('info', { write: (line: string) => void lines.push(line) }))
  return lines.map((line) => ({ line, read: JSON.parse(line) as Record<string, unknown> }))
}

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
    log.error({ err: new Error('outer', { cause }), list: ['a', { b: 1 }] }, 'why'),
  )
  expect(first?.read).toMatchObject({ msg: 'why', list: ['a', { b: 1 }] })
  expect(JSON.stringify(first?.read)).toContain('outer: inner')
})
