import { afterAll, describe, expect, test } from 'bun:test'
import { differences, isAsShown, stepsOf, Terminal } from './guide.ts'

describe('what differs from what is shown', () => {
  const SHOWN = { id: 'acestream-1', port: 19_000, listed: true, status: 'ready', at: null, streams: ['a|1'] }

  test('is nothing where only numbers and words with digits do', () => {
    expect(differences(SHOWN, { ...SHOWN, id: 'acestream-7', port: 5, streams: ['b|2'] })).toEqual([])
  })

  test.each([
    ['a word', { status: 'gone' }, '$.status'],
    ['a truth', { listed: false }, '$.listed'],
    ['a value in the place of none', { at: 'now' }, '$.at'],
    ['a number in the place of a word', { id: 1 }, '$.id'],
    ['one more in a list', { streams: ['a|1', 'a|2'] }, '$.streams'],
    ['one more member', { more: 1 }, '$.more'],
    ['a missing member', { port: undefined }, '$.port'],
    ['something deep inside', { streams: [{}] }, '$.streams[0]'],
  ])('is %s', (_, change, path) => {
    const found = differences(SHOWN, { ...SHOWN, ...change })
    expect(found.map((difference) => difference.split(':')[0])).toEqual([path])
  })
})

test('steps are commands with the output that follows, under their heading', () => {
  const fence = (language: string, body: string) => `\`\`\`${language}\n${body}\n\`\`\`\n`
  const guide = [
    '## One\n',
    fence('sh', 'first'),
    'Words.\n',
    fence('json', '{}'),
    fence('json', '"not behind commands"'),
    '### Two\n',
    fence('sh', 'second'),
    fence('sh elsewhere', 'not here'),
    fence('text', 'no output of a step'),
    fence('env roundhouse', 'A=1'),
    fence('text', 'no output of it'),
  ].join('\n')
  expect(stepsOf(guide)).toEqual([
    { heading: 'One', commands: 'first\n', shown: { kind: 'json', text: '{}\n' } },
    { heading: 'Two', commands: 'second\n', shown: null },
  ])
})

describe('an output is as shown', () => {
  test.each([
    ['a  1 b', 'a 1 b\n'],
    ['… bytes', '22 bytes'],
    ['first\n…\nlast', 'first\nand\nmore\nlast\n'],
    ['"status":"ready"', '"status":"ready"'],
    ['/a.b (c)', '/a.b (c)'],
  ])('%j by %j', (shown, printed) => expect(isAsShown(shown, printed)).toBe(true))

  test.each([
    ['a.b', 'axb'],
    ['first', 'first\nmore'],
    ['500000', '51044'],
    ['', 'x'],
  ])('%j, but not by %j', (shown, printed) => expect(isAsShown(shown, printed)).toBe(false))
})

describe('the terminal', () => {
  const terminal = new Terminal('/tmp', {})
  afterAll(() => terminal.close())

  test('keeps variables from one step to the next, and gives what each printed', async () => {
    expect(await terminal.run('NAME=value; echo one')).toBe('one\n')
    expect(await terminal.run('printf "%s" "$NAME"')).toBe('value')
  })

  test('throws where the last command failed, and goes on', async () => {
    await expect(terminal.run('echo broken; false')).rejects.toThrow('it ended with 1')
    expect(await terminal.run('true')).toBe('')
  })
})
