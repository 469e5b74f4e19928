import { readFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform } from 'node:os'
import { type Point, type Spread, spread } from './statistics.ts'

/** One measured quantity. */
export interface Measured extends Spread {
  readonly what: string
  readonly unit:
    | 'ms'
    | 'requests/s'
    | 'µs processor/request'
    | 'of one processor'
    | 'samples'
    | 'pairs/s'
    | 'MB'
}

/** A figure and its target. A missed target is reported, but never fails: the machine may be busy with other things. */
export interface Target {
  readonly what: string
  readonly value: number
  /** Empty for a ratio. */
  readonly unit: 'ms' | 'MB' | ''
  readonly bound: 'at most' | 'at least'
  readonly target: number
  readonly met: boolean
  /** Its name in the table of all benchmarks, where it comes first; any other target is named by its report there. */
  readonly row?: string
  /** What the figure is compared with. Without a value, the figure itself is the ratio. */
  readonly floor?: Floor
}

/** The same work done by the least that can do it, measured in the same run. */
export interface Floor {
  readonly what: string
  /** In the unit of the figure. */
  readonly value?: number
}

/** How a cost grows with the number of engines. */
export interface Curve {
  readonly what: string
  readonly unit: 'ms' | 'MB'
  readonly points: readonly Point[]
}

/** The results of one benchmark. */
export interface Report {
  readonly name: string
  /** What was measured and how, in sentences. */
  readonly notes: readonly string[]
  readonly measured: readonly Measured[]
  readonly targets: readonly Target[]
  readonly curves?: readonly Curve[]
}

/** The machine and its load, which are needed to interpret the figures. */
export interface Machine {
  readonly processors: number
  readonly model: string
  /** The system as it names itself, such as its distribution. */
  readonly platform: string
  readonly bun: string
  /** The system's load over the last minute, at the moment of the call. */
  readonly load: number
}

/** Describes samples of one quantity. Throws if there are none. */
export const measured = (what: string, unit: Measured['unit'], samples: readonly number[]): Measured => ({
  what,
  unit,
  ...spread(samples),
})

/** Compares a figure with its target. */
export const target = (given: Omit<Target, 'met'>): Target => ({
  ...given,
  met: given.bound === 'at most' ? given.value <= given.target : given.value >= given.target,
})

/** Describes this machine at the moment of the call. */
export function machine(): Machine {
  const processors = cpus()
  return {
    processors: processors.length,
    model: processors[0]?.model ?? 'unknown',
    platform: `${distribution()}, ${arch()}`,
    bun: Bun.version,
    load: loadavg()[0] ?? 0,
  }
}

function distribution(): string {
  try {
    const [, name] = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? []
    return name ?? platform()
  } catch {
    return platform()
  }
}

/** Renders one report as lines of text for people. */
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

/**
 * Renders rows as lines. The first column is left-aligned, the others are right-aligned, so that figures can be compared.
 */
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

/** Shows three significant places, and no exponent for large values. */
export const readable = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
