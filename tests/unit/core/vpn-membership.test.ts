import { describe, expect, test } from 'bun:test'
import { type NodeNetwork, outsideOf } from '../../../src/core/vpn/vpn-membership.ts'
import { engine } from '../../support/builders.ts'

const ID = { node: 'a'.repeat(64), other: 'b'.repeat(64), second: 'c'.repeat(64) }

const seen: NodeNetwork = { name: 'gluetun', lookedAt: { containerId: ID.node } }
const missing: NodeNetwork = { name: 'gluetun', lookedAt: { containerId: null } }
const unseen: NodeNetwork = { name: 'gluetun', lookedAt: null }
const second: NodeNetwork = { name: 'second', lookedAt: { containerId: ID.second } }

const alone = { vpnNode: null, networkContainerId: null }
const elsewhere = { vpnNode: null, networkContainerId: ID.other }

describe('an engine with a network of its own', () => {
  test.each([
    ['seen', seen],
    ['missing', missing],
    ['not looked at', unseen],
  ] as const)('is outside from its row alone, its node being %s', (_, node) => {
    expect(outsideOf(engine(alone), [node])).toBe('own_network')
    expect(outsideOf(engine({ ...alone, containerStartedAt: null }), [node])).toBe('own_network')
  })

  test('is outside nothing without a VPN', () => {
    expect(outsideOf(engine(alone), [])).toBeNull()
    expect(outsideOf(engine(elsewhere), [])).toBeNull()
  })

  test('is outside also where its row names a node, once its container was looked at', () => {
    const named = { vpnNode: 'gluetun', networkContainerId: null }
    expect(outsideOf(engine({ ...named, containerStartedAt: null }), [seen])).toBeNull()
    expect(outsideOf(engine(named), [seen])).toBe('own_network')
    expect(outsideOf(engine({ ...named, vpnNode: 'earlier' }), [unseen])).toBe('own_network')
  })
})

describe('an engine in the network of another container', () => {
  test('is outside once every node was looked at, be it missing', () => {
    expect(outsideOf(engine(elsewhere), [seen])).toBe('other_network')
    expect(outsideOf(engine(elsewhere), [missing])).toBe('other_network')
    expect(outsideOf(engine(elsewhere), [unseen])).toBeNull()
    expect(outsideOf(engine(elsewhere), [second, unseen])).toBeNull()
  })

  test('is outside where its row names a node that is not configured any more', () => {
    const earlier = { vpnNode: 'earlier', networkContainerId: ID.other }
    expect(outsideOf(engine(earlier), [seen])).toBe('other_network')
    expect(outsideOf(engine(earlier), [unseen])).toBeNull()
    expect(
      outsideOf(engine({ ...earlier, networkContainerId: null, containerStartedAt: null }), [seen]),
    ).toBe('other_network')
  })

  test('is inside where that container is a node, by its id or by its name, whatever its row says', () => {
    for (const networkContainerId of [ID.node, 'gluetun'])
      for (const vpnNode of [null, 'earlier', 'gluetun', 'second'])
        expect(outsideOf(engine({ vpnNode, networkContainerId }), [seen, second])).toBeNull()
  })

  test('is not outside for having joined an earlier container of its node', () => {
    expect(outsideOf(engine({ vpnNode: 'gluetun', networkContainerId: ID.other }), [seen])).toBeNull()
  })

  test('is outside where its row names a node and its container another name', () => {
    expect(outsideOf(engine({ vpnNode: 'gluetun', networkContainerId: 'elsewhere' }), [seen])).toBe(
      'other_network',
    )
  })
})

test('a row whose container is only being made is neither', () => {
  for (const row of [alone, elsewhere])
    expect(outsideOf(engine({ ...row, status: 'provisioning' }), [seen])).toBeNull()
})
