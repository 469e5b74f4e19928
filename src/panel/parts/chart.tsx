import { effect, type ReadonlySignal, type Signal, useComputed } from '@preact/signals'
import { useContext, useEffect, useRef } from 'preact/hooks'
import type { Band } from '../reading/bands.ts'
import { type Line, summaryOf, valuesAt } from '../reading/chart-words.ts'
import { columnsOf, nearest } from '../reading/samples.ts'
import { MISSING } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { Plot, type PlotOptions } from './plot.ts'
import type { Span } from './plot-paint.ts'

/** A chart is drawn at most so often; for people who want less motion, its times move on less often. */
const DRAW_MS = 1_000
const CALM_MS = 10_000

interface ChartProps<P> {
  readonly title: string
  readonly lines: readonly Line<P>[]
  readonly points: ReadonlySignal<readonly P[]>
  readonly bands: ReadonlySignal<readonly Band[]>
  readonly span: ReadonlySignal<Span>
  /** The time that charts with the same axis point at; null for none. */
  readonly cursor: Signal<number | null>
  /** A value at the axis; as in the first line if it is left out. */
  readonly tick?: (value: number) => string
  /** Up to which value the axis reaches at least, so that next to nothing looks like that; 1 if it is left out. */
  readonly least?: number
  /** Whether the times are written below. Charts under one another need them once. */
  readonly hasTimes?: boolean
  /** Whether the words of the bands are written above. */
  readonly hasWords?: boolean
}

/**
 * Lines over time. Where figures are missing there is no line, and bands tell why. A pointer or the arrow keys move a cursor,
 * whose values stand in the head and are read out.
 */
export function Chart<P extends { readonly atMs: number }>(props: ChartProps<P>) {
  const { title, lines, points, bands, cursor } = props
  const { now } = useContext(PanelContext)
  const { root, probe } = usePlot(props)
  const summary = useComputed(() => summaryOf(title, lines, points.value, bands.value, now.value))
  const index = useComputed(() =>
    cursor.value === null ? points.value.length - 1 : (nearest(points.value, cursor.value) ?? -1),
  )
  const point = points.value[index.value]
  const move = (to: number): void => {
    cursor.value = points.value[to]?.atMs ?? null
  }
  return (
    <figure class="chart">
      <figcaption>
        <span class="title">{title}</span>
        {lines.map(({ name, figureOf, words }, n) => (
          <span key={name} class={`line line-${n + 1}`}>
            <svg viewBox="0 0 24 4" aria-hidden="true">
              <path d="M0 2h24" />
            </svg>
            {lines.length > 1 && name} <b>{point === undefined ? MISSING : words(figureOf(point))}</b>
          </span>
        ))}
        {cursor.value !== null && point !== undefined && (
          <time>{new Date(point.atMs).toLocaleTimeString('en-GB')}</time>
        )}
      </figcaption>
      {points.value.length === 0 && <p class="empty">No figures yet.</p>}
      <div class="plot" role="img" aria-label={summary.value} ref={root} />
      <span ref={probe} hidden />
      <input
        class="scrub"
        type="range"
        aria-label={`Time in the chart of ${title.toLowerCase()}`}
        aria-valuetext={valuesAt(lines, point)}
        min={0}
        max={Math.max(0, points.value.length - 1)}
        value={Math.max(0, index.value)}
        disabled={points.value.length === 0}
        onInput={({ currentTarget }) => move(currentTarget.valueAsNumber)}
        onFocus={() => move(index.value)}
        onBlur={() => move(-1)}
      />
    </figure>
  )
}

/** Keeps a plot in the element `root`, as long as the component is there. */
function usePlot<P extends { readonly atMs: number }>(props: ChartProps<P>) {
  const { lines, points, bands, span, cursor } = props
  const { isDark } = useContext(PanelContext)
  const root = useRef<HTMLDivElement>(null)
  const probe = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    let plot: Plot | null = null
    const figures = lines.map(({ figureOf }) => figureOf)
    const draw = (): void => {
      if (root.current === null || probe.current === null) return
      const columns = columnsOf(points.peek(), figures)
      const drawing = { columns, bands: bands.peek(), span: span.peek() }
      if (plot === null) plot = new Plot(optionsOf(props, root.current, probe.current), drawing)
      else plot.draw(drawing)
      plot.pointAt(cursor.peek())
    }
    const drawer = new Drawer(draw)
    const stops = [
      effect(() => {
        if (points.value.length > 0 && bands.value !== undefined) drawer.ask(DRAW_MS)
      }),
      effect(() => {
        if (span.value.toMs > 0 && points.peek().length > 0) drawer.ask(prefersCalm() ? CALM_MS : DRAW_MS)
      }),
      // Another drawing because of other colours does not wait.
      isDark.subscribe(() => {
        if (plot !== null) drawer.ask(0)
      }),
      effect(() => {
        const atMs = cursor.value
        plot?.pointAt(atMs)
      }),
    ]
    return () => {
      for (const stop of stops) stop()
      drawer.stop()
      plot?.end()
    }
  }, [])
  return { root, probe }
}

function optionsOf<P>(props: ChartProps<P>, root: HTMLElement, probe: HTMLElement): PlotOptions {
  const { lines, tick, least = 1, hasTimes = true, hasWords = true, cursor } = props
  return {
    root,
    probe,
    names: lines.map(({ name }) => name),
    words: tick ?? lines[0]?.words ?? String,
    least,
    hasTimes,
    hasWords,
    onPoint: (atMs) => {
      cursor.value = atMs
    },
  }
}

const prefersCalm = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches

/** Draws when it is asked to, but not before the last drawing is as old as the caller says. */
class Drawer {
  #drawnMs = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | null = null
  #dueMs = Number.POSITIVE_INFINITY

  constructor(private readonly draw: () => void) {}

  ask(restMs: number): void {
    const nowMs = performance.now()
    const dueMs = Math.max(nowMs, this.#drawnMs + restMs)
    if (dueMs >= this.#dueMs) return
    this.stop()
    this.#dueMs = dueMs
    this.#timer = setTimeout(() => {
      this.#dueMs = Number.POSITIVE_INFINITY
      this.#drawnMs = performance.now()
      this.draw()
    }, dueMs - nowMs)
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#dueMs = Number.POSITIVE_INFINITY
  }
}
