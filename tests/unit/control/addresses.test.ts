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
