import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import packageJson from '../../../package.json' with { type: 'json' }
import { checkHealth, runCli } from '../../../src/cli/cli.ts'
import {
  type Config,
  type FileText,
  loadConfig,
  type SettingName,
  settingInfo,
  settingNames,
} from '../../../src/config/config.ts'
import { shownConfig } from '../../../src/config/secrets.ts'
import { MASK } from '../../../src/core/secrets.ts'

type Variables = Record<string, string>

function configOf(env: Variables, argv: readonly string[] = []): Config {
  const loaded = loadConfig(env, argv)
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

function problemsOf(env: Variables, argv: readonly string[] = []) {
  const loaded = loadConfig(env, argv)
  return 'problems' in loaded ? loaded.problems : []
}

function warningsOf(env: Variables) {
  return loadConfig(env, []).warnings
}

const noFile = (path: string): FileText => {
  throw new Error(`no file is to be read here: ${path}`)
}

function exitOf(env: Variables, ...argv: string[]) {
  const outcome = runCli(env, argv, noFile)
  if (outcome.kind !== 'exit') throw new Error(`Expected an exit, got ${outcome.kind}`)
  return outcome
}

describe('values', () => {
  test('every default is acceptable and warns of nothing', () => {
    expect(loadConfig({}, [])).toMatchObject({ warnings: [] })
    expect(problemsOf({})).toEqual([])
  })

  test('the defaults are those that operators of the earlier system know', () => {
    expect(configOf({})).toMatchObject({
      APP_PORT: 8000,
      API_KEY: [],
      MIN_REPLICAS: 0,
      MAX_REPLICAS: 20,
      AUTO_DELETE: false,
      ENGINE_GRACE_PERIOD_S: 30,
      CONTAINER_LABEL: { key: 'ondemand.app', value: 'myservice' },
      DB_URL: { path: './orchestrator.db' },
      PORT_RANGE_HOST: { first: 19000, last: 19999 },
      GLUETUN_CONTAINER_NAME: [],
      GLUETUN_PORT_RANGE: [{ first: 19000, last: 19019 }],
      VPN_RESTART_ENGINES_ON_RECONNECT: true,
      ENGINE_ENV: {},
      ENGINE_CMD: null,
    })
  })

  const accepted: readonly [SettingName, string, unknown][] = [
    ['CONTAINER_LABEL', 'a=b=c', { key: 'a', value: 'b=c' }],
    ['CONTAINER_LABEL', 'roundhouse=1', { key: 'roundhouse', value: '1' }],
    ['DB_URL', 'sqlite:///state/o.db', { path: 'state/o.db' }],
    ['DB_URL', 'sqlite:////data/o.db', { path: '/data/o.db' }],
    ['PORT_RANGE_HOST', '19000 - 19001', { first: 19000, last: 19001 }],
    ['PORT_RANGE_HOST', '19000', { first: 19000, last: 19000 }],
    ['GLUETUN_CONTAINER_NAME', 'gluetun', ['gluetun']],
    ['ALLOWED_IMAGES', 'a/b:1, ghcr.io/c', ['a/b:1', 'ghcr.io/c']],
    ['ENGINE_PIDS_LIMIT', '64', 64],
    ['ENGINE_CAP_DROP', 'all', ['ALL']],
    ['ENGINE_CAP_DROP', 'CAP_NET_RAW,chown', ['NET_RAW', 'CHOWN']],
    ['ENGINE_CAP_ADD', 'cap_sys_nice', ['SYS_NICE']],
    ['MAX_GENERIC', '0', 0],
    ['ENGINE_MEMORY_LIMIT', '512m', 512 * 1024 ** 2],
    ['ENGINE_MEMORY_LIMIT', '2G', 2 * 1024 ** 3],
    ['ENGINE_MEMORY_LIMIT', '512MB', 512 * 1024 ** 2],
    ['ENGINE_MEMORY_LIMIT', '536870912', 536870912],
    ['ENGINE_CPUS', '0.5', 0.5],
    ['ENGINE_CACHE_PATH', '/srv/ace/.ACEStream/cache', '/srv/ace/.ACEStream/cache'],
    ['ENGINE_ENV', '{"A":"b","N":1,"T":true}', { A: 'b', N: '1', T: 'true' }],
    ['ENGINE_ENV', '# note\nA=b=c\n\nFLAGS=--x {http_port}', { A: 'b=c', FLAGS: '--x {http_port}' }],
    ['ENGINE_RECIPE', 'START-ENGINE', 'start-engine'],
    ['ENGINE_LABELS', 'a.b/c=d=e\nf=', { 'a.b/c': 'd=e', f: '' }],
    ['ENGINE_LABELS', '{"a":true}', { a: 'true' }],
    ['ENGINE_VOLUMES', 'ace-{http_port}:/ace, /a b:/c:ro', ['ace-{http_port}:/ace', '/a b:/c:ro']],
    ['ENGINE_VOLUMES', '["v:/a:ro,z"]', ['v:/a:ro,z']],
    ['ENGINE_TMPFS', '/tmp  /cache:size=2g,mode=1777', { '/tmp': '', '/cache': 'size=2g,mode=1777' }],
    ['ENGINE_TMPFS', '{"/my cache":"size={cache_bytes}"}', { '/my cache': 'size={cache_bytes}' }],
    ['ENGINE_SHM_SIZE', '64k', 65_536],
    ['ENGINE_DNS', '1.1.1.1, fe80::1', ['1.1.1.1', 'fe80::1']],
    ['ENGINE_SECURITY_OPT', 'seccomp=unconfined,label=disable', ['seccomp=unconfined', 'label=disable']],
    ['ENGINE_HEALTHCHECK', 'Image', 'image'],
    ['PULL', 'missing', 'missing'],
    ['ENGINE_CMD', '["start","--port={http_port}"]', ['start', '--port={http_port}']],
    [
      'ENGINE_CMD',
      `sh -c 'a "b"' "c \\"d\\" \\n" e\\ f g'h'"i" ''`,
      ['sh', '-c', 'a "b"', 'c "d" \\n', 'e f', 'ghi', ''],
    ],
    ['AUTO_DELETE', 'TRUE', true],
    ['AUTO_DELETE', 'yes', true],
    ['AUTO_DELETE', '1', true],
    ['AUTO_DELETE', 'on', true],
    ['VPN_RESTART_ENGINES_ON_RECONNECT', 'off', false],
    ['VPN_RESTART_ENGINES_ON_RECONNECT', '0', false],
    ['MIN_PROVISION_INTERVAL_S', '0', 0],
    ['COLLECT_INTERVAL_S', '0.2', 0.2],
    ['DOCKER_HOST', 'unix:///run/d.sock', 'unix:///run/d.sock'],
    ['DOCKER_HOST', '/run/d.sock', '/run/d.sock'],
    ['DOCKER_HOST', 'tcp://127.0.0.1:2375', 'tcp://127.0.0.1:2375'],
    ['TARGET_IMAGE', 'localhost:5000/a/b-c:1.2', 'localhost:5000/a/b-c:1.2'],
    [
      'TARGET_IMAGE',
      `acestream/engine@sha256:${'a'.repeat(64)}`,
      `acestream/engine@sha256:${'a'.repeat(64)}`,
    ],
    ['BIND', '::', '::'],
    ['LOG_LEVEL', 'DEBUG', 'debug'],
    ['API_KEY', ' key \r', ['key']],
    ['API_KEY', 'one key, another~', ['one key', 'another~']],
    ['API_KEY', '', []],
    ['ENGINE_CPUS', '  ', null],
  ]
  test.each(accepted)('%s=%j is read as %j', (name, text, value) => {
    expect<unknown>(configOf({ API_KEY: 'k', [name]: text })[name]).toEqual(value)
  })

  const refused: readonly [SettingName, string][] = [
    ['APP_PORT', '0'],
    ['APP_PORT', '65536'],
    ['APP_PORT', '8e3'],
    ['MAX_REPLICAS', '0'],
    ['MAX_REPLICAS', '-1'],
    ['MAX_REPLICAS', '2.5'],
    ['MIN_REPLICAS', 'two'],
    ['HEALTH_CHECK_INTERVAL_S', '0'],
    ['HEALTH_CHECK_INTERVAL_S', '9999999'],
    ['ENGINE_GRACE_PERIOD_S', '0.5'],
    ['MIN_PROVISION_INTERVAL_S', '-1'],
    ['AUTO_DELETE', 'maybe'],
    ['CONTAINER_LABEL', 'no-value'],
    ['CONTAINER_LABEL', '=value'],
    ['CONTAINER_LABEL', 'key='],
    ['CONTAINER_LABEL', 'roundhouse.engine=x'],
    ['DB_URL', 'sqlite:///:memory:'],
    ['DB_URL', 'sqlite://'],
    ['DB_URL', 'postgres://db/orchestrator'],
    ['PORT_RANGE_HOST', '19999-19000'],
    ['PORT_RANGE_HOST', '65000-70000'],
    ['PORT_RANGE_HOST', 'any'],
    ['DOCKER_NETWORK', 'host'],
    ['DOCKER_NETWORK', 'none'],
    ['DOCKER_NETWORK', 'container:gluetun'],
    ['DOCKER_HOST', 'ssh://nas'],
    ['DOCKER_HOST', 'tcp://nas'],
    ['TARGET_IMAGE', 'Acestream/Engine'],
    ['TARGET_IMAGE', 'two words'],
    ['ALLOWED_IMAGES', 'Upper/Case'],
    ['ENGINE_PIDS_LIMIT', '15'],
    ['ENGINE_PIDS_LIMIT', '-1'],
    ['ENGINE_CAP_DROP', 'NET_RAWW'],
    ['ENGINE_CAP_ADD', 'ALL'],
    ['ENGINE_CAP_ADD', 'CAP_CAP_CHOWN'],
    ['MAX_GENERIC', '-1'],
    ['ENGINE_MEMORY_LIMIT', '1m'],
    ['ENGINE_MEMORY_LIMIT', '1.5g'],
    ['ENGINE_MEMORY_LIMIT', 'lots'],
    ['ENGINE_CPUS', '0'],
    ['ENGINE_ENV', '{"A":{}}'],
    ['ENGINE_ENV', '{"A":'],
    ['ENGINE_ENV', 'A'],
    ['ENGINE_ENV', '9A=b'],
    ['ENGINE_RECIPE', 'http'],
    ['ENGINE_RECIPE', 'arm-conf'],
    ['ENGINE_LABELS', 'roundhouse.engine=x'],
    ['ENGINE_LABELS', '{"acestream.http_port":"1"}'],
    ['ENGINE_LABELS', 'no-value'],
    ['ENGINE_VOLUMES', '/a'],
    ['ENGINE_VOLUMES', '/a:b'],
    ['ENGINE_VOLUMES', './a:/b'],
    ['ENGINE_VOLUMES', '/a:/'],
    ['ENGINE_VOLUMES', '/a:/b:ro,z'],
    ['ENGINE_VOLUMES', '/a:/b:ro:z'],
    ['ENGINE_VOLUMES', '/a:/b,/c:/b'],
    ['ENGINE_VOLUMES', '["/a:/b",1]'],
    ['ENGINE_TMPFS', 'cache'],
    ['ENGINE_TMPFS', '/'],
    ['ENGINE_TMPFS', '/a:size=1g:mode=1'],
    ['ENGINE_TMPFS', '/a /a:size=1g'],
    ['ENGINE_TMPFS', '{"/a":1}'],
    ['ENGINE_SHM_SIZE', '1k'],
    ['ENGINE_DNS', 'dns.example.com'],
    ['ENGINE_DNS', '1.1.1'],
    ['ENGINE_SECURITY_OPT', 'no-new-privileges:false'],
    ['ENGINE_SECURITY_OPT', 'seccomp=/etc/profile.json'],
    ['ENGINE_HEALTHCHECK', 'off'],
    ['PULL', 'daily'],
    ['ENGINE_CMD', '["a",1]'],
    ['ENGINE_CMD', '[]'],
    ['ENGINE_CMD', 'sh -c "open'],
    ['ENGINE_ADVERTISE', 'somewhere'],
    ['PROVISION_ERROR_DETAIL', 'xml'],
    ['VIEWER_WAIT_S', '2'],
    ['VIEWER_WAIT_S', '301'],
    ['VIEWER_WAIT_S', '4.5'],
    ['BIND', 'http://0.0.0.0'],
    ['GLUETUN_CONTAINER_NAME', 'a,,b'],
    ['GLUETUN_CONTAINER_NAME', 'a b'],
    ['STATS_HISTORY_MAX', '0'],
  ]
  test.each(refused)('%s=%j is refused with the variable, the value and what to set', (name, text) => {
    expect(problemsOf({ [name]: text })).toEqual([
      { variable: name, value: text, remedy: `Set ${name} to ${settingInfo(name).expects}` },
    ])
  })
})

describe('settings that do not fit together', () => {
  const refused: readonly [string, Variables, SettingName][] = [
    ['more engines to keep than allowed', { MIN_REPLICAS: '3', MAX_REPLICAS: '2' }, 'MIN_REPLICAS'],
    ['more free engines than allowed', { MIN_FREE_REPLICAS: '3', MAX_REPLICAS: '2' }, 'MIN_FREE_REPLICAS'],
    [
      'a capability that is taken and given',
      { ENGINE_CAP_ADD: 'CHOWN,KILL', ENGINE_CAP_DROP: 'CAP_KILL' },
      'ENGINE_CAP_ADD',
    ],
    [
      'the label of the installation among those of engines',
      { ENGINE_LABELS: 'ondemand.app=other' },
      'ENGINE_LABELS',
    ],
    [
      'a folder that is mounted twice',
      { ENGINE_TMPFS: '/cache:size=1g', ENGINE_VOLUMES: 'v:/cache' },
      'ENGINE_TMPFS',
    ],
    [
      'a single HTTP port that is the single peer-to-peer port, too',
      { PORT_RANGE_HOST: '19000', ACE_P2P_RANGE: '19000', MAX_REPLICAS: '1' },
      'PORT_RANGE_HOST',
    ],
    [
      'published ranges that overlap',
      { ACE_MAP_HTTPS: 'true', ACE_HTTPS_RANGE: '19999-20010' },
      'PORT_RANGE_HOST',
    ],
    [
      'a single HTTP port that is the single HTTPS port, too',
      { PORT_RANGE_HOST: '19000', ACE_HTTPS_RANGE: '19000', MAX_REPLICAS: '1' },
      'PORT_RANGE_HOST',
    ],
    [
      'a single HTTP port where engines listen for their peers',
      { PORT_RANGE_HOST: '8621', MAX_REPLICAS: '1' },
      'PORT_RANGE_HOST',
    ],
    ['a single HTTPS port where engines have their API', { ACE_HTTPS_RANGE: '62062' }, 'ACE_HTTPS_RANGE'],
    [
      'a node named twice',
      { GLUETUN_CONTAINER_NAME: 'a,a', GLUETUN_PORT_RANGE: '1-2,3-4' },
      'GLUETUN_CONTAINER_NAME',
    ],
    ['fewer ranges than nodes', { GLUETUN_CONTAINER_NAME: 'a,b' }, 'GLUETUN_PORT_RANGE'],
    [
      'fixed ports of a container that is no node',
      { GLUETUN_CONTAINER_NAME: 'a', GLUETUN_FIXED_PORTS: 'b:50000' },
      'GLUETUN_FIXED_PORTS',
    ],
    [
      'a fixed port twice',
      { GLUETUN_CONTAINER_NAME: 'a', GLUETUN_FIXED_PORTS: 'a:50000,50001,a:50000' },
      'GLUETUN_FIXED_PORTS',
    ],
    [
      'a fixed port that engines need otherwise',
      { GLUETUN_CONTAINER_NAME: 'a', GLUETUN_FIXED_PORTS: 'a:19003' },
      'GLUETUN_FIXED_PORTS',
    ],
    ['ranges of nodes that overlap', { GLUETUN_PORT_RANGE: '19000-19010,19010-19020' }, 'GLUETUN_PORT_RANGE'],
    [
      'the control server inside the range of its node',
      { GLUETUN_CONTAINER_NAME: 'a', GLUETUN_PORT_RANGE: '7990-8010' },
      'GLUETUN_PORT_RANGE',
    ],
    [
      'HTTPS ports that meet the HTTP ports of the node',
      { GLUETUN_CONTAINER_NAME: 'a', ACE_HTTPS_RANGE: '19000-19100' },
      'GLUETUN_PORT_RANGE',
    ],
    ['a user without a password', { GLUETUN_API_USER: 'u' }, 'GLUETUN_API_USER'],
    [
      'two ways to log in',
      { GLUETUN_API_KEY: 'k', GLUETUN_API_USER: 'u', GLUETUN_API_PASSWORD: 'p' },
      'GLUETUN_API_KEY',
    ],
  ]
  test.each(refused)('refuses %s', (_, env, variable) => {
    expect(problemsOf(env).map((problem) => problem.variable)).toEqual([variable])
  })

  const fitting: readonly [string, Variables][] = [
    ['ranges that would overlap if HTTPS ports were published', { ACE_HTTPS_RANGE: '19000-19100' }],
    ['as many ranges as nodes', { GLUETUN_CONTAINER_NAME: 'a, b', GLUETUN_PORT_RANGE: '1-2, 3-4' }],
    ['as many engines to keep as allowed', { MIN_REPLICAS: '2', MAX_REPLICAS: '2' }],
    [
      'one port for HTTP beside two for HTTPS, one of them the same',
      { PORT_RANGE_HOST: '19000', ACE_HTTPS_RANGE: '19000-19001' },
    ],
    [
      'the ports of peers where each engine has its own',
      { GLUETUN_CONTAINER_NAME: 'a', GLUETUN_PORT_RANGE: '8621', ACE_HTTPS_RANGE: '62062' },
    ],
    ['several ranges while there is no VPN', { GLUETUN_PORT_RANGE: '1-2,3-4' }],
  ]
  test.each(fitting)('accepts %s', (_, env) => {
    expect(problemsOf(env)).toEqual([])
  })

  test('all problems are told at once, those between settings too', () => {
    const env = { APP_PORT: 'x', DB_URL: 'y', MIN_REPLICAS: '9', MAX_REPLICAS: '2' }
    expect(problemsOf(env, ['--nope', '--BIND']).map(({ variable }) => variable)).toEqual([
      '--nope',
      '--BIND',
      'APP_PORT',
      'DB_URL',
      'MIN_REPLICAS',
    ])
  })

  test('a rule says nothing about a setting that is bad by itself', () => {
    expect(problemsOf({ MIN_REPLICAS: '30', MAX_REPLICAS: 'x' }).map(({ variable }) => variable)).toEqual([
      'MAX_REPLICAS',
    ])
  })

  test('the value of a secret is in no problem', () => {
    const env = { GLUETUN_API_KEY: 'hush', GLUETUN_API_USER: 'u', GLUETUN_API_PASSWORD: 'hush' }
    expect(problemsOf(env, ['--API_KEYS=hush', '--APIKEY', 'hush'])).toMatchObject([
      { variable: '--API_KEYS', remedy: 'Write --API_KEY=<value>' },
      { variable: '--APIKEY', remedy: 'Write --API_KEY=<value>' },
      { variable: 'GLUETUN_API_KEY', value: MASK },
    ])
    expect(JSON.stringify(problemsOf(env, ['--API_KEYS=hush', '--APIKEY', 'hush']))).not.toContain('hush')
  })
})

describe('flags and environment', () => {
  const forms = [['--APP_PORT=9000'], ['--APP_PORT', '9000'], ['--app-port=9000'], ['--app-port', '9000']]
  test.each(forms)('%s %s wins over the environment', (...argv) => {
    expect(configOf({ APP_PORT: '1' }, argv).APP_PORT).toBe(9000)
  })

  test('the last flag of a name counts, and a value may contain "="', () => {
    const argv = ['--container-label=a=b', '--CONTAINER_LABEL', 'c=d=e']
    expect(configOf({}, argv).CONTAINER_LABEL).toEqual({ key: 'c', value: 'd=e' })
  })

  test('an empty flag or variable counts as not set', () => {
    expect(configOf({ APP_PORT: '' }).APP_PORT).toBe(8000)
    expect(configOf({ APP_PORT: '9000' }, ['--APP_PORT=']).APP_PORT).toBe(9000)
  })

  test('each value knows where it comes from', () => {
    const loaded = loadConfig({ BIND: '::1', APP_PORT: '1' }, ['--app-port', '2'])
    const origins = 'origins' in loaded ? loaded.origins : new Map()
    expect(origins.get('APP_PORT')).toBe('flag')
    expect(origins.get('BIND')).toBe('environment')
    expect(origins.get('DB_URL')).toBe('default')
    expect(origins.size).toBe(settingNames().length)
  })

  const misread: readonly [string[], string, string][] = [
    [['--APP_PORT'], '--APP_PORT', 'Give it a value: --APP_PORT=<value>'],
    [['--APP_PORT', '--BIND=::1'], '--APP_PORT', 'Give it a value: --APP_PORT=<value>'],
    [['--max-replica', '3'], '--max-replica', 'Write --MAX_REPLICAS=<value>'],
    [['--colour=red'], '--colour', 'Leave it out: --help lists all settings'],
    [['serve'], 'serve', 'Leave it out: settings are given as --NAME=value'],
    [['-p'], '-p', 'Leave it out: settings are given as --NAME=value'],
  ]
  test.each(misread)('%j is a problem', (argv, variable, remedy) => {
    expect(problemsOf({}, argv)).toEqual([{ variable, value: '', remedy }])
  })
})

describe('warnings', () => {
  test.each([
    ['MAX_REPLICA', 'MAX_REPLICAS'],
    ['APP_PROT', 'APP_PORT'],
    ['MIN_REPLICAZ', 'MIN_REPLICAS'],
    ['AUTO_DELETEE', 'AUTO_DELETE'],
    ['PP_PORT', 'APP_PORT'],
    ['max_replicas', 'MAX_REPLICAS'],
    ['Auto_Delet', 'AUTO_DELETE'],
  ])('%s may mean %s', (variable, meant) => {
    expect(warningsOf({ [variable]: '1' })).toEqual([
      `${variable} is not a setting and is ignored: ${meant} may be meant`,
    ])
  })

  test('a variable that resembles no setting is ignored in silence', () => {
    expect(warningsOf({ PATH: '/bin', MAX_REPL: '1', HOSTNAME: 'a' })).toEqual([])
  })

  test.each([
    [{ ACE_HTTP_RANGE: '40000-40001' }, 'ACE_HTTP_RANGE: Accepted without effect'],
    [{ PROVISION_DEADLINE_MS: '3000' }, 'PROVISION_DEADLINE_MS: acexy gives up after 3000 ms'],
    [
      { MAX_REPLICAS: '21', GLUETUN_CONTAINER_NAME: 'a' },
      'MAX_REPLICAS: GLUETUN_PORT_RANGE has only 20 ports',
    ],
    [{ MAX_REPLICAS: '3', PORT_RANGE_HOST: '1-2' }, 'MAX_REPLICAS: PORT_RANGE_HOST has only 2 ports'],
    [{ MAX_REPLICAS: '3', PORT_RANGE_HOST: '8620-8622' }, 'MAX_REPLICAS: PORT_RANGE_HOST has only 2 ports'],
    [{ MAX_REPLICAS: '3', ACE_P2P_RANGE: '8700-8701' }, 'MAX_REPLICAS: ACE_P2P_RANGE has only 2 ports'],
    [
      { ENGINE_DNS: '1.1.1.1', GLUETUN_CONTAINER_NAME: 'a' },
      'ENGINE_DNS: engines behind a VPN have the name',
    ],
    [
      { PUBLISH_P2P: 'true', GLUETUN_CONTAINER_NAME: 'a' },
      'PUBLISH_P2P: engines behind a VPN publish no port',
    ],
    [{ VPN_CONTROL: 'none' }, 'GLUETUN_CONTAINER_NAME: it is not set, so VPN_CONTROL has no effect'],
    [
      { GLUETUN_API_KEY: 'secret', GLUETUN_PORT_RANGE: '30000-30009', VPN_STABLE_S: '5', VPN_STRICT: 'no' },
      'GLUETUN_CONTAINER_NAME: it is not set, so GLUETUN_PORT_RANGE, GLUETUN_API_KEY, VPN_STRICT have no effect',
    ],
    [
      { VPN_CONTROL: 'none', GLUETUN_CONTAINER_NAME: 'a', GLUETUN_API_KEY: 'k' },
      'VPN_CONTROL: no control server is asked, so GLUETUN_API_KEY has no effect. Remove it',
    ],
    [
      {
        ...{ VPN_CONTROL: 'none', GLUETUN_CONTAINER_NAME: 'a', GLUETUN_API_PORT: '8001' },
        ...{ GLUETUN_API_USER: 'u', GLUETUN_API_PASSWORD: 'p' },
      },
      'VPN_CONTROL: no control server is asked, so GLUETUN_API_PORT, GLUETUN_API_USER, GLUETUN_API_PASSWORD have',
    ],
    [
      { DOCKER_NETWORK: 'media', GLUETUN_CONTAINER_NAME: 'a' },
      'DOCKER_NETWORK: engines behind a VPN have the network of Gluetun',
    ],
    [
      { DOCKER_NETWORK: 'auto', GLUETUN_CONTAINER_NAME: 'a' },
      'DOCKER_NETWORK: engines behind a VPN have the network of Gluetun',
    ],
    [
      { ENGINE_ADVERTISE: 'container' },
      "ENGINE_ADVERTISE: names of containers mean nothing on Docker's default",
    ],
  ])('%j is allowed with a warning', (env, beginning) => {
    expect(problemsOf(env)).toEqual([])
    expect(warningsOf(env)).toContainEqual(expect.stringMatching(new RegExp(`^${beginning}`)))
  })

  test('a network without a VPN, and a VPN without a network, are none', () => {
    expect(warningsOf({ DOCKER_NETWORK: 'media' })).toEqual([])
    expect(warningsOf({ GLUETUN_CONTAINER_NAME: 'a' })).toEqual([])
  })
})

describe('properties', () => {
  const names = settingNames()

  test('loadConfig never throws, and gives a problem for every flag that is not a setting', () => {
    const variables = fc.dictionary(fc.constantFrom(...names), fc.string(), { maxKeys: 8 })
    fc.assert(
      fc.property(variables, fc.array(fc.string(), { maxLength: 5 }), (env, argv) => {
        const loaded = loadConfig(env, argv)
        const strangers = argv.filter((word) => !word.startsWith('--'))
        expect('problems' in loaded || strangers.length === 0).toBe(true)
      }),
    )
  })

  test('what --print-config shows is read back as the same values, but for what is secret', () => {
    const word = fc.stringMatching(/^[ -~]{1,8}$/)
    const settings = fc.record({
      ENGINE_CMD: fc.array(word, { minLength: 1 }).map((words) => JSON.stringify(words)),
      ENGINE_ENV: fc.dictionary(fc.stringMatching(/^[A-Z]{1,5}$/), word).map((env) => JSON.stringify(env)),
      ENGINE_LABELS: fc.dictionary(fc.stringMatching(/^[a-z]{5,8}$/), word).map((all) => JSON.stringify(all)),
      ENGINE_TMPFS: fc.constantFrom('/a /b:size=1g', ''),
      ENGINE_VOLUMES: fc.constantFrom('a:/c,/b:/d:ro', '["a:/c:ro,z"]'),
      ENGINE_MEMORY_LIMIT: fc.integer({ min: 6, max: 9999 }).map((size) => `${size}m`),
      GLUETUN_PORT_RANGE: fc.integer({ min: 1, max: 60_000 }).map((from) => `${from}-${from + 30}`),
      COLLECT_INTERVAL_S: fc.integer({ min: 1, max: 99_999 }).map((ms) => `${ms / 1000}`),
      CONTAINER_LABEL: fc.stringMatching(/^[a-z]{1,4}=[!-~]{1,6}$/),
    })
    fc.assert(
      fc.property(settings, (env) => {
        const lines = exitOf(env, '--print-config').stdout.trimEnd().split('\n')
        const flags = lines.map((line) => `--${line.replace(/^\w+ +/, '')}`)
        expect(configOf({}, flags)).toEqual(shownConfig(configOf(env)))
      }),
    )
  })

  test('a port range is accepted exactly when both ends are ports, the lower one first', () => {
    const end = fc.integer({ min: 0, max: 70_000 })
    fc.assert(
      fc.property(end, end, (first, last) => {
        const valid = first >= 1 && last <= 65_535 && first <= last
        expect(problemsOf({ ACE_P2P_RANGE: `${first}-${last}` }).length).toBe(valid ? 0 : 1)
      }),
    )
  })

  test('every name with one character left out is told to be a probable typing error', () => {
    const damaged = fc
      .constantFrom(...names)
      .chain((name) =>
        fc.nat({ max: name.length - 1 }).map((at) => `${name.slice(0, at)}${name.slice(at + 1)}`),
      )
    fc.assert(fc.property(damaged, (variable) => expect(warningsOf({ [variable]: '1' })).toHaveLength(1)))
  })
})

describe('command line', () => {
  test('--help names every setting and fits 100 columns', () => {
    const { code, stdout, stderr } = exitOf({}, '--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(settingNames().filter((name) => !stdout.includes(`  ${name} (`))).toEqual([])
    expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([])
  })

  test('--recipes shows what known images are started with, and fits 100 columns where text can be broken', () => {
    const { code, stdout } = exitOf({ APP_PORT: 'x' }, '--recipes')
    expect(code).toBe(0)
    expect(stdout).toContain('\nmartinbjeldbak\n  images: martinbjeldbak/acestream-http-proxy\n')
    expect(stdout).toContain('\n  cannot be served: it takes its ports from a mounted acestream.conf')
    expect(stdout.split('\n').filter((line) => line.length > 100 && line.trim().includes(' '))).toEqual([])
  })

  test('the default ranges touch neither each other nor the ports of outgoing connections', () => {
    const { PORT_RANGE_HOST, ACE_HTTPS_RANGE, ACE_P2P_RANGE, ACE_API_RANGE } = configOf({})
    const outgoing = { first: 32_768, last: 60_999 }
    const ranges = [ACE_P2P_RANGE, ACE_HTTPS_RANGE, PORT_RANGE_HOST, outgoing, ACE_API_RANGE]
    for (const [index, { first }] of ranges.entries())
      expect(first).toBeGreaterThan(ranges[index - 1]?.last ?? configOf({}).GLUETUN_API_PORT)
  })

  test('--help and --version answer also when the configuration is bad', () => {
    expect(exitOf({ APP_PORT: 'x' }, '-h').code).toBe(0)
    expect(exitOf({ APP_PORT: 'x' }, '--version').stdout).toBe(`roundhouse ${packageJson.version}\n`)
  })

  test('--print-config shows values with their origin and masks secrets', () => {
    const { code, stdout } = exitOf({ API_KEY: 'hush', BIND: '::1' }, '--print-config', '--app-port', '9')
    expect(code).toBe(0)
    expect(stdout).toContain('flag         APP_PORT=9\n')
    expect(stdout).toContain('environment  BIND=::1\n')
    expect(stdout).toContain(`environment  API_KEY=${MASK}\n`)
    expect(stdout).toContain('default      GLUETUN_API_KEY=\n')
    expect(stdout.trimEnd().split('\n')).toHaveLength(settingNames().length)
  })

  test('a bad configuration ends with code 2, variable, value and remedy, and no stack trace', () => {
    const { code, stdout, stderr } = exitOf({ APP_PORT: '99999', MAX_REPLICA: '3' })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe(
      'Cannot start: 1 setting is not right.\n' +
        '  APP_PORT="99999"\n' +
        '      Set APP_PORT to a whole number from 1 to 65535.\n' +
        'Warning: MAX_REPLICA is not a setting and is ignored: MAX_REPLICAS may be meant.\n',
    )
  })

  test('a good configuration runs', () => {
    const outcome = runCli({ MAX_REPLICA: '1' }, ['--MAX_REPLICAS', '4'], noFile)
    expect(outcome).toMatchObject({
      kind: 'run',
      config: { MAX_REPLICAS: 4 },
      warnings: [expect.any(String)],
    })
  })

  test('the start notes that today’s acexy makes 90 s of the sentence about a VPN, with the remedy', () => {
    const notes = (env: Variables) => {
      const outcome = runCli({ API_KEY: 'k', ...env }, [], noFile)
      return outcome.kind === 'run' ? outcome.notes : null
    }
    const behind = { GLUETUN_CONTAINER_NAME: 'gluetun' }
    expect(notes(behind)).toEqual([expect.stringMatching(/VPN.* 90 s .*PROVISION_ERROR_DETAIL=object/)])
    expect(notes({})).toEqual([])
    for (const PROVISION_ERROR_DETAIL of ['object', 'text'])
      expect(notes({ ...behind, PROVISION_ERROR_DETAIL })).toEqual([])
  })

  test.each([
    [{}, 'http://127.0.0.1:8000/readyz'],
    [{ BIND: '::', APP_PORT: '1' }, 'http://[::1]:1/readyz'],
    [{ BIND: 'fe80::1' }, 'http://[fe80::1]:8000/readyz'],
    [{ BIND: '10.0.0.5' }, 'http://10.0.0.5:8000/readyz'],
    [{ BIND: '0.0.0.0', API_KEY: 'k' }, 'http://127.0.0.1:8000/readyz'],
    [{ BIND: 'localhost', ALLOW_NO_KEY: 'true' }, 'http://localhost:8000/readyz'],
    // The server may have received its key by a flag, or the key file may be gone by now.
    [{ BIND: '0.0.0.0', API_KEY_FILE: '/gone', MAX_REPLICAS: 'x' }, 'http://127.0.0.1:8000/readyz'],
  ])('--healthcheck with %j asks %s', (env, url) => {
    expect(runCli(env, ['--healthcheck'], noFile)).toEqual({ kind: 'healthcheck', url })
  })

  test('checkHealth tells a ready server from one that is not, and from none, in words', async () => {
    const server = Bun.serve({
      port: 0,
      fetch: ({ url }) =>
        url.endsWith('/readyz') ? new Response('{"status":"ready"}') : new Response('why', { status: 503 }),
    })
    const at = `http://127.0.0.1:${server.port}`
    expect(await checkHealth(`${at}/readyz`)).toEqual({ code: 0, said: '200 {"status":"ready"}' })
    expect(await checkHealth(`${at}/other`)).toEqual({ code: 1, said: '503 why' })
    await server.stop(true)
    const { code, said } = await checkHealth(`${at}/readyz`)
    expect(code).toBe(1)
    expect(said).toStartWith(`no answer from ${at}/readyz: `)
  })
})
