import { describe, expect, test } from 'bun:test'
import { namespaceOf } from '../../../src/core/vpn/namespace.ts'

describe('the network that an engine has joined', () => {
  const id = 'a'.repeat(64)
  const node = { id, startedAtMs: 5_000 }

  test.each([
    [{ networkContainerId: id, containerStartedAt: 6_000 }, node, 'alive'],
    [{ networkContainerId: id, containerStartedAt: 5_000 }, node, 'alive'],
    [{ networkContainerId: id, containerStartedAt: 4_999 }, node, 'dead'],
    [{ networkContainerId: 'b'.repeat(64), containerStartedAt: 6_000 }, node, 'foreign'],
    [{ networkContainerId: 'b'.repeat(64), containerStartedAt: 4_999 }, node, 'foreign'],
    // A container created before its node has the node's name instead of its id.
    [{ networkContainerId: 'gluetun', containerStartedAt: 6_000 }, node, 'alive'],
    [{ networkContainerId: null, containerStartedAt: null }, node, 'alive'],
    [{ networkContainerId: 'b'.repeat(64), containerStartedAt: 4_999 }, null, 'alive'],
    [{ networkContainerId: id, containerStartedAt: 4_999 }, { id, startedAtMs: null }, 'alive'],
  ] as const)('%p behind %p is %s', (given, of, namespace) => {
    expect(namespaceOf(given, of)).toBe(namespace)
  })
})
