import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { callOf } from '../../../src/cli/calls.ts'
import { runCli } from '../../../src/cli/cli.ts'
import { COMMANDS } from '../../../src/cli/commands.ts'
import type { FileText } from '../../../src/config/config.ts'
import { settingNames } from '../../../src/config/config.ts'
import { edits, isOneEditApart, nearest } from '../../../src/core/nearest.ts'
import { read } from '../../support/documents.ts'

const noFile = (path: string): FileText => {
  throw new Error(`no file is to be read here: ${path}`)
}

const call = (env: Readonly<Record<string, string>>, ...argv: string[]) => runCli(env, argv, noFile)

function exitOf(...argv: string[]) {
  const outcome = call({}, ...argv)
  if (outcome.kind !== 'exit') throw new Error(`Expected an exit, got ${outcome.kind}`)
  return outcome
}

describe('a call', () => {
  test('without a command and with serve is the same', () => {
    expect(call({}, 'serve', '--MAX_REPLICAS=3')).toEqual(call({}, '--MAX_REPLICAS=3'))
    expect(call({})).toMatchObject({ kind: 'run' })
  })

  test.each([
    [['config'], ['--print-config']],
    [['version'], ['--version']],
    [['healthcheck'], ['--healthcheck']],
    [
      ['config', '--app-port', '9'],
      ['--app-port', '9', '--print-config'],
    ],
    [
      ['serve', '--print-config'],
      ['--print-config', '--healthcheck'],
    ],
  ])('%j does what %j does', (command, flags) => {
    expect(call({ LOG_LEVEL: 'warn' }, ...command)).toEqual(call({ LOG_LEVEL: 'warn' }, ...flags))
  })

  test.each([
    [['backup', 'a.bak'], { kind: 'backup', file: 'a.bak' }],
    [
      ['backup', '--DB_URL', 'sqlite:///b.db', 'a.bak'],
      { kind: 'backup', file: 'a.bak', config: { DB_URL: { path: 'b.db' } } },
    ],
    [
      ['restore', 'a.bak', '--DB_URL=sqlite:///b.db'],
      { kind: 'restore', file: 'a.bak', config: { DB_URL: { path: 'b.db' } } },
    ],
    [['remove-engines'], { kind: 'remove-engines', isConfirmed: false }],
    [['remove-engines', '--yes', '--CONTAINER_LABEL=a=b'], { kind: 'remove-engines', isConfirmed: true }],
    [['doctor', '--json'], { kind: 'doctor', isJson: true, url: 'http://127.0.0.1:8000/healthz' }],
    [['version', '-v'], { kind: 'version' }],
  ])('%j is read', (argv, expected) => {
    expect(call({}, ...argv)).toMatchObject(expected)
  })

  test.each(['backup a', 'restore a', 'remove-engines', 'healthcheck'])(
    '%s works although settings that it does not need are wrong',
    (words) => {
      const env = { MAX_REPLICAS: 'x', BIND: '0.0.0.0', API_KEY_FILE: '/gone' }
      expect(
        call(words === 'healthcheck' ? { ...env, BIND: '127.0.0.1' } : env, ...words.split(' ')).kind,
      ).not.toBe('exit')
    },
  )

  test('of the doctor has wrong values as findings, and the rest to look around with', () => {
    const outcome = call({ MAX_REPLICAS: 'x', APP_PORT: '9' }, 'doctor')
    expect(outcome).toMatchObject({
      kind: 'doctor',
      url: 'http://127.0.0.1:9/healthz',
      loaded: { problems: [{ variable: 'MAX_REPLICAS' }], rest: { MAX_REPLICAS: 20, APP_PORT: 9 } },
    })
  })
})

describe('a wrong call ends with 2', () => {
  test.each([
    [['docter'], 'There is no command "docter": doctor may be meant.\n'],
    [['remove-engine'], 'There is no command "remove-engine": remove-engines may be meant.\n'],
    [
      ['strat'],
      'There is no command "strat". roundhouse --help lists all; settings are given as --NAME=value.\n',
    ],
    [['doctor', '--jsno'], 'There is no flag "--jsno": --json may be meant.\n'],
    [['remove-engines', '--yess'], 'There is no flag "--yess": --yes may be meant.\n'],
    [['--halthcheck'], 'There is no flag "--halthcheck": --healthcheck may be meant.\n'],
    [['backup'], 'FILE is missing: roundhouse backup FILE [--SETTING=value ...]\n'],
    [['backup', 'a', 'b'], '"b" is too much: roundhouse backup FILE [--SETTING=value ...]\n'],
    [['doctor', 'now'], '"now" is too much: roundhouse doctor [--json] [--SETTING=value ...]\n'],
  ])('%j', (argv, stderr) => {
    expect(exitOf(...argv)).toEqual({ kind: 'exit', code: 2, stdout: '', stderr })
  })

  test.each([
    [['--MAX_REPLCAS=2'], 'Write --MAX_REPLICAS=<value>.'],
    [['--MAX_REPLIKATS=2'], 'Write --MAX_REPLICAS=<value>.'],
    [['doctor', '--apport=2'], 'Write --APP_PORT=<value>.'],
    [['doctor', '--healthcheck'], 'Leave it out: --help lists all settings.'],
    [['backup', 'a', '--print-config'], 'Leave it out: --help lists all settings.'],
    [['doctor', '--yes'], 'Leave it out: --help lists all settings.'],
    [['doctor', '--DOCKER_HOST'], 'Give it a value: --DOCKER_HOST=<value>.'],
    [['backup', 'a', '--nothing=2'], 'Leave it out: --help lists all settings.'],
    [['backup', 'a', '--MAX_REPLICAS=x'], 'Set MAX_REPLICAS to a whole number of at least 1.'],
  ])('%j', (argv, words) => {
    const { code, stderr } = exitOf(...argv)
    expect(code).toBe(2)
    expect(stderr).toContain(words)
  })

  test('but no setting, in any spelling, with any command', () => {
    const wrong = COMMANDS.flatMap(({ name, operands }) =>
      settingNames().flatMap((setting) =>
        [`--${setting}`, `--${setting.toLowerCase().replaceAll('_', '-')}`].filter(
          (flag) => typeof callOf([name, ...operands, flag, 'value']) === 'string',
        ),
      ),
    )
    expect(wrong).toEqual([])
  })
})

describe('help', () => {
  test.each(COMMANDS.map((command) => command.name))('of %s fits 100 columns and has its usage', (name) => {
    const { code, stdout } = exitOf(name, '--help')
    expect(code).toBe(0)
    expect(stdout).toStartWith(name === 'serve' ? 'Usage: roundhouse [COMMAND]' : `Usage: roundhouse ${name}`)
    expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([])
  })

  test('is given to whoever calls a command wrongly and asks for it', () => {
    expect(exitOf('backup', '-h', '--jsno').stdout).toStartWith('Usage: roundhouse backup FILE')
  })

  test('names every command, and so does the README', async () => {
    const readme = await read('README.md')
    for (const { name, operands } of COMMANDS)
      expect(readme).toContain(`\n| \`${[name, ...operands].join(' ')}\` | `)
    const { stdout } = exitOf('--help')
    for (const { name, summary } of COMMANDS) expect(stdout).toContain(`  ${name.padEnd(14)}   ${summary}\n`)
  })
})

describe('names', () => {
  test.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', '', 3],
    ['abc', 'abxc', 1],
    ['abc', 'bac', 1],
    ['abcd', 'acbd', 1],
    ['abc', 'axc', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('%j and %j are %i edits apart', (one, other, apart) => {
    expect(edits(one, other)).toBe(apart)
    expect(edits(other, one)).toBe(apart)
  })

  test('what is one edit apart is told without counting', () => {
    // Few letters and short texts, so that many pairs are near.
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '_'), maxLength: 5 })
    fc.assert(
      fc.property(word, word, (one, other) => {
        expect(isOneEditApart(one, other)).toBe(edits(one, other) === 1)
      }),
      { numRuns: 3_000 },
    )
  })

  test('the nearest one has the fewest edits, and at most a third of the word', () => {
    expect(nearest('restor', ['backup', 'restore', 'restart'])).toBe('restore')
    expect(nearest('xyz', ['abc'])).toBeUndefined()
    expect(nearest('bck', ['backup'])).toBeUndefined()
  })
})
