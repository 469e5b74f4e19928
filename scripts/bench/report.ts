import { arch, cpus, loadavg, platform } from 'node:os'
import { type Spread, spread } from './statistics.ts'

/** One measured quantity. */
export interface Measured extends Spread {
  readonly what: string
  readonly unit: 'ms' | 'requests/s' | 'µs processor/request' | 'of one processor' | 'samples' | 'pairs/s'
}

/** A figure beside what it ought to be. Told, never enforced: the machine may be busy with other things. */
export interface Target {
  readonly what: string
  readonly value: number
  /** Empty for a ratio. */
  readonly unit: 'ms' | ''
  readonly bound: 'at most' | 'at least'
  readonly target: number
  readonly met: boolean
}

/** What one benchmark found. */
export interface Report {
  readonly name: string
  /** What was measured how, in sentences. */
  readonly notes: readonly string[]
  readonly measured: readonly Measured[]
  readonly targets: readonly Target[]
}

/** The machine and its load, without which no figure means much. */
export interface Machine {
  readonly processors: number
  readonly model: string
  readonly platform: string
  readonly bun: string
  /** The system's load over the last minute, at the moment of the call. */
  readonly load: number
}

/** Describes samples of one quantity; throws where there are none. */
export const measured = (what: string, unit: Measured['unit'], samples: readonly number[]): Measured => ({
  what,
  unit,
  ...spread(samples),
})

/** Sets a figure beside what it ought to be. */
export const target = (given: Omit<Target, 'met'>): Target => ({
  ...given,
  met: given.bound === 'at most' ? given.value <= given.target : given.value >= given.target,
})

/** Describes this machine as it is now. */
export function machine(): Machine {
  const processors = cpus()
  return {
    processors: processors.length,
    model: processors[0]?.model ?? 'unknown',
    platform: `${platform()} ${arch()}`,
    bun: Bun.version,
    load: loadavg()[0] ?? 0,
  }
}

/** One report as lines of text, for people. */
export function asText({ name, notes, measured: rows, targets }: Report): string {
  const header = ['', 'unit', 'n', 'min', 'p50', 'p90', 'p99', 'max']
  const cells = rows.map((row) => [
    row.what,
    row.unit,
    String(row.n),
    ...[row.min, row.p50, row.p90, row.p99, row.max].map(readable),
  ])
  return [`# ${name}`, ...notes, '', ...aligned([header, ...cells]), '', ...targets.map(sentence), ''].join(
    '\n',
  )
}

function sentence({ what, value, unit, bound, target: wanted, met }: Target): string {
  return `${met ? 'met   ' : 'missed'}  ${what}: ${readable(value)}${unit} (target: ${bound} ${wanted}${unit})`
}

/** Rows as lines: the first column to the left, the others to the right, where figures can be compared. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
}

/** Three significant places, and no exponent for what is large. */
const readable = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
