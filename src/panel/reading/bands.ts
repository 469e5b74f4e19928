import type { JournalEntry, Stream } from '../api/types.ts'
import type { Point } from './samples.ts'
import { msOf } from './words.ts'

/** A time at which a chart's figures need an explanation. `toMs` is null while it goes on. */
export interface Band {
  readonly kind: BandKind
  readonly fromMs: number
  readonly toMs: number | null
}

export type BandKind = 'starting' | 'stalled' | 'vpn'

export const BAND_WORDS: Readonly<Record<BandKind, string>> = {
  starting: 'starting',
  stalled: 'stalled',
  vpn: 'VPN down',
}

/** A stream that moves nothing for so long stands still, as the server judges it. */
const STALL_MS = 15_000
/** Points that begin so long after the stream say nothing of its beginning. */
const BEGINNING_MS = 30_000

/** When a stream was starting, and when it stood still. Until its first byte it is starting, however long that takes. */
export function bandsOfStream(stream: Stream, points: readonly Point[]): readonly Band[] {
  const starting = startingBand(stream, points)
  const begunMs = starting === null ? Number.NEGATIVE_INFINITY : (starting.toMs ?? Number.POSITIVE_INFINITY)
  const stalled = stallsOf(stream, points)
    .filter(({ toMs }) => toMs === null || toMs > begunMs)
    .map((band) => ({ ...band, fromMs: Math.max(band.fromMs, begunMs) }))
    .filter(({ fromMs }) => Number.isFinite(fromMs))
  return starting === null ? stalled : [starting, ...stalled]
}

const hasMoved = ({ downloaded, down }: Point): boolean => (downloaded ?? 0) > 0 || (down ?? 0) > 0

function startingBand({ started_at, ended_at }: Stream, points: readonly Point[]): Band | null {
  const fromMs = Date.parse(started_at)
  const first = points[0]
  const moved = points.find(hasMoved)
  if (moved !== undefined && moved === first && moved.atMs - fromMs > BEGINNING_MS) return null
  return { kind: 'starting', fromMs, toMs: moved?.atMs ?? msOf(ended_at) }
}

interface Still {
  readonly bytes: number
  readonly fromMs: number
  /** Until when the same bytes were seen. Where figures are missing, nothing is known. */
  readonly seenMs: number
}

const isStall = (still: Still | null): still is Still =>
  still !== null && still.seenMs - still.fromMs >= STALL_MS

/** From the bytes of the points, and from what the server says of now. */
function stallsOf({ status, stalled_since, ended_at }: Stream, points: readonly Point[]): readonly Band[] {
  const bands: Band[] = []
  let still = null as Still | null
  for (const { atMs, downloaded } of points) {
    if (downloaded === null) continue
    if (still !== null && downloaded === still.bytes) {
      still = { ...still, seenMs: atMs }
      continue
    }
    if (isStall(still)) bands.push({ kind: 'stalled', fromMs: still.fromMs, toMs: atMs })
    still = { bytes: downloaded, fromMs: atMs, seenMs: atMs }
  }
  if (status === 'ended' && isStall(still))
    bands.push({ kind: 'stalled', fromMs: still.fromMs, toMs: msOf(ended_at) ?? still.seenMs })
  const sinceMs = msOf(stalled_since)
  if (sinceMs !== null) bands.push({ kind: 'stalled', fromMs: sinceMs, toMs: null })
  return joined(bands)
}

/** When a VPN node was down, by the journal. `node` is the engine's node; null for any node, if the engine is not known. */
export function bandsOfVpn(journal: readonly JournalEntry[], node: string | null): readonly Band[] {
  const bands: Band[] = []
  const downMs = new Map<string, number>()
  for (const { kind, at, detail } of journal.toSorted((a, b) => a.id - b.id)) {
    const name = typeof detail.node === 'string' ? detail.node : ''
    if (node !== null && name !== node) continue
    const fromMs = downMs.get(name)
    if (kind === 'vpn.down' && fromMs === undefined) downMs.set(name, Date.parse(at))
    if ((kind !== 'vpn.up' && kind !== 'vpn.unknown') || fromMs === undefined) continue
    bands.push({ kind: 'vpn', fromMs, toMs: Date.parse(at) })
    downMs.delete(name)
  }
  for (const fromMs of downMs.values()) bands.push({ kind: 'vpn', fromMs, toMs: null })
  return joined(bands)
}

/** Makes one of bands that touch. All have to be of one kind. */
function joined(bands: readonly Band[]): readonly Band[] {
  const result: Band[] = []
  for (const band of bands.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1)
    if (last === undefined || (last.toMs !== null && last.toMs < band.fromMs)) result.push(band)
    else result[result.length - 1] = { ...last, toMs: laterOf(last.toMs, band.toMs) }
  }
  return result
}

const laterOf = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : Math.max(a, b)
