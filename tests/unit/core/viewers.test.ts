import { describe, expect, test } from 'bun:test'
import {
  type Look,
  nextLookMs,
  type Sight,
  sightIn,
  viewersIn,
  type Watched,
  withLook,
} from '../../../src/core/viewers/viewers.ts'

const whole = (...peers: readonly string[]) => ({ peers, isWhole: true })
const part = (...peers: readonly string[]) => ({ peers, isWhole: false })

/** The sight after looks at these seconds. */
function seen(
  ...looks: readonly (readonly [atS: number, port: Look['port'], bytes?: Look['bytes']])[]
): Sight {
  const watched = looks.reduce<Watched | null>(
    (before, [atS, port, bytes = 'unasked']) => withLook(before, { atMs: atS * 1_000, port, bytes }),
    null,
  )
  if (watched === null) throw new Error('no look')
  return sightIn(watched)
}

describe('the connections of an engine', () => {
  test.each([
    ['none', [[0, whole()]], 'none'],
    ['one for the first time', [[0, whole('a')]], 'new'],
    [
      'one that stays, but not for long enough to be none of our questions',
      [
        [0, whole('a')],
        [5.9, whole('a')],
      ],
      'new',
    ],
    [
      'one that stays',
      [
        [0, whole('a')],
        [6, whole('a')],
      ],
      'held',
    ],
    [
      'one after another',
      [
        [0, whole('a')],
        [6, whole('b')],
        [12, whole('c')],
      ],
      'new',
    ],
    [
      'one that was away in between',
      [
        [0, whole('a')],
        [3, whole()],
        [6, whole('a')],
      ],
      'new',
    ],
    [
      'one that stays among others',
      [
        [0, whole('a', 'b')],
        [6, whole('c', 'b')],
      ],
      'held',
    ],
    [
      'one that has left',
      [
        [0, whole('a')],
        [6, whole('a')],
        [8, whole()],
      ],
      'none',
    ],
    ['not to be read', [[0, null]], 'unread'],
    ['read in part', [[0, part()]], 'unread'],
    [
      'read in part, with one that stays',
      [
        [0, part('a')],
        [6, part('a')],
      ],
      'held',
    ],
    [
      'not to be read any more',
      [
        [0, whole()],
        [6, null],
      ],
      'unread',
    ],
  ] as const)('%s', (_, looks, connections) => {
    expect(seen(...looks).connections).toBe(connections)
  })
})

describe('its traffic', () => {
  test.each([
    ['was not asked for', [[0, whole()]], 'open'],
    ['is not counted', [[0, null, null]], 'uncounted'],
    [
      'was counted for less than half a minute',
      [
        [0, null, 0],
        [29.9, null, 1e9],
      ],
      'open',
    ],
    [
      'is that of an idle engine',
      [
        [0, null, 1_000],
        [30, null, 601_000],
      ],
      'still',
    ],
    [
      'carries a stream',
      [
        [0, null, 1_000],
        [30, null, 601_001],
      ],
      'moves',
    ],
    [
      'carried a stream until half a minute ago',
      [
        [0, null, 0],
        [30, null, 9e6],
        [60, null, 9e6],
      ],
      'still',
    ],
    [
      'has begun to carry one',
      [
        [0, null, 0],
        [30, null, 0],
        [60, null, 9e6],
      ],
      'moves',
    ],
    [
      'is looked at again and again',
      [
        [0, null, 0],
        [10, null, 0],
        [20, null, 0],
        [30, null, 0],
        [40, null, 9e6],
      ],
      'moves',
    ],
    [
      'is counted from zero again',
      [
        [0, null, 9e6],
        [20, null, 5],
        [40, null, 5],
      ],
      'open',
    ],
    [
      'is not counted any more',
      [
        [0, null, 0],
        [30, null, null],
      ],
      'uncounted',
    ],
  ] as const)('%s', (_, looks, traffic) => {
    expect(seen(...looks).traffic).toBe(traffic)
  })
})

const sight = (connections: Sight['connections'], traffic: Sight['traffic'] = 'open'): Sight => ({
  ...{ atMs: 100_000, connections, traffic },
  countedMs: 0,
})

describe('who watches', () => {
  test.each([
    ['none', 'open', 'nobody', 'nobody'],
    ['none', 'moves', 'nobody', 'nobody'],
    ['new', 'still', 'open', 'open'],
    // An engine that hangs keeps its connections, so the bytes decide.
    ['held', 'open', 'somebody', 'open'],
    ['held', 'still', 'somebody', 'nobody'],
    ['held', 'moves', 'somebody', 'somebody'],
    ['held', 'uncounted', 'somebody', 'unknown'],
    ['unread', 'open', 'open', 'open'],
    ['unread', 'still', 'nobody', 'nobody'],
    ['unread', 'moves', 'somebody', 'somebody'],
    ['unread', 'uncounted', 'unknown', 'unknown'],
  ] as const)(
    'connections %s, traffic %s: %s, and at a mute engine %s',
    (connections, traffic, answers, mute) => {
      expect(viewersIn(sight(connections, traffic), false)).toBe(answers)
      expect(viewersIn(sight(connections, traffic), true)).toBe(mute)
    },
  )
})

describe('the next look', () => {
  const next = (seenNow: Sight | null, fromMs = 0, isMute = false) => nextLookMs({ fromMs, isMute }, seenNow)

  test('is the first at once, and then the one that decides', () => {
    expect(next(null, 130_000)).toBe(0)
    expect(next(sight('none'), 130_000)).toBe(130_000)
    expect(next(sight('new'), 130_000)).toBe(130_000)
  })

  test('comes some seconds later, sooner where a connection may be ours, and seldom where nothing can tell', () => {
    expect(next(sight('held'))).toBe(105_000)
    expect(next(sight('none'))).toBe(105_000)
    expect(next(sight('new'))).toBe(102_000)
    expect(next(sight('unread', 'uncounted'))).toBe(130_000)
    expect(next(sight('held', 'uncounted'), 0, true)).toBe(130_000)
  })

  test('comes when the traffic was counted for long enough', () => {
    expect(next({ ...sight('unread'), countedMs: 29_000 })).toBe(101_000)
    expect(next({ ...sight('unread'), countedMs: 10_000 })).toBe(105_000)
  })
})
