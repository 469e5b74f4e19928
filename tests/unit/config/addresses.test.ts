import { expect, test } from 'bun:test'
import { addressesOf } from '../../../src/cli/addresses.ts'

/* The URLs that a start names. */

const own = (address: string, family = 'IPv4', internal = false) => ({ address, family, internal })

const interfaces = {
  lo: [own('127.0.0.1', 'IPv4', true), own('::1', 'IPv6', true)],
  eth0: [own('192.168.1.5'), own('fe80::1', 'IPv6')],
  docker0: [own('172.17.0.1')],
  'br-0123456789ab': [own('172.18.0.1')],
  wlan0: [own('10.0.0.7')],
  absent: undefined,
}

test.each([
  ['127.0.0.1', ['http://127.0.0.1:8000']],
  ['::1', ['http://[::1]:8000']],
  ['0.0.0.0', ['http://localhost:8000', 'http://192.168.1.5:8000', 'http://10.0.0.7:8000']],
  ['::', ['http://localhost:8000', 'http://192.168.1.5:8000', 'http://10.0.0.7:8000']],
])('a server at %s is reached at %j', (BIND, addresses) => {
  expect(addressesOf({ BIND, APP_PORT: 8000 }, interfaces)).toEqual(addresses)
})

test('a host of many networks names a few of its addresses', () => {
  const many = { eth0: Array.from({ length: 40 }, (_, at) => own(`10.1.0.${at}`)) }
  expect(addressesOf({ BIND: '0.0.0.0', APP_PORT: 1 }, many)).toHaveLength(5)
})
