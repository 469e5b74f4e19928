import { describe, expect, test } from 'bun:test'
import type { Stream } from '../../../src/panel/api/types.ts'
import { bandsOfStream, bandsOfVpn } from '../../../src/panel/reading/bands.ts'
import { type Line, summaryOf, valuesAt } from '../../../src/panel/reading/chart-words.ts'
import {
  columnsOf,
  merged,
  nearest,
  type Point,
  playedSince,
  pointOf,
  sumOf,
} from '../../../src/panel/reading/samples.ts'
import { speed } from '../../../src/panel/reading/words.ts'
import { FleetState } from '../../../src/panel/state/fleet.ts'
import { agoText, anEntry, aStatus, aStream, aVpn, NOW_MS } from '../../support/panel-builders.ts'

const at = (seconds: number, change: Partial<Point> = {}): Point => ({
  ...{ atMs: NOW_MS + seconds * 1_000, down: 100, up: 10, peers: 3, behind: 9, downloaded: null },
  ...change,
})
const seconds = (ms: number | null): number | null => (ms === null ? null : (ms - NOW_MS) / 1_000)
const inSeconds = (bands: ReturnType<typeof bandsOfVpn>) =>
  bands.map(({ kind, fromMs, toMs }) => [kind, seconds(fromMs), seconds(toMs)])

describe('a point', () => {
  const figures = { peers: 7, speed_down: 100, speed_up: null, downloaded: 5, uploaded: 6, livepos: null }

  test('has bytes and not the KB of the engine, and what is missing stays missing', () => {
    expect(pointOf({ ts: agoText(0), ...figures })).toEqual({
      ...{ atMs: NOW_MS, down: 102_400, up: null, peers: 7, behind: null, downloaded: 5 },
    })
  })

  test('is there once, though history and feed both tell it, and in its place', () => {
    const known = [at(0), at(10)]
    expect(merged(known, [at(5), at(10), at(15)]).map(({ atMs }) => seconds(atMs))).toEqual([0, 5, 10, 15])
    expect(merged(known, [at(0)])).toBe(known)
    expect(merged(known, [at(3_605)]).map(({ atMs }) => seconds(atMs))).toEqual([10, 3_605])
  })

  test('that is nearest to a time is found', () => {
    const points = [at(0), at(5), at(10)]
    expect([-9, 2, 3, 99].map((s) => nearest(points, NOW_MS + s * 1_000))).toEqual([0, 0, 1, 2])
    expect(nearest([], NOW_MS)).toBeNull()
  })
})

describe('the columns of a chart', () => {
  const downOf = ({ down }: Point) => down

  test('have nulls where answers are missing, and for a figure that is missing', () => {
    const points = [at(0), at(5), at(10, { down: null }), at(15), at(60), at(65)]
    const [times, down] = columnsOf(points, [downOf])
    expect(times.map(seconds)).toEqual([0, 5, 10, 15, 37.5, 60, 65])
    expect(down).toEqual([100, 100, null, 100, null, 100, 100])
  })

  test('lead over one answer that is late', () => {
    expect(columnsOf([at(0), at(5), at(15), at(20)], [downOf])[1]).toEqual([100, 100, 100, 100])
  })
})

describe('the sum of several streams', () => {
  test('counts each from its points until the next is due, and what none of them has is missing', () => {
    const one = [at(0), at(5), at(10, { down: null })]
    const other = [at(1, { down: 50, peers: null }), at(6, { down: 60, peers: null })]
    expect(sumOf([one, other]).map(({ atMs, down, peers }) => [seconds(atMs), down, peers])).toEqual([
      [0, 100, 3],
      [1, 150, 3],
      [5, 150, 3],
      [6, 160, 3],
      [10, 60, 3],
    ])
    expect(sumOf([[at(0, { down: null })]])[0]?.down).toBeNull()
  })

  test('is of what played on the container since then', () => {
    const ended = (id: string, ms: number) => aStream(id, { status: 'ended', ended_at: agoText(ms) })
    const streams = [aStream('a'), ended('b', 10), ended('c', 99), aStream('d', { container_id: 'other' })]
    expect(playedSince(streams, 'id-a', NOW_MS - 50).map(({ id }) => id)).toEqual(['a', 'b'])
  })
})

describe('the bands of a stream', () => {
  const stream = (change: Partial<Stream> = {}): Stream =>
    aStream('s', { started_at: new Date(NOW_MS).toISOString(), ...change })
  const bytes = (...pairs: readonly (readonly [number, number])[]) =>
    pairs.map(([s, downloaded]) => at(s, { downloaded, down: null }))

  test('it starts until its first byte', () => {
    expect(inSeconds(bandsOfStream(stream(), bytes([2, 0], [7, 10])))).toEqual([['starting', 0, 7]])
    expect(inSeconds(bandsOfStream(stream(), []))).toEqual([['starting', 0, null]])
  })

  test('nobody knows when it started that is older than its figures', () => {
    expect(bandsOfStream(stream({ started_at: agoText(3_600_000) }), bytes([0, 10]))).toEqual([])
  })

  test('it stood still while its bytes did, if for 15 s, and whatever the gaps between', () => {
    const points = bytes([1, 10], [6, 20], [11, 20], [16, 30], [21, 40], [50, 40], [55, 50])
    expect(inSeconds(bandsOfStream(stream(), points))).toEqual([
      ['starting', 0, 1],
      ['stalled', 21, 55],
    ])
  })

  test('it stands still now if the server says so, also without a point of it', () => {
    const stalled_since = new Date(NOW_MS + 21_000).toISOString()
    expect(inSeconds(bandsOfStream(stream({ stalled_since }), bytes([1, 10], [21, 20])))).toEqual([
      ['starting', 0, 1],
      ['stalled', 21, null],
    ])
  })

  test('one that never moved is starting, and not stalled as well', () => {
    const stalled_since = new Date(NOW_MS + 2_000).toISOString()
    expect(inSeconds(bandsOfStream(stream({ stalled_since }), bytes([2, 0], [22, 0])))).toEqual([
      ['starting', 0, null],
    ])
  })

  test('one that ended while it stood still did so to its end', () => {
    const ended = stream({ status: 'ended', ended_at: new Date(NOW_MS + 40_000).toISOString() })
    expect(inSeconds(bandsOfStream(ended, bytes([1, 10], [5, 20], [35, 20]))).at(-1)).toEqual([
      'stalled',
      5,
      40,
    ])
  })
})

describe('the bands of the VPN', () => {
  const entry = (id: number, kind: string, node: string) =>
    anEntry({ id, kind, at: new Date(NOW_MS + id * 1_000).toISOString(), detail: { node } })
  const journal = [
    entry(9, 'vpn.down', 'b'),
    entry(7, 'vpn.up', 'a'),
    entry(4, 'vpn.down', 'b'),
    entry(5, 'vpn.unknown', 'b'),
    entry(2, 'vpn.down', 'a'),
    entry(1, 'vpn.up', 'a'),
  ]

  test('are from down to up, or to not known, and only of the node that is meant', () => {
    expect(inSeconds(bandsOfVpn(journal, 'a'))).toEqual([['vpn', 2, 7]])
    expect(inSeconds(bandsOfVpn(journal, 'b'))).toEqual([
      ['vpn', 4, 5],
      ['vpn', 9, null],
    ])
  })

  test('of all nodes are one where they touch', () => {
    expect(inSeconds(bandsOfVpn(journal, null))).toEqual([
      ['vpn', 2, 7],
      ['vpn', 9, null],
    ])
  })
})

describe('a chart in words', () => {
  const lines: readonly Line<Point>[] = [
    { name: 'down', figureOf: ({ down }) => down, words: speed },
    { name: 'up', figureOf: () => null, words: speed },
  ]

  test('has the last, the lowest and the highest of each line, and the bands', () => {
    const points = [at(0, { down: 5 }), at(5, { down: 900 }), at(10)]
    const bands = [{ kind: 'stalled', fromMs: NOW_MS - 14_000, toMs: null }] as const
    expect(summaryOf('Speed', lines, points, bands, NOW_MS)).toBe(
      'Speed. down: last 100 B/s, lowest 5 B/s, highest 900 B/s. up is not known. stalled 1 time, 14 s in all.',
    )
    expect(summaryOf('Speed', lines, [], [], NOW_MS)).toBe('Speed: no figures.')
  })

  test('has the values of one time, and no dash for one that is missing', () => {
    expect(valuesAt(lines, at(0))).toEndWith(': down 100 B/s, up not known')
  })
})

describe('the figures that the feed brings', () => {
  test('are kept for a stream on screen only, each once', () => {
    const fleet = new FleetState()
    const { figures, stop } = fleet.samples.follow(1)
    const told = (ms: number, record = 1) =>
      fleet.apply([{ event: 'stream', data: aStream('s', { record, stats_at: agoText(ms) }) }])
    told(9_000)
    told(9_000)
    told(4_000)
    told(1_000, 2)
    expect(figures.value.map(({ ts }) => ts)).toEqual([agoText(9_000), agoText(4_000)])
    const snapshot = { status: aStatus(), vpn: aVpn(), engines: [], streams: [aStream('s')] }
    fleet.apply([{ event: 'snapshot', data: snapshot }])
    expect(figures.value).toHaveLength(3)
    expect(fleet.joins.value).toBe(1)
    stop()
    told(0)
    expect(figures.value).toHaveLength(3)
    expect(fleet.samples.follow(1).figures.value).toEqual([])
  })

  test('are no more than the server keeps', () => {
    const fleet = new FleetState()
    const { figures } = fleet.samples.follow(1)
    for (let n = 0; n < 730; n++)
      fleet.apply([{ event: 'stream', data: aStream('s', { stats_at: agoText(-n) }) }])
    expect(figures.value).toHaveLength(720)
  })
})
