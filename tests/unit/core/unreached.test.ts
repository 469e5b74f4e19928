import { expect, test } from 'bun:test'
import { type Fruitless, unreachedWarning } from '../../../src/core/proxies/unreached.ts'

const attempt = (change: Partial<Fruitless> = {}): Fruitless => ({
  ...{
    engine: 'acestream-1',
    listed: { host: '127.0.0.1', port: 19_000 },
    way: 'published',
    networks: ['media'],
    ...change,
  },
})
const three = (change: Partial<Fruitless> = {}) => [attempt(), attempt(), attempt(change)]
const remedy = (change: Partial<Fruitless>) => unreachedWarning(three(change), 'media.lan')?.remedy ?? ''

test('two fruitless attempts in a row warn of nothing, and three do', () => {
  expect(unreachedWarning([attempt(), attempt()], '127.0.0.1')).toBeNull()
  const warning = unreachedWarning(three({ engine: 'acestream-2' }), '127.0.0.1')
  expect(warning?.message).toContain('the engines (acestream-1, acestream-2) answer us')
  expect(warning?.message).toEndWith('as 127.0.0.1:19000')
})

test.each([
  ['a loopback address', {}, 'set ADVERTISE_HOST to an address of this host'],
  ['another address', { listed: { host: 'media.lan', port: 1 } }, 'ADVERTISE_HOST (now media.lan)'],
  [
    'an address of its own',
    { way: 'address' },
    'in the network of the engines (media); else set ENGINE_ADVERTISE=host and ADVERTISE_HOST',
  ],
  ['the name of its container', { way: 'container' }, 'must be in media, where the engines are'],
  [
    'the name of the VPN container',
    { way: 'vpn_container', listed: { host: 'gluetun', port: 19_000 } },
    'in a network of gluetun; else publish GLUETUN_PORT_RANGE there, and set ENGINE_ADVERTISE=host and ADVERTISE_HOST',
  ],
] as const)('the remedy fits an engine that is listed at %s', (_, change, text) => {
  expect(remedy(change)).toContain(text)
})
