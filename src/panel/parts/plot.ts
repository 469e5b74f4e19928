import uPlot from 'uplot'
import { BAND_WORDS, type Band } from '../reading/bands.ts'

/** From when to when a chart reaches, in epoch milliseconds. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** What a plot draws. */
export interface Drawing {
  readonly columns: uPlot.AlignedData
  readonly bands: readonly Band[]
  readonly span: Span
}

export interface PlotOptions {
  readonly root: HTMLElement
  /** An element that lends its computed colour, because a canvas knows no tokens. */
  readonly probe: HTMLElement
  readonly names: readonly string[]
  /** A value at the axis. */
  readonly words: (value: number) => string
  /** Whether the times are written below. */
  readonly hasTimes: boolean
  /** Called with the time under the pointer; null if it left. */
  readonly onPoint: (atMs: number | null) => void
}

const PLOT_HEIGHT = 120
const TIMES_HEIGHT = 24
/** Room at both sides, the same for all charts, so that their times are under one another. */
const AXIS_WIDTH = 72
const LABEL_WIDTH = 48
const TOP = 10
const FONT = '12px system-ui, sans-serif'
const LINE_HEIGHT = 14

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

const LINES: readonly { readonly token: Token; readonly dash: number[] }[] = [
  { token: '--link', dash: [] },
  { token: '--warn', dash: [6, 4] },
  { token: '--series-3', dash: [2, 3] },
]

const BANDS = {
  starting: { tint: '--raised', text: '--muted', row: 0 },
  stalled: { tint: '--bad-tint', text: '--bad', row: 0 },
  vpn: { tint: '--bad-tint', text: '--bad', row: 1 },
} as const satisfies Record<Band['kind'], { tint: Token; text: Token; row: number }>

/** Whole numbers only: there is no half peer. */
const STEPS = Array.from({ length: 13 }, (_, n) => [1, 2, 5].map((step) => step * 10 ** n)).flat()

/** One chart on a canvas. It draws when it is told to, and never by itself. */
export class Plot {
  readonly #plot: uPlot
  readonly #sizes: ResizeObserver
  #drawing: Drawing
  #colours: Readonly<Record<Token, string>>

  constructor(
    private readonly options: PlotOptions,
    drawing: Drawing,
  ) {
    this.#drawing = drawing
    this.#colours = this.#readColours()
    const { root } = options
    this.#plot = new uPlot(this.#settings(), drawing.columns, root)
    this.#sizes = new ResizeObserver(() => this.#plot.setSize(this.#size()))
    this.#sizes.observe(root)
  }

  draw(drawing: Drawing): void {
    this.#drawing = drawing
    // The user may have changed to the dark since the last time.
    this.#colours = this.#readColours()
    this.#plot.setData(drawing.columns)
  }

  /** Puts the cursor at a time, or takes it away. */
  pointAt(atMs: number | null): void {
    const left = atMs === null ? -10 : this.#plot.valToPos(atMs, 'x')
    this.#plot.setCursor({ left, top: atMs === null ? -10 : 0 }, false)
  }

  end(): void {
    this.#sizes.disconnect()
    this.#plot.destroy()
  }

  #size(): { readonly width: number; readonly height: number } {
    const { root, hasTimes } = this.options
    return { width: Math.max(200, root.clientWidth), height: PLOT_HEIGHT + (hasTimes ? TIMES_HEIGHT : 0) }
  }

  #readColours(): Readonly<Record<Token, string>> {
    const { probe } = this.options
    const read = (token: Token): string => {
      probe.style.color = `var(${token})`
      return getComputedStyle(probe).color
    }
    return Object.fromEntries(TOKENS.map((token) => [token, read(token)])) as Record<Token, string>
  }

  #settings(): uPlot.Options {
    const { names, onPoint, hasTimes, words } = this.options
    const colour = (token: Token) => () => this.#colours[token]
    const grid = { stroke: colour('--line'), width: 1 }
    const axis = { stroke: colour('--muted'), font: FONT, grid, ticks: { show: false } }
    return {
      ...this.#size(),
      ms: 1,
      padding: [TOP, LABEL_WIDTH, hasTimes ? 0 : 4, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { range: () => [this.#drawing.span.fromMs, this.#drawing.span.toMs] },
        // The room at the top is for the words of bands.
        y: { range: (_, _low, high) => [0, high === null || high <= 0 ? 1 : high * 1.3] },
      },
      axes: [
        { ...axis, size: hasTimes ? TIMES_HEIGHT : 0, values: hasTimes ? timesOf : () => [] },
        {
          ...axis,
          size: AXIS_WIDTH,
          space: 32,
          incrs: STEPS,
          values: (_, splits) => splits.map((value) => words(value)),
        },
      ],
      series: [{}, ...names.map((_, n) => this.#line(n))],
      hooks: {
        drawClear: [(plot) => this.#drawBands(plot)],
        draw: [(plot) => this.#drawNames(plot)],
        setCursor: [
          ({ cursor: { left = -1, idx }, data }) => onPoint(left < 0 ? null : (data[0][idx ?? -1] ?? null)),
        ],
      },
    }
  }

  #line(n: number): uPlot.Series {
    const line = LINES[n % LINES.length]
    const stroke = () => this.#colours[line?.token ?? '--link']
    return {
      stroke,
      width: 2,
      dash: line?.dash ?? [],
      // A point between two gaps is no line; without a mark nobody would see it.
      points: {
        show: false,
        filter: (plot, series) => lonelyIn(plot.data[series] ?? []),
        size: 5,
        fill: stroke,
      },
    }
  }

  #drawBands(plot: uPlot): void {
    const { ctx, bbox } = plot
    const { bands, span } = this.#drawing
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height)
    ctx.clip()
    const boxes = bands.map(({ kind, fromMs, toMs }) => {
      const left = plot.valToPos(Math.max(fromMs, span.fromMs), 'x', true)
      const right = plot.valToPos(Math.min(toMs ?? span.toMs, span.toMs), 'x', true)
      return { kind, left, width: Math.max(2, right - left) }
    })
    for (const { kind, left, width } of boxes) {
      ctx.fillStyle = this.#colours[BANDS[kind].tint]
      ctx.fillRect(left, bbox.top, width, bbox.height)
    }
    // Bands may overlap: no tint may cover a word, and each kind has its edge and its word in a place of its own.
    const ends = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const { kind, left, width } of boxes.toSorted((a, b) => a.left - b.left)) {
      const { text, row } = BANDS[kind]
      const edge = 2 * uPlot.pxRatio
      ctx.fillStyle = this.#colours[text]
      ctx.fillRect(left, row === 0 ? bbox.top : bbox.top + bbox.height - edge, width, edge)
      const x = left + 4 * uPlot.pxRatio
      if (x < (ends[row] ?? x)) continue
      const y = bbox.top + (4 + row * LINE_HEIGHT) * uPlot.pxRatio
      ends[row] = x + this.#write(ctx, BAND_WORDS[kind], x, y) + edge
    }
    ctx.restore()
  }

  /** Writes the name of each line at its end, one under the other where they end close together. */
  #drawNames(plot: uPlot): void {
    const { ctx, bbox } = plot
    const ends = this.options.names.flatMap((name, n) => {
      const values = plot.data[n + 1] ?? []
      const index = values.findLastIndex((value) => value !== null && value !== undefined)
      const value = values[index]
      const atMs = plot.data[0][index]
      if (typeof value !== 'number' || atMs === undefined) return []
      const token = LINES[n % LINES.length]?.token ?? '--link'
      return [{ name, token, x: plot.valToPos(atMs, 'x', true), y: plot.valToPos(value, 'y', true) }]
    })
    const step = LINE_HEIGHT * uPlot.pxRatio
    let lowest = Number.NEGATIVE_INFINITY
    ctx.save()
    for (const { name, token, x, y } of ends.toSorted((a, b) => a.y - b.y)) {
      lowest = Math.max(y - step / 2, lowest + step)
      ctx.fillStyle = this.#colours[token]
      this.#write(ctx, name, Math.min(x, bbox.left + bbox.width) + 6 * uPlot.pxRatio, lowest)
    }
    ctx.restore()
  }

  /** Writes a text from its left upper corner on. Returns its width. */
  #write(ctx: CanvasRenderingContext2D, text: string, x: number, y: number): number {
    ctx.font = FONT.replace('12px', `${12 * uPlot.pxRatio}px`)
    ctx.textAlign = 'left'
    ctx.textBaseline = 'top'
    ctx.fillText(text, x, y)
    return ctx.measureText(text).width
  }
}

const timesOf = (_: uPlot, splits: readonly number[]): string[] =>
  splits.map((ms) => {
    const text = new Date(ms).toLocaleTimeString('en-GB')
    return text.endsWith(':00') ? text.slice(0, 5) : text
  })

/** The values that have no neighbour on either side. */
function lonelyIn(values: ArrayLike<number | null | undefined>): number[] {
  const isThere = (n: number): boolean => typeof values[n] === 'number'
  return Array.from(values, (_, n) => n).filter((n) => isThere(n) && !isThere(n - 1) && !isThere(n + 1))
}
