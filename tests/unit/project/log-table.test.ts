import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { read } from '../../support/documents.ts'
import { linesIn, severeLines, severeReceivers } from '../../support/log-lines.ts'
import { SRC } from '../../support/source-imports.ts'

/* TROUBLESHOOTING.md explains every line of level warn and error, and every reason why an engine is hidden. */

const guide = await read('docs/TROUBLESHOOTING.md')

/** The rows below a heading, each with its cells. */
const rowsBelow = (heading: string): readonly (readonly string[])[] => {
  const [, below = ''] = guide.split(`\n${heading}\n`)
  const [section = ''] = below.split(/^##+ /m)
  return [...section.matchAll(/^\| `(.*?)` \| (.*) \|$/gm)].map(([, first = '', rest = '']) => [
    first,
    ...rest.split(' | '),
  ])
}

test('the table of lines has every line that the program can write at warn and error, and no other', async () => {
  const written = new Set((await severeLines()).map(({ level, text }) => `${level}: ${text}`))
  const explained = rowsBelow('## By log line').map(([text, level]) => `${level}: ${text}`)
  expect(written.size).toBeGreaterThan(25)
  expect(explained.toSorted()).toEqual([...written].toSorted())
})

test('no line is written past the search', async () => {
  expect([...(await severeReceivers())].toSorted()).toEqual(['console', 'log'])
})

test('the table of reasons has every reason why an engine is not listed', async () => {
  const listing = await Bun.file(join(SRC, 'core/views/listing.ts')).text()
  const given = [...listing.matchAll(/reason: '([^']+)'/g)].map(([, reason = '']) => reason)
  const explained = rowsBelow('### No engine is listed, though containers run').map(([reason = '']) => reason)
  expect(given.length).toBeGreaterThan(10)
  expect(explained.filter((each) => each !== 'reason').toSorted()).toEqual(
    ['null', ...new Set(given)].toSorted(),
  )
})

describe('the search finds', () => {
  test.each([
    ["log.warn({}, 'a b')", 'warn: a b'],
    ['this.deps.log.error({ a: [1, 2] }, `@{what}: @{f({ x: 1 })} was`)', 'error: …: … was'],
    ["log.warn({}, 'a ' + `b @{x ? `c @{d}` : ''} e` + f)", 'warn: a b … e…'],
    ["log.warn(\n{},\n'a',\n)", 'warn: a'],
    ["const level = isBad ? 'warn' : 'info'\nlog[level]({}, 'a')", 'warn: a'],
    ["log[isTold ? 'warn' : 'debug']({ a }, `b @{c}`)", 'warn: b …'],
    ['log.warn({}, text)', 'warn: …'],
    ["console.error('a')", 'error: a'],
  ])('%s', (source, line) => {
    expect(
      linesIn('x.ts', source.replaceAll('@', '$')).map(({ level, text }) => `${level}: ${text}`),
    ).toEqual([line])
  })

  test.each([
    "log.info({}, 'a')",
    "const level = isFirst ? 'info' : 'debug'\nlog[level]({}, 'a')",
    "// log.warn({}, 'a')",
    'const { log } = this.deps',
  ])('nothing in %s', (source) => expect(linesIn('x.ts', source)).toEqual([]))
})
