import type { Sample, Stream } from '../api/types.ts'
import { behindLive } from './streams.ts'
import { bytesOf } from './words.ts'

/** What was known of a stream at one time. A figure that was missing is null, never 0. */
export interface Point {
  readonly atMs: number
  /** Bytes a second. */
  readonly down: number | null
  readonly up: number | null
  readonly peers: number | null
  /** How many seconds behind live it was played. */
  readonly behind: number | null
  /** Bytes since its session began. */
  readonly downloaded: number | null
}

/** The figures of a stream at one time, from its history or from the feed. */
export type Figures = Omit<Sample, 'status'>

export const pointOf = ({ ts, ...figures }: Figures): Point => ({
  atMs: Date.parse(ts),
  down: bytesOf(figures.speed_down),
  up: bytesOf(figures.speed_up),
  peers: figures.peers,
  behind: behindLive(figures),
  downloaded: figures.downloaded,
})

/** How far back charts reach. */
export const CHART_MS = 3_600_000

/**
 * Joins two lists of points: each time once, oldest first, as far back as charts reach. Returns `known` itself if the others
 * bring nothing new.
 */
export function merged(known: readonly Point[], others: readonly Point[]): readonly Point[] {
  const times = new Set(known.map(({ atMs }) => atMs))
  const news = others.filter(({ atMs }) => !times.has(atMs))
  if (news.length === 0) return known
  const byTime = new Map([...known, ...news].map((point) => [point.atMs, point]))
  const sorted = [...byTime.values()].toSorted((a, b) => a.atMs - b.atMs)
  const newestMs = sorted.at(-1)?.atMs ?? 0
  return sorted.filter(({ atMs }) => newestMs - atMs <= CHART_MS)
}

interface Timed {
  readonly atMs: number
}

/** Engines are asked every few seconds. Until two answers tell how often, this is assumed. */
const USUAL_MS = 5_000

/** The usual time between two points, in milliseconds. */
function intervalOf(points: readonly Timed[]): number {
  const steps = points.slice(1).map(({ atMs }, n) => atMs - (points[n]?.atMs ?? atMs))
  return steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? USUAL_MS
}

/** One answer of an engine may be late or lost. Where three are missing, nothing is known. */
const gapMs = (points: readonly Timed[]): number => 3 * intervalOf(points)

/**
 * The columns of a chart: times in milliseconds, and the values of each series. Where points are missing there is a row of
 * nulls, so that no line leads over it.
 */
export function columnsOf<P extends Timed>(
  points: readonly P[],
  values: readonly ((point: P) => number | null)[],
): [number[], ...(number | null)[][]] {
  const longestMs = gapMs(points)
  const rows = points.flatMap((point, n): readonly { atMs: number; point: P | null }[] => {
    const before = points[n - 1]?.atMs ?? point.atMs
    const row = { atMs: point.atMs, point }
    return point.atMs - before > longestMs ? [{ atMs: (before + point.atMs) / 2, point: null }, row] : [row]
  })
  return [
    rows.map(({ atMs }) => atMs),
    ...values.map((figureOf) => rows.map(({ point }) => (point === null ? null : figureOf(point)))),
  ]
}

/**
 * What several streams moved together, at every time at which one of them was known. A stream counts from each of its points
 * until the next is due. A figure that none of them has is null.
 */
export function sumOf(streams: readonly (readonly Point[])[]): readonly Point[] {
  const times = [...new Set(streams.flatMap((points) => points.map(({ atMs }) => atMs)))].toSorted(
    (a, b) => a - b,
  )
  const readers = streams.map(readerOf)
  return times.map((atMs) => {
    const there = readers.flatMap((at) => at(atMs) ?? [])
    const sum = (figure: 'down' | 'up' | 'peers'): number | null => {
      const known = there.flatMap((point) => point[figure] ?? [])
      return known.length === 0 ? null : known.reduce((a, b) => a + b, 0)
    }
    return { atMs, down: sum('down'), up: sum('up'), peers: sum('peers'), behind: null, downloaded: null }
  })
}

/** Reads the point that counts at a time. The times have to grow from call to call. */
function readerOf(points: readonly Point[]): (atMs: number) => Point | null {
  const countsMs = 1.5 * intervalOf(points)
  let next = 0
  return (atMs) => {
    while ((points[next]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) next++
    const last = points[next - 1]
    return last === undefined || atMs - last.atMs > countsMs ? null : last
  }
}

/** The streams of one engine's container that played at some time since `sinceMs`. */
export const playedSince = (streams: readonly Stream[], container: string, sinceMs: number) =>
  streams.filter(
    ({ container_id, ended_at }) =>
      container_id === container && (ended_at === null || Date.parse(ended_at) >= sinceMs),
  )

/** The point that is nearest to a time; null without points. */
export function nearest<P extends Timed>(points: readonly P[], atMs: number): number | null {
  if (points.length === 0) return null
  const after = points.findIndex((point) => point.atMs >= atMs)
  if (after < 0) return points.length - 1
  const before = after - 1
  const isBefore = before >= 0 && atMs - (points[before]?.atMs ?? 0) < (points[after]?.atMs ?? 0) - atMs
  return isBefore ? before : after
}
