import { describe, expect, test } from 'bun:test'
import { choiceAmong, type ShownEngine } from '../../../src/core/proxies/choice.ts'
import { EXPECTED_MS, type Expected, expectedOn, shownUses } from '../../../src/core/proxies/expected.ts'
import { Walks } from '../../../src/core/proxies/walks.ts'
import { type ListedEngine, shownToProxies } from '../../../src/core/views/proxy-view.ts'
import { engine } from '../../support/builders.ts'

const shown = (engineId: string, change: Partial<ShownEngine> = {}): ShownEngine => ({
  ...{ engineId, containerId: `container-${engineId}`, isHealthy: true, isForwarded: false, usedMs: null },
  ...change,
})

describe('what acexy chooses', () => {
  test.each([
    ['the first of equals', [shown('a'), shown('b')], [0, 0], 'a'],
    ['a healthy one', [shown('a', { isHealthy: false }), shown('b', { usedMs: 9 })], [0, 0], 'b'],
    [
      'one that is not healthy, if no other has room',
      [shown('a', { isHealthy: false }), shown('b')],
      [0, 2],
      'a',
    ],
    [
      'the one with fewer streams, before a forwarded one',
      [shown('a', { isForwarded: true }), shown('b')],
      [1, 0],
      'b',
    ],
    [
      'a forwarded one, however lately it was used',
      [shown('a'), shown('b', { isForwarded: true, usedMs: 9 })],
      [0, 0],
      'b',
    ],
    ['the one whose use is longest ago', [shown('a', { usedMs: 9 }), shown('b', { usedMs: 8 })], [0, 0], 'b'],
    ['one that was never used', [shown('a', { usedMs: 9 }), shown('b')], [0, 0], 'b'],
    ['none without room', [shown('a'), shown('b')], [2, 2], undefined],
  ] as const)('%s', (_, list, started, chosen) => {
    expect(choiceAmong(list, started, 2)?.engineId).toBe(chosen)
  })
})

describe('the stream that is expected on an engine', () => {
  const given = engine({ handedOutAt: 1_000, lastStreamAt: null })

  test.each([
    ['given to a caller', given, [], { streams: 1, isHandedOut: true, sinceMs: 1_000 }],
    ['given, and reported', { ...given, lastStreamAt: 1_000 }, [], null],
    ['given, and failed', { ...given, failedAttemptAt: 2_000 }, [], null],
    ['given after its last use', { ...given, lastStreamAt: 900 }, [], { streams: 1 }],
    ['given, and the answer was lost', { ...given, unclaimedSince: 2_000 }, [], null],
    ['never given', { ...given, handedOutAt: null }, [], null],
    ['chosen', { ...given, handedOutAt: null }, [2_000], { streams: 1, isHandedOut: false, sinceMs: 2_000 }],
    ['given and chosen', given, [2_000], { streams: 2, isHandedOut: true, untilMs: 2_000 + EXPECTED_MS }],
  ] as const)('%s', (_, row, choices, expected) => {
    const found = expectedOn(row, choices, 3_000)
    if (expected === null) expect(found).toBeNull()
    else expect(found).toMatchObject(expected)
  })

  test('is expected for 25 seconds', () => {
    expect(expectedOn(given, [], 1_000 + EXPECTED_MS - 1)).not.toBeNull()
    expect(expectedOn(given, [], 1_000 + EXPECTED_MS)).toBeNull()
    expect(expectedOn({ ...given, handedOutAt: null }, [1_000], 1_000 + EXPECTED_MS)).toBeNull()
  })
})

const expected = (sinceMs: number): Expected => ({
  ...{ streams: 1, isHandedOut: false, sinceMs, untilMs: sinceMs + EXPECTED_MS },
})

describe('what a list shows', () => {
  test.each([
    [[{ usedMs: 5, expected: null }], [5]],
    [[{ usedMs: null, expected: null }], [null]],
    // A stream may have ended after the choice.
    [
      [
        { usedMs: 5, expected: expected(7) },
        { usedMs: 9, expected: null },
      ],
      [10, 9],
    ],
    [
      [
        { usedMs: null, expected: expected(90) },
        { usedMs: 9, expected: null },
      ],
      [90, 9],
    ],
    // The one that was chosen last comes last.
    [
      [
        { usedMs: 50, expected: expected(8) },
        { usedMs: 9, expected: expected(7) },
      ],
      [52, 51],
    ],
  ])('the uses %j become %j', (engines, uses) => {
    expect(shownUses(engines)).toEqual(uses)
  })

  const listed = (change: Partial<ListedEngine>): ListedEngine => ({
    ...{ isHealthy: true, isFirst: true, isForwarded: false, hasRoom: true, usedMs: null, expected: null },
    ...change,
  })
  const carrier = listed({ isForwarded: true, expected: expected(7) })

  test.each([
    ['not as forwarded where another is free', listed({}), false],
    ['as forwarded where the other is busy', listed({ hasRoom: false }), true],
    ['as forwarded where the other was chosen later', listed({ expected: expected(8) }), true],
    ['not as forwarded where the other was chosen earlier', listed({ expected: expected(6) }), false],
    ['as forwarded where the other is not healthy, which decides', listed({ isHealthy: false }), true],
  ])('a forwarded engine that is expected to be taken %s', (_, other, isForwarded) => {
    expect(shownToProxies([carrier, other])[0]?.isForwarded).toBe(isForwarded)
  })

  test('a single engine with room is shown as it is', () => {
    const taken = listed({ usedMs: null, expected: expected(7) })
    expect(shownToProxies([taken, listed({ usedMs: 9, hasRoom: false })])[0]?.usedMs).toBeNull()
  })

  test('a failed attempt puts an engine behind those that are expected to be taken', () => {
    const failed = listed({ isFirst: false, usedMs: 20 })
    const [taken, other] = shownToProxies([listed({ usedMs: 5, expected: expected(7) }), failed])
    expect(taken?.usedMs).toBeLessThan(other?.usedMs ?? 0)
  })
})

describe('a walk through a list', () => {
  const [a, b, c] = [shown('a', { usedMs: 3 }), shown('b', { usedMs: 2 }), shown('c', { usedMs: 1 })]
  const list = [a, b, c]
  const asks = (walks: Walks, order: readonly ShownEngine[], atMs: number, started: readonly number[] = []) =>
    order.map(({ containerId }, at) => walks.asked(containerId, started[at] ?? 0, atMs)?.engineId ?? null)

  test('ends with the choice', () => {
    const walks = new Walks(1)
    walks.served(list, 0)
    expect(asks(walks, list, 10)).toEqual([null, null, 'c'])
    // The list is kept: the questions alone show the next choice.
    expect(asks(walks, list, 1_900, [0, 0, 1])).toEqual([null, null, 'b'])
    expect(asks(walks, list, 2_000, [1, 1, 1])).toEqual([null, null, null])
  })

  test('is of the list whose order the questions have', () => {
    const walks = new Walks(1)
    const later = [{ ...b, usedMs: 0 }, a]
    walks.served(list, 0)
    walks.served(later, 100)
    expect(asks(walks, later, 200)).toEqual([null, 'b'])
    expect(asks(walks, list, 300)).toEqual([null, null, 'c'])
  })

  test('is of the list that was served last, if both have that order', () => {
    const walks = new Walks(1)
    walks.served(list, 0)
    walks.served([a, b, { ...c, usedMs: 9 }], 100)
    expect(asks(walks, list, 200)).toEqual([null, null, 'b'])
  })

  test('may cross others, and questions about single engines', () => {
    const walks = new Walks(1)
    walks.served(list, 0)
    walks.served([b, c, a], 0)
    const order = [a, b, a, b, c, b, c]
    // Two proxies go through the first list, somebody asks for one engine in between.
    expect(asks(walks, order, 10).filter((chosen) => chosen !== null)).toEqual(['c', 'c'])
  })

  test('ends with a pause, and is none long after the list was served', () => {
    const walks = new Walks(1)
    walks.served(list, 0)
    expect(asks(walks, [a, b], 10)).toEqual([null, null])
    expect(asks(walks, [c], 3_100)).toEqual([null])
    expect(asks(walks, list, 3_100)).toEqual([null, null, null])
  })

  test('forgets what is too much', () => {
    const walks = new Walks(1)
    walks.served(list, 0)
    for (let n = 0; n < 64; n++) walks.served([shown(`other-${n}`)], 1)
    expect(asks(walks, list, 10)).toEqual([null, null, null])
  })
})
