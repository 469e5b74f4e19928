import { describe, expect, test } from 'bun:test'
import { newEngineWarning, silenceWarning } from '../../../src/core/proxies/contact.ts'
import { cutOff, type Told } from '../../../src/core/proxies/cut-off.ts'

/* What is known of a proxy from its container and from what it is told. */

const told = (change: Partial<Told> = {}): Told => ({
  ...{ listed: { host: 'acestream-1', port: 19_000 }, way: 'container', networks: ['media'], vpnNode: null },
  ...change,
})
const proxyIn = (...networks: string[]) => ({ id: 'a', name: 'acexy', networks })
const loopback = { listed: { host: '127.0.0.1', port: 19_000 }, way: 'published' } as const
const ip = { listed: { host: '172.18.0.5', port: 6878 }, way: 'address' } as const
const node = { listed: { host: 'gluetun', port: 19_000 }, way: 'vpn_container', vpnNode: 'gluetun' } as const

describe('a proxy in a container reaches', () => {
  test.each<[string, Partial<Told>, string[]]>([
    ['a name in its network', {}, ['tv', 'media']],
    ['an address in its network, the default bridge too', { ...ip, networks: ['bridge'] }, ['bridge']],
    ['a published port at another address', { ...loopback, listed: { host: '10.0.0.1', port: 1 } }, ['tv']],
    ['the name of a VPN container in its network', node, ['media']],
    ['a VPN container of which no network is known, perhaps', { ...node, networks: null }, ['tv']],
  ])('%s', (_, change, networks) => {
    expect(cutOff(proxyIn(...networks), [told(change)], false)).toBeNull()
  })

  test('all ports of the VPN container whose network it shares', () => {
    const gluetun = { id: 'g', name: 'gluetun', networks: ['bridge'] }
    expect(cutOff(gluetun, [told(node), told({ ...loopback, vpnNode: 'gluetun' })], true)).toBeNull()
  })
})

describe('a proxy in a container does not reach', () => {
  test.each<[string, Partial<Told>, string[], boolean, string, string]>([
    [
      'a name in another network',
      {},
      ['tv'],
      false,
      'acestream-1:19000, which is in another network (media)',
      'run: docker network connect media acexy',
    ],
    [
      'a name in the default bridge, where names mean nothing',
      { networks: ['bridge'] },
      ['bridge', 'tv'],
      false,
      'a name that means nothing to others (bridge)',
      'set DOCKER_NETWORK=tv, so that new engines join it',
    ],
    [
      'the same from the bridge',
      { networks: ['bridge'] },
      ['bridge'],
      false,
      'a name that means nothing',
      'make a network (docker network create), put acexy into it, and set DOCKER_NETWORK',
    ],
    [
      'an address in another network',
      { ...ip, networks: ['bridge'] },
      ['tv'],
      false,
      '172.18.0.5:6878, which is in another network (bridge)',
      'run: docker network connect bridge acexy',
    ],
    [
      'a VPN container in another network',
      { ...node, networks: ['vpn'] },
      ['tv'],
      false,
      'gluetun:19000, which is in another network (vpn)',
      'run: docker network connect vpn acexy',
    ],
    [
      'a VPN container without a network of names',
      { ...node, networks: ['bridge'] },
      ['tv'],
      false,
      'a name that means nothing',
      'put gluetun and acexy into one network of your own',
    ],
    [
      'localhost by the default',
      { ...loopback, networks: ['bridge'] },
      ['media'],
      false,
      '127.0.0.1:19000, which is that container itself there',
      "set DOCKER_NETWORK=media, so that new engines join it; or give acexy the host's network",
    ],
    [
      'localhost by a setting, though both are in one network',
      loopback,
      ['media'],
      true,
      'itself there',
      'leave out ENGINE_ADVERTISE=host; or give acexy',
    ],
    [
      'localhost by a setting, from another network',
      { ...loopback, listed: { host: '[::1]', port: 1 } },
      ['tv'],
      true,
      '[::1]:1, which is',
      'leave out ENGINE_ADVERTISE=host, and run: docker network connect media acexy',
    ],
  ])('%s', (_, change, networks, isHostAdvertised, message, remedy) => {
    const warning = cutOff(proxyIn(...networks), [told(change)], isHostAdvertised)
    expect(warning?.message).toStartWith(
      `a proxy runs in the container acexy (${networks.join(', ')}) and is told `,
    )
    expect(warning?.message).toContain(message)
    expect(warning?.remedy).toStartWith(remedy)
  })
})

describe('the address that acexy is to be given', () => {
  const house = (...networks: string[]) =>
    ({ kind: 'container', name: 'house', networks, wayOut: null, gateways: [] }) as const
  test.each([
    ['on the host', { kind: 'host' } as const, '0.0.0.0', 'http://localhost:8000 if acexy runs on this host'],
    ['while nothing is known', null, '0.0.0.0', 'elsewhere to an address of this host'],
    ['in a network', house('media', 'bridge'), '0.0.0.0', 'http://house:8000 in a container in media ('],
    ['in the default bridge', house('bridge'), '0.0.0.0', 'put acexy and house into one network of your own'],
    ['in a container that listens to itself', house('media'), '127.0.0.1', 'leave BIND out'],
  ])('%s', (_, self, bind, words) => {
    expect(silenceWarning(null, { self, bind, port: 8_000 }).remedy).toContain(words)
  })
})

test('of several proxies one that is not in the network of a VPN container needs a free engine', () => {
  const gluetun = { id: 'g', name: 'gluetun', networks: ['media'] }
  const needs = { nodes: ['gluetun'], keepsFree: false }
  expect(newEngineWarning([gluetun], needs)).toBeNull()
  expect(newEngineWarning([gluetun, proxyIn('tv')], needs)?.message).toContain('container acexy (tv)')
  expect(newEngineWarning([proxyIn('tv')], { ...needs, keepsFree: true })).toBeNull()
})
