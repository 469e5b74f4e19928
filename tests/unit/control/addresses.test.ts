import { describe, expect, test } from 'bun:test'
import { Addresses, type AddressSettings } from '../../../src/control/engines/addresses.ts'
import { matchEngine } from '../../../src/core/streams/matching.ts'
import type { Engine } from '../../../src/core/types.ts'
import { engine } from '../../support/builders.ts'

/* Where an engine is, for proxies and for us. */

const SETTINGS: AddressSettings = {
  ...{ advertise: 'auto', advertiseHost: '127.0.0.1', dockerHost: '127.0.0.1', publishAddress: '' },
}
const of = (settings: Partial<AddressSettings>) => new Addresses({ ...SETTINGS, ...settings }, () => [])

describe('an engine in a network without IPv4', () => {
  const there = engine({ address: 'fd00:1::2', networks: ['six'] })

  test('is probed at its IPv6 address', () => {
    expect(of({}).probed(there)).toContainEqual({ host: 'fd00:1::2', port: 19_000 })
  })

  test('is told with brackets where proxies are told addresses, because acexy adds none', () => {
    const { host, port } = of({ advertise: 'ip' }).advertised(there)
    expect(URL.parse(`http://${host}:${port}/ace/getstream`)?.host).toBe('[fd00:1::2]:19000')
  })

  test('is told by its name otherwise', () => {
    expect(of({}).advertised(there)).toEqual({ host: 'acestream-1', port: 19_000 })
  })
})

test('a published port is asked for at every host that the settings name, and at the container, each once', () => {
  const hosts = (settings: Partial<AddressSettings>) =>
    of(settings)
      .probed(engine())
      .map(({ host }) => host)
  expect(hosts({})).toEqual(['127.0.0.1', '172.17.0.2'])
  expect(hosts({ advertiseHost: '192.168.1.10' })).toEqual(['127.0.0.1', '192.168.1.10', '172.17.0.2'])
  expect(hosts({ publishAddress: '10.0.0.5', advertiseHost: 'nas' })).toEqual([
    ...['127.0.0.1', '10.0.0.5', 'nas', '172.17.0.2'],
  ])
  expect(hosts({ publishAddress: '0.0.0.0' })).toEqual(hosts({}))
})

test('an IPv6 address as ADVERTISE_HOST is told with brackets', () => {
  const told = of({ advertiseHost: '2001:db8::7' }).advertised(engine())
  expect(told).toEqual({ host: '[2001:db8::7]', port: 19_000 })
})

describe('a stream on an engine that was told by an IPv6 address is found', () => {
  const addresses = of({ advertise: 'ip' })
  const fleet = [
    engine({ id: 'one', address: 'fd00:1::2', hostHttpPort: 1 }),
    engine({ id: 'two', address: 'fd00:1::3', hostHttpPort: 2 }),
  ]
  const match = (statUrl: string, host: string) =>
    matchEngine({ statUrl, host, port: 19_000, containerId: null }, fleet, (each: Engine) =>
      addresses.known(each),
    )?.id

  test.each([
    ['http://[fd00:1::3]:19000/ace/stat/a/b', ''],
    ['', '[fd00:1::3]'],
    ['', 'fd00:1::3'],
    ['', 'FD00:1:0:0:0:0:0:3'],
  ])('by stat_url "%s" and host "%s"', (statUrl, host) => expect(match(statUrl, host)).toBe('two'))
})

describe('an engine on one of several hosts', () => {
  const on = (name: string, change: Partial<Engine> = {}) =>
    engine({
      id: name,
      networks: [],
      address: null,
      host: { id: `id-${name}`, name, address: `10.0.0.${name}` },
      ...change,
    })
  const own = (callersHost: string | null) => of({ ownHost: { callersHost }, advertiseHost: '127.0.0.1' })
  const match = (addresses: Addresses, fleet: readonly Engine[], host: string) =>
    matchEngine({ statUrl: '', host, port: 19_000, containerId: null }, fleet, (each) =>
      addresses.known(each),
    )?.id

  test('is told and probed at the address of its host alone', () => {
    expect(own(null).advertised(on('1'))).toEqual({ host: '10.0.0.1', port: 19_000 })
    expect(own(null).probed(on('1'))).toEqual([{ host: '10.0.0.1', port: 19_000 }])
  })

  test('is told at ADVERTISE_HOST where the ingress of the swarm publishes it', () => {
    expect(of({ advertiseHost: 'swarm.example' }).advertised(on('1')).host).toBe('swarm.example')
  })

  test('is found among engines with the same port on other hosts', () => {
    const fleet = [on('1'), on('2')]
    expect(match(own(null), fleet, '10.0.0.2')).toBe('2')
  })

  test('is meant by localhost on the host of proxies, and else only if no other engine has the port', () => {
    expect(match(own('2'), [on('1'), on('2')], 'localhost')).toBe('2')
    expect(match(own('id-1'), [on('1'), on('2')], '127.0.0.1')).toBe('1')
    expect(match(own(null), [on('1'), on('2')], 'localhost')).toBeUndefined()
    expect(match(own(null), [on('1'), on('2', { hostHttpPort: 19_001 })], 'localhost')).toBe('1')
  })
})
