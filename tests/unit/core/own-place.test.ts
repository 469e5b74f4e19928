import { describe, expect, test } from 'bun:test'
import { apart, type OwnPlace, ownNetwork } from '../../../src/core/containers/own-place.ts'

const inside = (networks: readonly string[], wayOut: string | null = null): OwnPlace => ({
  ...{ kind: 'container', name: 'house', networks, wayOut, gateways: [] },
})
const HOST: OwnPlace = { kind: 'host' }

describe('the network of our own', () => {
  test.each<[OwnPlace, string | null]>([
    [HOST, null],
    [inside([]), null],
    [inside(['bridge']), null],
    [inside(['none']), null],
    [inside(['media']), 'media'],
    [inside(['bridge', 'media']), 'media'],
    // Several: the one that leads outside, as an internal one never does.
    [inside(['a-internal', 'media'], 'media'), 'media'],
    [inside(['web', 'media'], 'web'), 'web'],
    [inside(['web', 'media'], 'bridge'), 'media'],
    [inside(['web', 'media']), 'media'],
  ])('of %j is %p', (self, network) => expect(ownNetwork(self)).toBe(network))
})

describe('we are apart from engines', () => {
  const joining = (network: string | null) => ({ network, nodes: null })
  const behind = (...networks: string[]) => ({ network: null, nodes: [{ name: 'gluetun', networks }] })

  test.each<[string, OwnPlace, Parameters<typeof apart>[1]]>([
    ['on the host', HOST, joining('media')],
    ['in their network', inside(['web', 'media']), joining('media')],
    ['on the default bridge with them', inside(['bridge']), joining(null)],
    ['in a network of their node', inside(['vpn']), behind('bridge', 'vpn')],
    ['with no node there yet', inside(['vpn']), { network: null, nodes: [] }],
  ])('never %s', (_, self, engines) => expect(apart(self, engines)).toBeNull())

  test.each<[OwnPlace, Parameters<typeof apart>[1], string, string]>([
    [
      inside(['media']),
      joining(null),
      "(media), which shares no network with engines (Docker's default bridge)",
      'set DOCKER_NETWORK=media, or DOCKER_NETWORK=auto',
    ],
    [inside([]), joining(null), '(no network)', 'docker network create'],
    [
      inside(['bridge']),
      joining('media'),
      '(bridge), which shares no network with engines (media)',
      'run: docker network connect media house',
    ],
    [
      inside(['media']),
      behind('bridge'),
      'shares no network with gluetun',
      'put house into a network of gluetun',
    ],
  ])('%j from %j', (self, engines, message, remedy) => {
    expect(apart(self, engines)).toEqual({
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    })
  })
})
