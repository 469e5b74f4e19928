import { describe, expect, test } from 'bun:test'
import { runCli } from '../../../src/cli/cli.ts'
import { settingsRows } from '../../../src/cli/doctor/settings.ts'
import { type Environment, loadConfig, settingNames } from '../../../src/config/config.ts'
import { EARLIER_SETTINGS } from '../../../src/config/earlier-settings.ts'
import { probableTypos } from '../../../src/config/sources.ts'

/* What an environment still says to the orchestrators before this one. */

const problemsOf = (env: Environment) => {
  const loaded = loadConfig(env, [])
  return 'problems' in loaded ? loaded.problems : []
}
const refused = (env: Environment) => problemsOf(env).map(({ variable }) => variable)
const warnings = (env: Environment) => loadConfig(env, []).warnings

/** A warning for each of the names and no other, whatever it says. */
function expectTold(env: Environment, names: readonly string[]): void {
  expect(warnings(env).map((each) => each.split(' ')[0] ?? '')).toEqual([...names])
}

const TWO_VPNS = {
  VPN_MODE: 'redundant',
  GLUETUN_CONTAINER_NAME: 'gluetun',
  GLUETUN_CONTAINER_NAME_2: 'gluetun2',
  GLUETUN_PORT_RANGE_1: '19000-19009',
  GLUETUN_PORT_RANGE_2: '19010-19019',
}
const OF_TWO = ['VPN_MODE', 'GLUETUN_CONTAINER_NAME_2', 'GLUETUN_PORT_RANGE_1', 'GLUETUN_PORT_RANGE_2']

describe('seven settings of the earlier orchestrator', () => {
  const { GLUETUN_CONTAINER_NAME: _, ...rest } = TWO_VPNS
  const env = { ENGINE_VARIANT: 'jopsis-arm64', IDLE_TTL_S: '600', DEBUG_MODE: 'true', ...rest }

  test('are all told, and those of the second VPN stop the start', () => {
    expect(refused(env)).toEqual(OF_TWO)
    expect(warnings(env)).toEqual([
      expect.stringMatching(/^ENGINE_VARIANT is .* ignored: set TARGET_IMAGE /),
      expect.stringMatching(/^IDLE_TTL_S is .* ignored: set ENGINE_GRACE_PERIOD_S/),
      expect.stringMatching(/^DEBUG_MODE is .* ignored: set LOG_LEVEL=debug/),
    ])
  })

  test('are told by the command line and by the doctor alike', () => {
    const noFile = () => ({ remedy: 'no file is to be read here' })
    for (const words of [[], ['config'], ['--print-config']]) {
      const outcome = runCli(env, words, noFile)
      expect(outcome).toMatchObject({ kind: 'exit', code: 2, stdout: '' })
      const stderr = outcome.kind === 'exit' ? outcome.stderr : ''
      for (const name of Object.keys(env)) expect(stderr).toMatch(new RegExp(`\\b${name}\\b`))
    }
    const outcome = runCli(env, ['doctor'], noFile)
    if (outcome.kind !== 'doctor') throw new Error(`the doctor did not begin: ${outcome.kind}`)
    const rows = settingsRows(outcome.loaded)
    expect(rows.map(({ status }) => status).join(' ')).toBe('fault fault fault fault warning warning warning')
    expect(rows.at(-1)).toMatchObject({
      message: 'DEBUG_MODE is a setting of acestream-orchestrator and is ignored',
      remedy: 'set LOG_LEVEL=debug for more lines',
    })
  })
})

describe('a second VPN', () => {
  test('is refused in the quotes and with the comments that docker run --env-file passes on', () => {
    const quoted = Object.fromEntries(Object.entries(TWO_VPNS).map(([name, value]) => [name, `"${value}"`]))
    const env = { ...quoted, GLUETUN_CONTAINER_NAME: 'gluetun', VPN_MODE: 'redundant # two of them' }
    expect(problemsOf(env).map(({ remedy }) => remedy)).toEqual(
      problemsOf(TWO_VPNS).map(({ remedy }) => remedy),
    )
    expect(refused({ GLUETUN_CONTAINER_NAME: 'gluetun', GLUETUN_CONTAINER_NAME_2: "''" })).toEqual([])
    const single = {
      VPN_MODE: '"single"',
      GLUETUN_CONTAINER_NAME: 'gluetun',
      GLUETUN_CONTAINER_NAME_2: 'gluetun2',
    }
    expect(refused(single)).toEqual([])
    expect(refused({ VPN_MODE: 'redundnat', GLUETUN_CONTAINER_NAME: 'gluetun' })).toEqual(['VPN_MODE'])
  })

  test('is refused where each node would get the ports of the other', () => {
    const ours = { GLUETUN_CONTAINER_NAME: 'a,b', GLUETUN_PORT_RANGE: '19000-19009,19010-19019' }
    const swapped = { GLUETUN_PORT_RANGE_1: '19010-19019', GLUETUN_PORT_RANGE_2: '19000-19009' }
    expect(refused({ ...ours, ...swapped })).toEqual(Object.keys(swapped))
    const [one] = problemsOf({ ...ours, GLUETUN_PORT_RANGE_1: '19000-19010' })
    expect(one?.remedy).toContain('GLUETUN_PORT_RANGE=19000-19010,19010-19019,')
  })

  test('is no VPN at all where none is set here, which the remedy says, and a flag gets the same words', () => {
    const [problem] = problemsOf({ VPN_MODE: 'redundant' })
    expect(problem?.remedy).toEndWith('or leave all of these out if engines shall use no VPN')
    const loaded = loadConfig({ GLUETUN_CONTAINER_NAME: 'a' }, ['--GLUETUN_CONTAINER_NAME_2=b'])
    expect('problems' in loaded && loaded.problems[0]?.remedy).toContain(
      'every name in GLUETUN_CONTAINER_NAME is a node',
    )
  })

  test.each(['VPN_ENABLED', 'DYNAMIC_VPN_MANAGEMENT'])(
    'by %s alone is refused with why, and the remedy for both wishes',
    (name) => {
      expect(problemsOf({ [name]: 'yes' })).toEqual([
        {
          variable: name,
          value: 'yes',
          remedy:
            'It asks for a VPN, and engines would use none: set GLUETUN_CONTAINER_NAME to the Gluetun container whose network they ' +
            'shall use, which you start yourself; or leave this out if they shall use no VPN',
        },
      ])
    },
  )

  test('is refused with the settings that say the same here, and these start', () => {
    const [first] = problemsOf(TWO_VPNS)
    const pairs = [...(first?.remedy ?? '').matchAll(/([A-Z_]+)=(\S+?)(?=[\s;]|, )/g)]
    const remedy = Object.fromEntries(pairs.map(([, name, value]) => [name, value]))
    expect(remedy).toEqual({
      GLUETUN_CONTAINER_NAME: 'gluetun,gluetun2',
      GLUETUN_PORT_RANGE: '19000-19009,19010-19019',
    })
    expect(loadConfig(remedy, [])).toMatchObject({ config: {}, warnings: [] })
  })

  test('that our settings have as well is told and not refused', () => {
    const same = { GLUETUN_CONTAINER_NAME: 'gluetun,gluetun2', GLUETUN_PORT_RANGE: '19000-19009,19010-19019' }
    expect(refused({ ...TWO_VPNS, ...same })).toEqual([])
    expectTold({ ...TWO_VPNS, ...same }, [
      ...['GLUETUN_CONTAINER_NAME_2', 'VPN_MODE', 'GLUETUN_PORT_RANGE_1', 'GLUETUN_PORT_RANGE_2'],
    ])
  })

  test.each<[string, Environment, readonly string[]]>([
    ['the mode alone', { VPN_MODE: 'Redundant' }, ['VPN_MODE']],
    ['a name alone', { GLUETUN_CONTAINER_NAME_2: 'b' }, ['GLUETUN_CONTAINER_NAME_2']],
    ['ports of Gluetun without its name', { GLUETUN_PORT_RANGE_1: '1-2' }, ['GLUETUN_PORT_RANGE_1']],
    [
      'other ports than ours',
      { GLUETUN_CONTAINER_NAME: 'a', GLUETUN_PORT_RANGE_1: '19000-19499' },
      ['GLUETUN_PORT_RANGE_1'],
    ],
    ['the same ports', { GLUETUN_CONTAINER_NAME: 'a', GLUETUN_PORT_RANGE_1: '19000 - 19019' }, []],
    ['no range', { GLUETUN_CONTAINER_NAME: 'a', GLUETUN_PORT_RANGE_1: 'x' }, ['GLUETUN_PORT_RANGE_1']],
    ['one VPN', { VPN_MODE: 'single' }, []],
    ['one VPN here and there', { VPN_MODE: 'single', GLUETUN_CONTAINER_NAME: 'a' }, []],
    [
      'what the earlier one passed over itself',
      {
        VPN_MODE: 'single',
        GLUETUN_CONTAINER_NAME: 'a',
        GLUETUN_CONTAINER_NAME_2: 'b',
        GLUETUN_PORT_RANGE_2: '1-2',
      },
      [],
    ],
    ['empty variables', { VPN_MODE: '', GLUETUN_CONTAINER_NAME_2: ' ' }, []],
    ['a VPN of its own making', { VPN_ENABLED: 'true' }, ['VPN_ENABLED']],
    ['the same in 1.7', { DYNAMIC_VPN_MANAGEMENT: 'true' }, ['DYNAMIC_VPN_MANAGEMENT']],
    ['none of its making', { VPN_ENABLED: 'false', DYNAMIC_VPN_MANAGEMENT: '0' }, []],
    ['one beside ours', { VPN_ENABLED: 'true', GLUETUN_CONTAINER_NAME: 'a' }, []],
  ])('%s', (_, env, names) => expect(refused(env)).toEqual([...names]))

  test('is not guessed at where our own setting is wrong', () => {
    expect(refused({ ...TWO_VPNS, GLUETUN_CONTAINER_NAME: 'a b' })).toEqual(['GLUETUN_CONTAINER_NAME'])
  })

  test('leaves a place in the remedy for what nobody says', () => {
    const remedyOf = (env: Environment) => problemsOf(env)[0]?.remedy
    expect(remedyOf({ VPN_MODE: 'redundant', GLUETUN_CONTAINER_NAME: 'a' })).toContain(
      'GLUETUN_CONTAINER_NAME=a,<second container> and GLUETUN_PORT_RANGE=<its ports>,<its ports>',
    )
    expect(remedyOf({ GLUETUN_CONTAINER_NAME: 'a', GLUETUN_PORT_RANGE_1: '1-2' })).toContain(
      'GLUETUN_CONTAINER_NAME=a and GLUETUN_PORT_RANGE=1-2,',
    )
  })
})

describe('the table', () => {
  const ours: ReadonlySet<string> = new Set(settingNames())

  test('has each name once, and none of ours', () => {
    const names = EARLIER_SETTINGS.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => ours.has(name))).toEqual([])
  })

  test.each(EARLIER_SETTINGS.map(({ name }) => name))('%s is told once, by its own sentence', (name) => {
    const env = { [name]: 'true', M3U_TIMEOUT: '15' }
    const told = [...refused(env), ...warnings(env).filter((each) => each.startsWith(`${name} `))]
    expect(told).toHaveLength(1)
  })

  test('has remedies that are ends of a sentence and name only settings that there are', () => {
    for (const { name, remedy } of EARLIER_SETTINGS) {
      expect([name, remedy]).toEqual([name, expect.stringMatching(/^[a-z].*[^.]$/)])
      expect([name, /: |\. /.test(remedy)]).toEqual([name, false])
      const named = remedy.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? []
      expect([name, named.filter((each) => !ours.has(each))]).toEqual([name, []])
    }
  })
})

test('a variable that has a warning of its own is no typing error as well', () => {
  const env = { MIN_REPLICA: '2' }
  expect(probableTypos(env, settingNames(), () => false)).toHaveLength(1)
  expect(probableTypos(env, settingNames(), (name) => name === 'MIN_REPLICA')).toEqual([])
})

describe('a variable that other programs have, too', () => {
  // A container that is linked to one of the name `redis` gets such a variable from Docker.
  const linked = { REDIS_PORT: 'tcp://10.0.0.2:6379', MAX_RETRIES: '3', HLS_WINDOW_SIZE: '6' }

  test('is told only beside one that the earlier orchestrator alone has', () => {
    expectTold(linked, [])
    expectTold({ ...linked, REDIS_CHUNK_TTL_S: '60' }, [
      ...['REDIS_CHUNK_TTL_S', 'REDIS_PORT', 'HLS_WINDOW_SIZE', 'MAX_RETRIES'],
    ])
  })

  test('is not claimed: time zone, user, proxies and what a shell sets', () => {
    expectTold(
      { TZ: 'Europe/Madrid', PUID: '1000', HTTP_PROXY: 'http://p', DEBUG: '1', HOME: '/', LANG: 'C' },
      [],
    )
  })

  test('and that acexy has is told only where the numbers differ', () => {
    const shared = { ACEXY_MAX_STREAMS_PER_ENGINE: '2', MAX_STREAMS_PER_ENGINE: '2' }
    expectTold({ ...shared, REDIS_HOST: 'redis' }, [])
    expectTold({ ACEXY_MAX_STREAMS_PER_ENGINE: '2' }, ['ACEXY_MAX_STREAMS_PER_ENGINE'])
  })
})

test('no value of the earlier settings is shown but those of the VPN', () => {
  const env = { PROTON_PASSWORD: 'hush', REDIS_HOST: 'hush', PROXY_LISTEN_ADDR: 'hush' }
  expect(warnings(env)).toHaveLength(3)
  expect(warnings(env).join()).not.toContain('hush')
})
