import { describe, expect, test } from 'bun:test'
import { constraintIn, inWords, meets } from '../../../src/core/hosts/constraints.ts'
import { asShownBy, conditionOf } from '../../../src/core/hosts/host-state.ts'
import { type HostPlace, type HostWish, hostFor, whyNoHost } from '../../../src/core/hosts/placement.ts'

const ANY: HostWish = { preferred: null, only: null, maxEngines: null }

const place = (name: string, change: Partial<HostPlace> = {}): HostPlace => ({
  id: `id-${name}`,
  name,
  address: '10.0.0.1',
  isUp: true,
  isOpen: true,
  isMeant: true,
  engines: 1,
  free: 1,
  hasPort: true,
  ...change,
})

describe('an engine goes to', () => {
  test.each([
    ['the host with the fewest free engines', [place('a'), place('b', { free: 0, engines: 9 })], {}, 'b'],
    ['of these the one with the fewest engines', [place('a', { engines: 3 }), place('b')], {}, 'b'],
    ['of equals the first by name', [place('b'), place('a')], {}, 'a'],
    ['none that is down', [place('a', { isUp: false }), place('b', { free: 5 })], {}, 'b'],
    ['none that takes no containers', [place('a', { isOpen: false }), place('b', { free: 5 })], {}, 'b'],
    ['none that is not meant', [place('a', { isMeant: false }), place('b', { free: 5 })], {}, 'b'],
    ['none without a port', [place('a', { hasPort: false }), place('b', { free: 5 })], {}, 'b'],
    ['none that is full', [place('a', { engines: 2, free: 0 }), place('b')], { maxEngines: 2 }, 'b'],
    ['the preferred one, by its id', [place('a', { free: 0 }), place('b')], { preferred: 'id-b' }, 'b'],
    [
      'another where the preferred one is down',
      [place('a'), place('b', { isUp: false })],
      { preferred: 'b' },
      'a',
    ],
    ['the only one that will do', [place('a', { free: 0 }), place('b')], { only: 'b' }, 'b'],
    [
      'nothing where that one is full',
      [place('a'), place('b', { engines: 5 })],
      { only: 'b', maxEngines: 5 },
      undefined,
    ],
    ['nothing of nothing', [], {}, undefined],
  ] as const)('%s', (_, places, wish, chosen) => {
    expect(hostFor(places, { ...ANY, ...wish })?.name).toBe(chosen)
  })

  test('nowhere, and why is told host by host', () => {
    const places = [
      place('a', { isUp: false }),
      place('b', { isOpen: false }),
      place('c', { isMeant: false }),
      place('d', { engines: 3 }),
      place('e', { hasPort: false }),
    ]
    expect(whyNoHost(places, { ...ANY, maxEngines: 3 })).toBe(
      'a is down, b takes no containers, c does not meet SWARM_CONSTRAINTS, ' +
        'd has 3 engines, the most that it may have, e has no free port',
    )
    expect(whyNoHost([place('a'), place('b')], { ...ANY, only: 'z' })).toBe(
      'a is not SWARM_POST_NODE=z, b is not SWARM_POST_NODE=z',
    )
    expect(whyNoHost([place('a')], { ...ANY, maxEngines: 1 })).toBe(
      'a has 1 engine, the most that it may have',
    )
    expect(whyNoHost([], ANY)).toBe('the swarm has no node')
    expect(whyNoHost([place('a', { isUp: false }), place('b')], ANY)).toBeNull()
  })

  test('nowhere of many, and five are named', () => {
    const places = Array.from({ length: 8 }, (_, index) => place(`n${index}`, { isUp: false }))
    expect(whyNoHost(places, ANY)).toEndWith('n4 is down and 3 more')
  })
})

describe('a condition', () => {
  const host = {
    id: 'x1',
    name: 'worker-1',
    role: 'worker',
    labels: { zone: 'North', 'a==b': 'c' },
    os: 'linux',
    architecture: 'x86_64',
  }

  test.each([
    ['node.role==worker', true],
    ['node.role!=worker', false],
    ['node.hostname == worker-1', true],
    ['node.id!=x1', false],
    ['node.labels.zone==north', true],
    ['node.labels.disk==ssd', false],
    ['node.labels.disk!=ssd', true],
    ['node.platform.arch==x86_64', true],
    ['node.platform.arch==amd64', true],
    ['node.platform.arch==arm64', false],
    ['node.platform.os!=windows', true],
    // Every object has this, and no host has such a label.
    ['node.labels.toString==x', false],
  ])('%s: %p', (text, isMet) => {
    const constraint = constraintIn(text)
    expect(constraint === null ? null : meets(host, [constraint])).toBe(isMet)
  })

  test.each([
    '',
    'node.role',
    'node.role=worker',
    'node.roles==worker',
    'node.labels.==x',
    'engine.labels.a==b',
    '==x',
    'node.role==',
    'toString==x',
  ])('%p is none', (text) => expect(constraintIn(text)).toBeNull())

  test('is written as it was read', () => {
    for (const text of ['node.role==worker', 'node.labels.zone!=north 1'])
      expect(inWords(constraintIn(text) ?? { attribute: '', isEqual: true, value: '' })).toBe(text)
  })
})

test.each([
  [{ isUp: true, availability: 'active' }, 'up'],
  [{ isUp: true, availability: 'pause' }, 'up'],
  [{ isUp: false, availability: 'active' }, 'lost'],
  [{ isUp: false, availability: 'drain' }, 'drained'],
  [{ isUp: true, availability: 'drain' }, 'drained'],
] as const)('a host %p is %s', (host, condition) => expect(conditionOf(host)).toBe(condition))

describe('a lost host, as its engine shows it,', () => {
  const lost = { name: 'a', condition: 'lost', sinceMs: 1_000 } as const
  test.each([
    ['is lost when it does not answer', { verdict: 'unhealthy', lastOkMs: 900 }, 'lost'],
    ['is lost when nobody has asked it', { verdict: 'unknown', lastOkMs: null }, 'lost'],
    ['is lost when it answered only before, however well', { verdict: 'healthy', lastOkMs: 999 }, 'lost'],
    ['is there when it has answered since', { verdict: 'healthy', lastOkMs: 1_000 }, 'up'],
    ['is lost again when it answers no more', { verdict: 'unhealthy', lastOkMs: 1_500 }, 'lost'],
  ] as const)('%s', (_, health, condition) => {
    expect(asShownBy(health, lost)).toEqual({ ...lost, condition })
    const drained = { ...lost, condition: 'drained' } as const
    expect([asShownBy(health, drained), asShownBy(health, null)]).toEqual([drained, null])
  })
})
