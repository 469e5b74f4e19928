import type { Machine, Report } from './report.ts'
import { type Cells, cellsOf, growthCells, rowsOf } from './table.ts'

/** What all runs have found. */
export interface Results {
  readonly program: string
  readonly before: Machine
  readonly after: Machine
  /** The reports of each run, without those of benchmarks that failed. */
  readonly runs: readonly (readonly Report[])[]
  /** What failed, in words. */
  readonly failures: readonly string[]
}

/** Says what was measured, where and when, then what failed, and the tables. */
export function summary(
  { program, before, after, runs, failures }: Results,
  { date, render }: { readonly date: Date; readonly render: (cells: Cells) => string },
): string {
  const on = `${before.processors} processors (${before.model}), ${before.platform}, Bun ${before.bun}`
  const loads = `load ${before.load.toFixed(2)} before and ${after.load.toFixed(2)} after`
  const times = `${date.toISOString().slice(0, 10)}, ${runs.length === 1 ? '1 run' : `${runs.length} runs`}`
  const tables = [cellsOf(rowsOf(runs)), growthCells(runs)].filter((cells) => cells.length > 1)
  return [`${times} of ${program}`, `${on}; ${loads}`, ...failures, ...tables.map(render)].join('\n\n')
}
