import { describe, expect, test } from 'bun:test'
import { runCli } from '../../../src/cli/cli.ts'
import { loadConfig } from '../../../src/config/config.ts'
import { publishAddressOf } from '../../../src/config/publishing.ts'

/* Where engines publish their ports, and what is said of it. */

type Variables = Readonly<Record<string, string>>

const KEY = { API_KEY: 'k'.repeat(32) }

function addressOf(env: Variables): string {
  const loaded = loadConfig(env, [])
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return publishAddressOf(loaded.config)
}

/** The notes of a start about ports. */
function notesOf(env: Variables): readonly string[] {
  const outcome = runCli({ ...KEY, ...env }, [], () => ({ problem: 'no file' }) as never)
  if (outcome.kind !== 'run') throw new Error(`it is ${outcome.kind}`)
  return outcome.notes.filter((note) => note.includes('PUBLISH_ADDRESS'))
}

const warningsOf = (env: Variables) =>
  loadConfig({ ...KEY, ...env }, []).warnings.filter((each) => each.startsWith('PUBLISH_ADDRESS'))

describe('where proxies are told a loopback address, engines are published on it', () => {
  test.each<[Variables, string]>([
    [{}, '127.0.0.1'],
    [{ ENGINE_ADVERTISE: 'host' }, '127.0.0.1'],
    [{ ADVERTISE_HOST: 'localhost' }, '127.0.0.1'],
    [{ ADVERTISE_HOST: '::1' }, '::1'],
    [{ DOCKER_NETWORK: 'bridge' }, '127.0.0.1'],
    [{ DOCKER_NETWORK: 'auto' }, '127.0.0.1'],
    [{ DOCKER_NETWORK: 'media', ENGINE_ADVERTISE: 'host' }, '127.0.0.1'],
    [{ DOCKER_HOST: 'tcp://127.0.0.1:2375' }, '127.0.0.1'],
  ])('%j', (env, address) => {
    expect(addressOf(env)).toBe(address)
    expect(notesOf(env)).toEqual([])
  })
})

describe('elsewhere on all addresses, which the start says', () => {
  test.each<[Variables, string]>([
    [{ ADVERTISE_HOST: '192.168.1.10' }, 'to the address of this Docker host'],
    [{ ADVERTISE_HOST: 'nas.example', ENGINE_ADVERTISE: 'host' }, 'to the address of this Docker host'],
    [{ DOCKER_NETWORK: 'media' }, 'to 127.0.0.1, since proxies are told no published port'],
    [{ ENGINE_ADVERTISE: 'ip' }, 'to 127.0.0.1'],
    // This process reaches the engines of another host by their published ports alone.
    [{ DOCKER_HOST: 'tcp://10.0.0.2:2375' }, 'to the address of this Docker host'],
  ])('%j', (env, words) => {
    expect(addressOf(env)).toBe('')
    expect(notesOf(env)).toEqual([expect.stringContaining(words)])
  })
})

test.each(['127.0.0.1', '0.0.0.0', '192.168.1.10', '::', 'fd00::5'])(
  'PUBLISH_ADDRESS=%s is obeyed',
  (own) => {
    const env = { PUBLISH_ADDRESS: own, ADVERTISE_HOST: 'nas' }
    expect(addressOf(env)).toBe(own)
    expect(notesOf(env)).toEqual([])
  },
)

test.each(['localhost', '127.0.0.1:80', '[::1]', '300.1.1.1', 'fe80::1%eth0', '10.0.0.0/8'])(
  'PUBLISH_ADDRESS=%s is refused, with what to set',
  (value) => {
    expect(loadConfig({ PUBLISH_ADDRESS: value }, [])).toMatchObject({
      problems: [
        {
          ...{ variable: 'PUBLISH_ADDRESS', value },
          remedy: expect.stringContaining('Set PUBLISH_ADDRESS to an IPv4 or IPv6 address'),
        },
      ],
    })
  },
)

describe('behind a VPN engines publish nothing', () => {
  const vpn = { GLUETUN_CONTAINER_NAME: 'gluetun' }

  test('so nothing is said, and no engine is outdated by it', () => {
    expect([addressOf(vpn), addressOf({ ...vpn, PUBLISH_ADDRESS: '127.0.0.1' })]).toEqual(['', ''])
    expect(notesOf({ ...vpn, ADVERTISE_HOST: '10.0.0.5' })).toEqual([])
  })

  test('and the setting is said to have no effect', () => {
    expect(warningsOf({ ...vpn, PUBLISH_ADDRESS: '127.0.0.1' })).toEqual([
      expect.stringContaining('engines behind a VPN publish no port'),
    ])
  })
})

describe('an address where proxies or this process do not find engines is advised against', () => {
  test.each<[Variables, string]>([
    [{ PUBLISH_ADDRESS: '192.168.1.10' }, 'proxies are told 127.0.0.1, where they do not listen'],
    [{ PUBLISH_ADDRESS: '127.0.0.1', ADVERTISE_HOST: '192.168.1.10' }, 'told 192.168.1.10'],
    [{ PUBLISH_ADDRESS: '127.0.0.1', ADVERTISE_HOST: 'nas' }, 'told nas'],
    [{ PUBLISH_ADDRESS: '10.0.0.5', ADVERTISE_HOST: '10.0.0.6' }, 'Set ADVERTISE_HOST=10.0.0.5'],
    [
      { PUBLISH_ADDRESS: '127.0.0.1', DOCKER_HOST: 'tcp://10.0.0.2:2375' },
      'engines are published for 10.0.0.2 alone, and this process asks them from elsewhere',
    ],
  ])('%j', (env, words) => expect(warningsOf(env)).toEqual([expect.stringContaining(words)]))

  test.each<Variables>([
    {},
    { PUBLISH_ADDRESS: '127.0.0.1', ADVERTISE_HOST: 'localhost' },
    { PUBLISH_ADDRESS: '127.0.0.1', DOCKER_NETWORK: 'media' },
    { PUBLISH_ADDRESS: '10.0.0.5', ADVERTISE_HOST: 'nas' },
    { PUBLISH_ADDRESS: 'FD00:0::5', ADVERTISE_HOST: 'fd00::5' },
    { PUBLISH_ADDRESS: '0.0.0.0', ADVERTISE_HOST: '10.0.0.6' },
  ])('%j is fine', (env) => expect(warningsOf(env)).toEqual([]))
})
