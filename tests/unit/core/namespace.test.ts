import { describe, expect, test } from 'bun:test'
import { namespaceOf } from '../../../src/core/vpn/namespace.ts'

describe('the network that an engine has joined', () => {
  const id = 'a'.repeat(64)
  const node = { id, startedAtMs: 5_000 }

  test.each([
    [{ donorId: id, containerStartedAt: 6_000 }, node, 'alive'],
    [{ donorId: id, containerStartedAt: 5_000 }, node, 'alive'],
    [{ donorId: id, containerStartedAt: 4_999 }, node, 'dead'],
    [{ donorId: 'b'.repeat(64), containerStartedAt: 6_000 }, node, 'foreign'],
    [{ donorId: 'b'.repeat(64), containerStartedAt: 4_999 }, node, 'foreign'],
    // Made before its node was, it has the name in place of the id.
    [{ donorId: 'gluetun', containerStartedAt: 6_000 }, node, 'alive'],
    [{ donorId: null, containerStartedAt: null }, node, 'alive'],
    [{ donorId: 'b'.repeat(64), containerStartedAt: 4_999 }, null, 'alive'],
    [{ donorId: id, containerStartedAt: 4_999 }, { id, startedAtMs: null }, 'alive'],
  ] as const)('%p behind %p is %s', (given, of, namespace) => {
    expect(namespaceOf(given, of)).toBe(namespace)
  })
})
