/** Makes one table of the targets of all benchmarks, and one of how cost grows. Pure. */

import { aligned, type Curve, type Report, readable, type Target, target } from './report.ts'
import { growthExponent, median } from './statistics.ts'

/** A figure of one or more runs. It meets its target if its median does. */
export interface Row {
  readonly figure: string
  /** The target with the median of the values. */
  readonly median: Target
  readonly min: number
  readonly max: number
  /** The median of the ratios to the floor; null without one. */
  readonly toFloor: number | null
}

/** A table of cells, whose first row is its head. */
export type Cells = readonly (readonly string[])[]

/**
 * The targets of all runs, each target once. Those that have a name for this come first, then the others, both in the order of
 * the reports. A figure that is missing in some runs has the spread of the others.
 */
export function rowsOf(runs: readonly (readonly Report[])[]): readonly Row[] {
  const found = runs.flat().flatMap(({ name, targets }) => targets.map((of) => ({ name, of })))
  const byFigure = Map.groupBy(found, ({ name, of }) => of.row ?? `${name}: ${of.what}`)
  const rows = [...byFigure].map(([figure, same]) =>
    rowOf(
      figure,
      same.map(({ of }) => of),
    ),
  )
  const isNamed = ({ median: { row } }: Row): boolean => row !== undefined
  return [...rows.filter(isNamed), ...rows.filter((row) => !isNamed(row))]
}

function rowOf(figure: string, runs: readonly Target[]): Row {
  const values = runs.map(({ value }) => value)
  const ratios = runs.flatMap((of) => ratioOf(of) ?? [])
  const [first] = runs
  if (first === undefined) throw new Error(`no run has ${figure}`)
  return {
    figure,
    median: target({ ...first, value: median(values) }),
    min: Math.min(...values),
    max: Math.max(...values),
    toFloor: ratios.length === 0 ? null : median(ratios),
  }
}

const ratioOf = ({ value, floor }: Target): number | null =>
  floor === undefined ? null : floor.value === undefined ? value : value / floor.value

/** The table of figures. */
export const cellsOf = (rows: readonly Row[]): Cells => [
  ['figure', 'target', 'min', 'median', 'max', '', 'to its floor', 'floor'],
  ...rows.map(({ figure, median: { value, unit, bound, target: wanted, met, floor }, min, max, toFloor }) => [
    figure,
    `${bound === 'at most' ? '≤' : '≥'} ${wanted}${unit === '' ? '' : ` ${unit}`}`,
    ...[min, value, max].map(readable),
    met ? 'met' : 'missed',
    toFloor === null ? '' : readable(toFloor),
    floor?.what ?? '',
  ]),
]

/**
 * The table of growth, with the medians of all runs: the cost at each size, the fitted exponent, that of the two largest
 * sizes, and what one more engine costs between the smallest and the largest size. Empty if no report has curves.
 */
export function growthCells(runs: readonly (readonly Report[])[]): Cells {
  const curves = runs.flat().flatMap(({ curves = [] }) => curves)
  const merged = [...Map.groupBy(curves, ({ what }) => what).values()].map(medianCurve)
  const sizes = [...new Set(merged.flatMap(({ points }) => points.map(({ size }) => size)))]
  if (sizes.length === 0) return []
  return [
    [
      ...['cost by engines', ...sizes.map((size) => size.toLocaleString('en'))],
      ...['exponent', 'of the last two', 'one more engine'],
    ],
    ...merged.map((curve) => [
      `${curve.what}, ${curve.unit}`,
      ...sizes.map((size) => curve.points.find((point) => point.size === size)?.value ?? null).map(shown),
      growthExponent(curve.points).toFixed(2),
      growthExponent(curve.points.slice(-2)).toFixed(2),
      oneMore(curve),
    ]),
  ]
}

const shown = (value: number | null): string => (value === null ? '' : readable(value))

function medianCurve(curves: readonly Curve[]): Curve {
  const [first] = curves
  if (first === undefined) throw new Error('a curve has at least one run')
  const points = curves.flatMap((curve) => curve.points)
  const bySize = Map.groupBy(points, ({ size }) => size)
  const medians = [...bySize].map(([size, same]) => ({ size, value: median(same.map(({ value }) => value)) }))
  return { ...first, points: medians.toSorted((a, b) => a.size - b.size) }
}

function oneMore({ unit, points }: Curve): string {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || first.size === last.size) return ''
  const each = (last.value - first.value) / (last.size - first.size)
  return `${readable(each * 1_000)} ${unit === 'ms' ? 'µs' : 'kB'}`
}

/** Renders a table for a terminal. */
export const asLines = (cells: Cells): string => aligned(cells).join('\n')

/** Renders a table for a document. Columns of figures are right-aligned. */
export function asMarkdown(cells: Cells): string {
  const [head = [], ...rows] = cells
  const line = (row: readonly string[]): string => `| ${row.map((cell) => cell || ' ').join(' | ')} |`
  const hasFigures = (column: number): boolean => {
    const filled = rows.map((row) => row[column] ?? '').filter((cell) => cell !== '')
    return filled.length > 0 && filled.every((cell) => /^[≤≥]? ?[-\d.]+/.test(cell))
  }
  const rule = head.map((_, column) => (hasFigures(column) ? '---:' : '---'))
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n')
}
