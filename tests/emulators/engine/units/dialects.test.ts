import { describe, expect, test } from 'bun:test'
import { DIALECT_NAMES, type DialectName } from '../dialect.ts'
import { StartError } from '../engine-flags.ts'
import { startLines } from '../engine-log.ts'
import { SettingError } from '../setting-values.ts'
import { readSettings } from '../settings.ts'

/** The variables that an orchestrator gives to an image that it knows nothing about. */
const VARIABLES = {
  HTTP_PORT: '7001',
  HTTPS_PORT: '7002',
  API_PORT: '7003',
  P2P_PORT: '7004',
  BIND_ALL: 'true',
  INTERNAL_BUFFERING: '60',
  CACHE_LIMIT: '10',
  CONF: '--http-port=7001\n--api-port=7003\n--port=7004\n--bind-all',
}
const FLAGS = ['--http-port=7001', '--https-port=7002', '--api-port', '7003', '--port=7004', '--bind-all']

/** What an engine listens on that was told nothing. */
const DEFAULTS = { httpPort: 6878, apiPort: 62_062, p2pPort: 8621, httpAddress: '127.0.0.1' }
const GIVEN = { httpPort: 7001, apiPort: 7003, p2pPort: 7004, httpAddress: '0.0.0.0' }
const ALL = '0.0.0.0'

const started = (dialect: DialectName, env: Readonly<Record<string, string>>, args: readonly string[]) =>
  readSettings({ EMULATOR_DIALECT: dialect, ...env }, args)

/** The reason for which an engine does not start. Throws if it starts. */
function refusal(
  dialect: DialectName,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): StartError {
  try {
    started(dialect, env, args)
  } catch (error) {
    if (error instanceof StartError) return error
    throw error
  }
  throw new Error('it started')
}

describe('what a dialect reads', () => {
  test.each<[DialectName, object]>([
    ['http-proxy', { ...GIVEN, apiPort: 62_062 }],
    ['martinbjeldbak', DEFAULTS],
    ['ubuntu-home', { ...DEFAULTS, httpPort: 7001, httpAddress: ALL }],
    ['ubuntu-home-checked', { ...DEFAULTS, httpPort: 7001, httpAddress: ALL }],
  ])('%s: of the variables', (dialect, expected) => {
    expect(started(dialect, VARIABLES, [])).toMatchObject(expected)
  })

  test.each<[DialectName, readonly string[]]>([
    ['arguments', ['--client-console']],
    ['aceserve', ['main.py']],
  ])('%s: of the variables nothing, of its words all', (dialect, words) => {
    expect(started(dialect, VARIABLES, words)).toMatchObject(DEFAULTS)
    expect(started(dialect, {}, [...words, ...FLAGS])).toMatchObject(GIVEN)
  })

  test.each<[DialectName, object]>([
    ['http-proxy', DEFAULTS],
    ['martinbjeldbak', GIVEN],
    ['ubuntu-home', { ...DEFAULTS, httpPort: 6000, httpAddress: ALL }],
  ])('%s: of the words of a command', (dialect, expected) => {
    const own = dialect === 'ubuntu-home' ? { HTTP_PORT: '6000', HTTPS_PORT: '6001' } : {}
    expect(started(dialect, own, ['--client-console', ...FLAGS])).toMatchObject(expected)
  })

  test('martinbjeldbak: two variables of its own', () => {
    const env = { EXTRA_FLAGS: '--http-port=7001 --port=7004', ALLOW_REMOTE_ACCESS: 'yes' }
    expect(started('martinbjeldbak', env, [])).toMatchObject({ ...GIVEN, apiPort: 62_062 })
    expect(started('martinbjeldbak', { ALLOW_REMOTE_ACCESS: 'no' }, [])).toMatchObject(DEFAULTS)
  })

  test('ubuntu-home: nothing without its ports; the newer one also wants them side by side', () => {
    expect(refusal('ubuntu-home', {}, [])).toMatchObject({ exitCode: 2 })
    expect(refusal('ubuntu-home-checked', {}, [])).toMatchObject({ exitCode: 1 })
    const apart = { HTTP_PORT: '7001', HTTPS_PORT: '7003' }
    expect(started('ubuntu-home', apart, [])).toMatchObject({ httpPort: 7001 })
    expect(refusal('ubuntu-home-checked', apart, []).message).toContain('must be HTTP_PORT (7001) + 1')
    const flags = { ...VARIABLES, ACESTREAM_EXTRA_FLAGS: '--api-port=7003 --port=7004' }
    expect(started('ubuntu-home', flags, [])).toMatchObject({ apiPort: 62_062, p2pPort: 8621 })
    expect(started('ubuntu-home-checked', flags, [])).toMatchObject(GIVEN)
  })

  test('none opens an HTTPS port', () => {
    expect(started('http-proxy', VARIABLES, []).httpsPort).toBeNull()
    expect(readSettings(VARIABLES, []).httpsPort).toBe(7002)
  })

  test.each(DIALECT_NAMES)('%s: the settings of the emulator', (dialect) => {
    const words = dialect === 'aceserve' ? ['main.py'] : ['--client-console']
    const env = { ...VARIABLES, BOOT_MS: '7', CONTROL_PORT: '+10000', BIND_ADDRESS: '127.0.0.2' }
    const { bootMs, control, bindAddress, httpPort } = started(dialect, env, words)
    expect({ bootMs, bindAddress }).toEqual({ bootMs: 7, bindAddress: '127.0.0.2' })
    expect(control.port).toBe(httpPort + 10_000)
  })

  test('an unknown name is an error', () => {
    expect(() => readSettings({ EMULATOR_DIALECT: 'klingon' }, [])).toThrow(SettingError)
  })
})

describe('the words of an engine', () => {
  test('without --bind-all, HTTP is on loopback, or refuses public clients where a test wants that', () => {
    const intranet = { WITHOUT_BIND_ALL: 'intranet' }
    const args = ['--client-console']
    expect(started('arguments', {}, args)).toMatchObject({ bindAll: false, httpAddress: '127.0.0.1' })
    expect(started('arguments', intranet, args)).toMatchObject({ bindAll: false, httpAddress: ALL })
  })

  test('unknown ones are ignored, also those that are no flags, and kept to be looked at', () => {
    const args = ['--client-console', 'word', '', ' --bind-all', '--colour=red', '--http-port=7001']
    expect(started('arguments', {}, args)).toMatchObject({ httpPort: 7001, bindAll: false, flags: args })
  })

  test('the last of a name counts', () => {
    const args = ['--client-console', '--http-port=7001', '--http-port', '7009']
    expect(started('arguments', {}, args).httpPort).toBe(7009)
  })

  test.each([
    ['--port=', "error: argument --port: invalid int value: ''"],
    ['--api-port=many', "error: argument --api-port: invalid int value: 'many'"],
    ['--http-port', 'error: argument --http-port: expected one argument'],
  ])('%s ends it with 2', (word, text) => {
    const refused = refusal('arguments', {}, ['--client-console', word, '--bind-all'])
    expect(refused.exitCode).toBe(2)
    expect(refused.message).toContain(text)
  })

  test('without --client-console it ends; the engine of Android needs none', () => {
    expect(refusal('arguments', {}, ['--bind-all']).message).toStartWith('Missing required startup options')
    expect(started('aceserve', {}, ['main.py', '--bind-all']).httpAddress).toBe(ALL)
    expect(refusal('aceserve', {}, ['--bind-all']).message).toContain("can't open file")
  })

  test('a port that is none ends it', () => {
    expect(refusal('arguments', {}, ['--client-console', '--port=70000']).exitCode).toBe(1)
  })
})

test('the log at the start has the form of a real one, with the words that were given', () => {
  const args = ['--client-console', '--http-port=7001', '--access-token=very-secret']
  const settings = started('arguments', {}, args)
  const { before, after } = startLines(settings, Date.UTC(2026, 0, 2, 3, 4, 5, 6), 30)
  const first = '2026-01-02 03:04:05,006|MainThread|acestream|Start Ace Stream 3.2.11'
  expect(before[0]).toBe(first)
  expect(before.join('\n')).toContain(
    '|options: --client-console --http-port=7001 --access-token=very-secret',
  )
  expect(after.join('\n')).toContain("|acestream.httpserver|start: bound on ('127.0.0.1', 7001)\n")
  expect(after.slice(-30).map((line) => line.split('|')[3])).toEqual(
    Array.from({ length: 30 }, (_, index) => `line ${index + 1}`),
  )
})
