import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { readSecretFile, runCli } from '../../../src/cli/cli.ts'
import { type FileText, loadConfig } from '../../../src/config/config.ts'
import { MASK } from '../../../src/core/secrets.ts'

/* Access: API keys and where they are set, and the listen address. */

type Variables = Readonly<Record<string, string>>

const KEY = '0123456789abcdef0123456789abcdef'

/** The result of loading settings, with the contents of files. */
function load(env: Variables, files: Readonly<Record<string, FileText>> = {}) {
  const loaded = loadConfig(env, [], new Map(Object.entries(files)))
  return 'problems' in loaded
    ? { config: null, origins: null, problems: loaded.problems, warnings: loaded.warnings }
    : { ...loaded, problems: [] }
}

const contents = (text: string): Readonly<Record<string, FileText>> => ({ '/run/secrets/it': { text } })

describe('the address', () => {
  test.each<[Variables, string]>([
    [{}, '127.0.0.1'],
    [{ API_KEY: '' }, '127.0.0.1'],
    [{ ALLOW_NO_KEY: 'false' }, '127.0.0.1'],
    [{ API_KEY: KEY }, '0.0.0.0'],
    [{ ALLOW_NO_KEY: 'true' }, '0.0.0.0'],
    [{ BIND: '127.0.0.1', API_KEY: KEY }, '127.0.0.1'],
    [{ BIND: '::', API_KEY: KEY }, '::'],
  ])('of %j is %s, and --print-config says so', (env, address) => {
    expect(load(env).config?.BIND).toBe(address)
    const outcome = runCli(env, ['--print-config'], readSecretFile)
    const origin = env.BIND === undefined ? 'default    ' : 'environment'
    expect(outcome).toMatchObject({ kind: 'exit', code: 0 })
    expect('stdout' in outcome && outcome.stdout).toContain(`${origin}  BIND=${address}\n`)
  })

  test('is all of them with a key from a file', () => {
    const { config } = load({ API_KEY_FILE: '/run/secrets/it' }, contents(KEY))
    expect(config?.BIND).toBe('0.0.0.0')
  })

  const LOOPBACK = ['127.0.0.1', '127.0.0.53', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', 'localhost']
  test.each(LOOPBACK)('%s needs no key', (BIND) => {
    expect(load({ BIND }).problems).toEqual([])
  })

  const OPEN = ['0.0.0.0', '::', '0', '10.0.0.5', '172.17.0.1', 'fe80::1', 'nas', '128.0.0.1', '27.0.0.1']
  test.each([...OPEN, '127.example.org', 'localhost.example.org', '127.0.0.1.example.org', '::127.0.0.1'])(
    '%s is refused without a key, with the sentence',
    (BIND) => {
      expect(load({ BIND }).problems).toEqual([
        { variable: 'BIND', value: BIND, remedy: expect.stringContaining('Set API_KEY or API_KEY_FILE too') },
      ])
      expect(load({ BIND, API_KEY: KEY }).problems).toEqual([])
      expect(load({ BIND, ALLOW_NO_KEY: 'true' }).problems).toEqual([])
    },
  )

  test('is told with all other problems, and not where the key itself is one', () => {
    const variables = (env: Variables) => load(env).problems.map(({ variable }) => variable)
    expect(variables({ BIND: '::', APP_PORT: 'x' })).toEqual(['APP_PORT', 'BIND'])
    expect(variables({ BIND: '::', API_KEY: ' ' })).toEqual(['API_KEY'])
    expect(variables({ BIND: '::', API_KEY_FILE: '/missing' })).toEqual(['API_KEY_FILE'])
    expect(variables({ BIND: '::', ALLOW_NO_KEY: 'perhaps' })).toEqual(['ALLOW_NO_KEY'])
  })

  test('is noted at the start where the default is this machine only', () => {
    const notes = (env: Variables) => {
      const outcome = runCli(env, [], readSecretFile)
      return outcome.kind === 'run' ? outcome.notes : null
    }
    expect(notes({})).toEqual([expect.stringMatching(/^it listens on 127\.0\.0\.1 only.*API_KEY/)])
    for (const env of [{ BIND: '127.0.0.1' }, { API_KEY: KEY }, { ALLOW_NO_KEY: 'true' }])
      expect(notes(env)).toEqual([])
  })

  test('that all reach without a key is allowed with advice', () => {
    const advice = (env: Variables) => load(env).warnings
    expect(advice({ ALLOW_NO_KEY: 'true' })).toEqual([
      expect.stringMatching(/^ALLOW_NO_KEY: anybody in the network.*at 0\.0\.0\.0/),
    ])
    expect(advice({ ALLOW_NO_KEY: 'true', BIND: '10.0.0.5' })).toEqual([expect.stringContaining('10.0.0.5')])
    expect(advice({ ALLOW_NO_KEY: 'true', BIND: '::1' })).toEqual([])
    expect(advice({ ALLOW_NO_KEY: 'true', API_KEY: KEY })).toEqual([])
  })

  test('that reads are protected by a key that is not there is told', () => {
    const advice = (env: Variables) => load({ API_KEY_PROTECT_READS: 'true', ...env }).warnings
    expect(advice({})).toEqual([
      expect.stringMatching(
        /^API_KEY_PROTECT_READS: .*reads are open.*127\.0\.0\.1\. Set API_KEY or API_KEY_FILE$/,
      ),
    ])
    expect(advice({ ALLOW_NO_KEY: 'true', BIND: '10.0.0.5' })).toContainEqual(
      expect.stringMatching(/^API_KEY_PROTECT_READS: .*10\.0\.0\.5/),
    )
    expect(advice({ API_KEY: KEY })).toEqual([])
    expect(load({}).warnings).toEqual([])
  })
})

describe('keys', () => {
  test.each([
    ' ',
    '  \r',
    '\t',
    ',',
    `,${KEY}`,
    `${KEY},`,
    `${KEY}, ,${KEY}`,
    'kéy',
    'a\nb',
    'a\tb',
    'a\x00b',
  ])('API_KEY=%j is refused, and never means that there is none', (API_KEY) => {
    for (const env of [{ API_KEY }, { API_KEY, ALLOW_NO_KEY: 'true' }, { API_KEY, BIND: '::' }]) {
      expect(load(env).problems).toEqual([
        { variable: 'API_KEY', value: MASK, remedy: expect.stringContaining('printable ASCII') },
      ])
    }
    const outcome = runCli({}, [`--API_KEY=${API_KEY}`], readSecretFile)
    expect(outcome).toMatchObject({ kind: 'exit', code: 2 })
  })

  test.each([' ', '\r'])('a blank secret of Gluetun (%j) is refused', (blank) => {
    const env = { GLUETUN_API_KEY: blank, GLUETUN_API_USER: 'u', GLUETUN_API_PASSWORD: blank }
    expect(load(env).problems.map(({ variable }) => variable)).toEqual([
      'GLUETUN_API_KEY',
      'GLUETUN_API_PASSWORD',
    ])
  })

  test('every text is one or more keys that a header takes, or a problem', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (API_KEY) => {
        const { config } = load({ API_KEY })
        if (config === null) return
        expect(config.API_KEY.length).toBeGreaterThan(0)
        for (const key of config.API_KEY) {
          const headers = new Headers({ authorization: `Bearer ${key}` })
          expect(headers.get('authorization')).toBe(`Bearer ${key}`)
        }
      }),
    )
  })

  test('a short one is advised against, and not shown', () => {
    const { warnings } = load({ API_KEY: `${KEY},zq-zq-zq-zq-zq-` })
    expect(warnings).toEqual([expect.stringMatching(/^API_KEY: a key of fewer than 16 characters/)])
    expect(warnings.join()).not.toContain('zq')
    expect(load({ API_KEY: 'zq-zq-zq-zq-zq-z' }).warnings).toEqual([])
  })
})

describe('a secret in a file', () => {
  test.each([
    [`${KEY}\n`, [KEY]],
    [`${KEY}\r\n\r\n`, [KEY]],
    [KEY, [KEY]],
    [`${KEY}\nother key\n`, [KEY, 'other key']],
    [`${KEY}\r\nother key`, [KEY, 'other key']],
    [`${KEY}, other key`, [KEY, 'other key']],
  ])('%j is the keys %j', (text, keys) => {
    const { config, origins } = load({ API_KEY_FILE: '/run/secrets/it' }, contents(text))
    expect(config?.API_KEY).toEqual(keys)
    expect([origins?.get('API_KEY'), origins?.get('API_KEY_FILE')]).toEqual(['file', 'environment'])
  })

  test('is taken as it is for Gluetun, but for the newline at its end', () => {
    const env = { GLUETUN_API_USER: 'u', GLUETUN_API_PASSWORD_FILE: '/run/secrets/it' }
    expect(load(env, contents(' pass, word \n')).config?.GLUETUN_API_PASSWORD).toBe(' pass, word ')
    const { config } = load({ GLUETUN_API_KEY_FILE: '/run/secrets/it' }, contents('k,1\n'))
    expect(config?.GLUETUN_API_KEY).toBe('k,1')
  })

  const NAMES = ['API_KEY', 'GLUETUN_API_KEY', 'GLUETUN_API_PASSWORD']
  /** Adds the other settings that this setting requires. */
  const env = (name: string): Variables => ({
    ...(name.endsWith('PASSWORD') ? { GLUETUN_API_USER: 'u' } : {}),
    [`${name}_FILE`]: '/run/secrets/it',
  })

  test.each(NAMES)('is a problem of %s_FILE that names the remedy where it is none', (name) => {
    const problem = (file: FileText) => load(env(name), { '/run/secrets/it': file }).problems
    const of = (remedy: string) => [
      { variable: `${name}_FILE`, value: '/run/secrets/it', remedy: expect.stringContaining(remedy) },
    ]
    for (const blank of ['', '\n', '  \r\n']) expect(problem({ text: blank })).toEqual(of(`value of ${name}`))
    expect(problem({ remedy: 'Name another file' })).toEqual(of('Name another file'))
    expect(load({ ...env(name), [name]: KEY }, contents(KEY)).problems).toEqual(
      of(`Set ${name} or ${name}_FILE, not both`),
    )
    expect(load({ ...env(name), [`${name}_FILE`]: ' ' }).problems.map(({ variable }) => variable)).toEqual([
      `${name}_FILE`,
    ])
  })

  test.each(['kéy-that-nobody-sees', 'a\n\nb', 'a\nb,'])('%j is refused without being shown', (text) => {
    const { problems } = load({ API_KEY_FILE: '/run/secrets/it' }, contents(text))
    expect(problems).toEqual([
      {
        variable: 'API_KEY_FILE',
        value: '/run/secrets/it',
        remedy: expect.stringMatching(/^Change its content to a key/),
      },
    ])
  })

  describe('on a disk', () => {
    let folder: string
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
    })
    afterEach(() => rmSync(folder, { recursive: true }))

    const stderrOf = (path: string): string => {
      const outcome = runCli({ API_KEY_FILE: path }, [], readSecretFile)
      return outcome.kind === 'exit' && outcome.code === 2 ? outcome.stderr : `not refused: ${outcome.kind}`
    }

    test('is read, and its content is never shown', () => {
      const path = join(folder, 'key')
      writeFileSync(path, `${KEY}\n`)
      const outcome = runCli({ API_KEY_FILE: path }, ['--print-config'], readSecretFile)
      const stdout = outcome.kind === 'exit' ? outcome.stdout : ''
      expect(stdout).toContain(`file         API_KEY=${MASK}\n`)
      expect(stdout).toContain(`environment  API_KEY_FILE=${path}\n`)
      expect(stdout).not.toContain(KEY)
      expect(runCli({}, ['--api-key-file', path], readSecretFile)).toMatchObject({
        config: { API_KEY: [KEY] },
      })
    })

    test('is refused where there is none, in a folder’s place, and when it is too large or no text', () => {
      const path = join(folder, 'key')
      expect(stderrOf(path)).toContain(`API_KEY_FILE=${JSON.stringify(path)}\n      Name a file that exists`)
      expect(stderrOf(join(import.meta.path, 'key'))).toContain('Name a file that exists')
      mkdirSync(path)
      expect(stderrOf(path)).toContain('this is a folder')
      expect(stderrOf('/dev/zero')).toContain('an ordinary file')
      writeFileSync(join(folder, 'large'), 'k'.repeat(65_537))
      expect(stderrOf(join(folder, 'large'))).toContain('at most 65536 bytes')
      writeFileSync(join(folder, 'binary'), new Uint8Array([0xff, 0xfe, 0x41]))
      expect(stderrOf(join(folder, 'binary'))).toContain('plain text')
    })
  })
})
