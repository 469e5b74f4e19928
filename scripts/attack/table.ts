import { aligned } from '../bench/report.ts'
import type { Asked, Trial } from './trial.ts'

const HEADER = [
  'attack',
  'kept p50',
  'p99',
  'max',
  'new p50',
  'p99',
  'max',
  'bare p99',
  'reopened',
  'lost',
  'busy',
  'memory',
  'database',
  'held',
]

/** Renders the figures of all trials as lines for people: times in milliseconds, and the highest memory in megabytes. */
export function table(
  rows: readonly { readonly trial: Trial; readonly reasons: readonly string[] }[],
): string[] {
  const cells = rows.map(({ trial, reasons }) => [
    trial.name,
    ...times(trial.kept),
    ...times(trial.fresh),
    trial.bare.ms?.p99.toFixed(1) ?? '',
    String(trial.kept.reopened),
    String(trial.kept.failures.length + trial.fresh.failures.length),
    `${(trial.busy * 100).toFixed(0)} %`,
    megabytes(trial.mostMemoryBytes),
    megabytes(trial.databaseBytes),
    reasons.length === 0 ? 'yes' : 'NO',
  ])
  return aligned([HEADER, ...cells])
}

const times = ({ ms }: Asked): string[] =>
  ms === null ? ['', '', ''] : [ms.p50, ms.p99, ms.max].map((value) => value.toFixed(1))

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(0)} MB`
