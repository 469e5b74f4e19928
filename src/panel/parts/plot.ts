import uPlot from 'uplot'
import type { Band } from '../reading/bands.ts'
import {
  type Colours,
  FONT,
  lookOf,
  paintBands,
  paintNames,
  readColours,
  type Span,
  WORDS_HEIGHT,
} from './plot-paint.ts'

/** What a plot draws. */
export interface Drawing {
  readonly columns: uPlot.AlignedData
  readonly bands: readonly Band[]
  readonly span: Span
}

export interface PlotOptions {
  readonly root: HTMLElement
  /** An element whose colour may be changed, to read the tokens. */
  readonly probe: HTMLElement
  readonly names: readonly string[]
  /** A value at the axis. */
  readonly words: (value: number) => string
  /** Up to which value the axis reaches at least. */
  readonly least: number
  /** Whether the times are written below. */
  readonly hasTimes: boolean
  /** Whether the words of the bands are written above. */
  readonly hasWords: boolean
  /** Called with the time under the pointer; null if it left. */
  readonly onPoint: (atMs: number | null) => void
}

const PLOT_HEIGHT = 104
const TIMES_HEIGHT = 24
/** Room at both sides, the same for all charts, so that their times are under one another. */
const AXIS_WIDTH = 72
const LABEL_WIDTH = 48
const TOP = 8

/** Whole numbers only: there is no half peer. */
const STEPS = Array.from({ length: 13 }, (_, n) => [1, 2, 5].map((step) => step * 10 ** n)).flat()

/** One chart on a canvas. It draws when it is told to, and never by itself. */
export class Plot {
  readonly #plot: uPlot
  readonly #sizes: ResizeObserver
  #drawing: Drawing
  #colours: Colours

  constructor(
    private readonly options: PlotOptions,
    drawing: Drawing,
  ) {
    this.#drawing = drawing
    this.#colours = readColours(options.probe)
    const { root } = options
    this.#plot = new uPlot(this.#settings(), drawing.columns, root)
    this.#sizes = new ResizeObserver(() => this.#plot.setSize(this.#size()))
    this.#sizes.observe(root)
  }

  draw(drawing: Drawing): void {
    this.#drawing = drawing
    // The user may have changed to the dark since the last time.
    this.#colours = readColours(this.options.probe)
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
    const { root, hasTimes, hasWords } = this.options
    const height = (hasWords ? WORDS_HEIGHT : TOP) + PLOT_HEIGHT + (hasTimes ? TIMES_HEIGHT : 0)
    return { width: Math.max(200, root.clientWidth), height }
  }

  #settings(): uPlot.Options {
    const { names, onPoint, hasTimes, hasWords, words, least } = this.options
    const colour = (token: keyof Colours) => () => this.#colours[token]
    const grid = { stroke: colour('--line'), width: 1 }
    const axis = { stroke: colour('--muted'), font: FONT, grid, ticks: { show: false } }
    return {
      ...this.#size(),
      ms: 1,
      padding: [hasWords ? WORDS_HEIGHT : TOP, LABEL_WIDTH, hasTimes ? 0 : 4, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { range: () => [this.#drawing.span.fromMs, this.#drawing.span.toMs] },
        y: { range: (_, _low, high) => [0, Math.max(least, (high ?? 0) * 1.1)] },
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
        drawClear: [(plot) => paintBands(plot, { ...this.#drawing, colours: this.#colours, hasWords })],
        draw: [(plot) => paintNames(plot, names, this.#colours)],
        setCursor: [
          ({ cursor: { left = -1, idx }, data }) => onPoint(left < 0 ? null : (data[0][idx ?? -1] ?? null)),
        ],
      },
    }
  }

  #line(n: number): uPlot.Series {
    const { token, dash } = lookOf(n)
    const stroke = () => this.#colours[token]
    return {
      stroke,
      width: 2,
      dash,
      // A point between two gaps is no line; without a mark nobody would see it.
      points: {
        show: false,
        filter: (plot, series) => lonelyIn(plot.data[series] ?? []),
        size: 5,
        fill: stroke,
      },
    }
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
