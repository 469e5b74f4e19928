/** How often each thing happened at each place. The data is plain, so that processes can send it to each other. */
export type Table = Record<string, Record<string, number>>

export interface Coverage {
  /** How often each await of the production code was reached. */
  readonly calls: Table
  /** Faults at each await of the production code, by fault. */
  readonly faults: Table
  /** Crashes at each await, by the phase of the call. */
  readonly crashes: Table
  /** Rules of the plan that fired, by the kind of the journal entry. */
  readonly rules: Table
  /** Everything else that is counted, each under one name. */
  readonly counts: Record<string, number>
}

/** Counts the plans that were made and carried out. */
export const PASSES = 'passes'

export const emptyCoverage = (): Coverage => ({ calls: {}, faults: {}, crashes: {}, rules: {}, counts: {} })

export function count(table: Table, row: string, column: string, by = 1): void {
  table[row] ??= {}
  const cells = table[row]
  cells[column] = (cells[column] ?? 0) + by
}

export function tally(coverage: Coverage, name: string, by = 1): void {
  coverage.counts[name] = (coverage.counts[name] ?? 0) + by
}

/** Adds the counts of another run. */
export function merge(into: Coverage, other: Coverage): void {
  for (const kind of ['calls', 'faults', 'crashes', 'rules'] as const) {
    for (const [row, cells] of Object.entries(other[kind]))
      for (const [column, by] of Object.entries(cells)) count(into[kind], row, column, by)
  }
  for (const [name, by] of Object.entries(other.counts)) tally(into, name, by)
}

/** Formats a table as text. The columns are sorted by name, and `·` marks what never happened. */
export function tableText(table: Table): string {
  const columns = [...new Set(Object.values(table).flatMap(Object.keys))].toSorted()
  const rows = Object.keys(table).toSorted()
  const width = Math.max(4, ...rows.map((row) => row.length))
  const widths = columns.map((column) => Math.max(column.length, 6))
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(width)}  ${cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  ')}`
  return [
    line('', columns),
    ...rows.map((row) =>
      line(
        row,
        columns.map((column) => String(table[row]?.[column] ?? '·')),
      ),
    ),
  ].join('\n')
}
