import uPlot from 'uplot'
import { BAND_WORDS, type Band } from '../reading/bands.ts'

/** From when to when a chart reaches, in epoch milliseconds. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

export const FONT = '12px system-ui, sans-serif'
const LINE_HEIGHT = 14
/** The height that the words of bands take above a plot. */
export const WORDS_HEIGHT = 2 * LINE_HEIGHT + 4

const TOKENS = [
  '--link',
  '--warn',
  '--series-3',
  '--muted',
  '--line',
  '--bad',
  '--bad-tint',
  '--raised',
] as const
type Token = (typeof TOKENS)[number]
export type Colours = Readonly<Record<Token, string>>

/** Reads the colours of now. A canvas knows no tokens, so an element lends its computed colour. */
export function readColours(probe: HTMLElement): Colours {
  const read = (token: Token): string => {
    probe.style.color = `var(${token})`
    return getComputedStyle(probe).color
  }
  return Object.fromEntries(TOKENS.map((token) => [token, read(token)])) as Record<Token, string>
}

interface Look {
  readonly token: Token
  readonly dash: number[]
}
const FIRST: Look = { token: '--link', dash: [] }
const LOOKS: readonly Look[] = [
  FIRST,
  { token: '--warn', dash: [6, 4] },
  { token: '--series-3', dash: [2, 3] },
]

/** How the line of this number looks. Nobody has to tell colours apart: dashes differ as well. */
export const lookOf = (n: number): Look => LOOKS[n % LOOKS.length] ?? FIRST

const BANDS = {
  starting: { tint: '--raised', text: '--muted', row: 0 },
  stalled: { tint: '--bad-tint', text: '--bad', row: 0 },
  vpn: { tint: '--bad-tint', text: '--bad', row: 1 },
} as const satisfies Record<Band['kind'], { tint: Token; text: Token; row: number }>

/** Paints bands behind the lines. They may overlap, so each kind has its edge and its word in a place of its own. */
export function paintBands(
  plot: uPlot,
  {
    bands,
    span,
    colours,
    hasWords,
  }: {
    readonly bands: readonly Band[]
    readonly span: Span
    readonly colours: Colours
    readonly hasWords: boolean
  },
): void {
  const { ctx, bbox } = plot
  const edge = 2 * uPlot.pxRatio
  const x = (ms: number): number => plot.valToPos(Math.min(Math.max(ms, span.fromMs), span.toMs), 'x', true)
  const boxes = bands
    .filter(({ fromMs, toMs }) => fromMs < span.toMs && (toMs ?? span.toMs) > span.fromMs)
    .map(({ kind, fromMs, toMs }) => {
      const left = x(fromMs)
      return { kind, left, width: Math.max(edge, x(toMs ?? span.toMs) - left) }
    })
  ctx.save()
  for (const { kind, left, width } of boxes) {
    ctx.fillStyle = colours[BANDS[kind].tint]
    ctx.fillRect(left, bbox.top, width, bbox.height)
  }
  for (const { kind, left, width } of boxes) {
    const { text, row } = BANDS[kind]
    ctx.fillStyle = colours[text]
    ctx.fillRect(left, row === 0 ? bbox.top : bbox.top + bbox.height - edge, width, edge)
  }
  const ends = [0, 0]
  for (const { kind, left } of hasWords ? boxes.toSorted((a, b) => a.left - b.left) : []) {
    const { text, row } = BANDS[kind]
    const width = widthOf(ctx, BAND_WORDS[kind])
    // Words may stand beside the band, but not on one another; the key has them all.
    const from = Math.min(left, ctx.canvas.width - width)
    if (from < (ends[row] ?? 0)) continue
    ctx.fillStyle = colours[text]
    write(ctx, BAND_WORDS[kind], from, (2 + row * LINE_HEIGHT) * uPlot.pxRatio)
    ends[row] = from + width + 4 * edge
  }
  ctx.restore()
}

/** Writes the name of each line at its end, one under the other where they end close together. */
export function paintNames(plot: uPlot, names: readonly string[], colours: Colours): void {
  const { ctx, bbox, data } = plot
  const ends = names.flatMap((name, n) => {
    const values = data[n + 1] ?? []
    const index = values.findLastIndex((value) => typeof value === 'number')
    const [atMs, value] = [data[0][index], values[index]]
    if (typeof value !== 'number' || atMs === undefined) return []
    const x = Math.min(plot.valToPos(atMs, 'x', true), bbox.left + bbox.width)
    return [{ name, token: lookOf(n).token, x, y: plot.valToPos(value, 'y', true) }]
  })
  const step = LINE_HEIGHT * uPlot.pxRatio
  let lowest = Number.NEGATIVE_INFINITY
  ctx.save()
  for (const { name, token, x, y } of ends.toSorted((a, b) => a.y - b.y)) {
    lowest = Math.max(y - step / 2, lowest + step)
    ctx.fillStyle = colours[token]
    write(ctx, name, x + 6 * uPlot.pxRatio, lowest)
  }
  ctx.restore()
}

const fontOf = (): string => FONT.replace('12px', `${12 * uPlot.pxRatio}px`)

function widthOf(ctx: CanvasRenderingContext2D, text: string): number {
  ctx.font = fontOf()
  return ctx.measureText(text).width
}

/** Writes a text from its left upper corner on. */
function write(ctx: CanvasRenderingContext2D, text: string, x: number, y: number): void {
  ctx.font = fontOf()
  ctx.textAlign = 'left'
  ctx.textBaseline = 'top'
  ctx.fillText(text, x, y)
}
