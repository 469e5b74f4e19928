import { type Coverage, emptyCoverage, merge, PASSES, tableText, tally } from './coverage.ts'
import type { Outcome } from './simulation.ts'
import { zeroCells } from './zero-cells.ts'

/** A seed that failed, and why. */
export interface Failure {
  readonly seed: number
  readonly violations: readonly string[]
  readonly trace: readonly string[]
}

/** The figures of a run of many seeds. */
export class Report {
  readonly coverage: Coverage = emptyCoverage()
  readonly failures: Failure[] = []
  seeds = 0
  simulatedMs = 0
  #settledMaxMs = 0

  add({ seed, violations, trace, simulatedMs, settledMs, coverage }: Outcome): void {
    this.seeds++
    this.simulatedMs += simulatedMs
    this.#settledMaxMs = Math.max(this.#settledMaxMs, settledMs ?? 0)
    merge(this.coverage, coverage)
    if (violations.length > 0) this.failures.push({ seed, violations, trace })
    else tally(this.coverage, 'seeds settled')
  }

  figures(wallMs: number): Readonly<Record<string, number>> {
    const { faults, crashes, counts } = this.coverage
    return {
      seeds: this.seeds,
      failed: this.failures.length,
      simulated_hours: Math.round(this.simulatedMs / 36_000) / 100,
      faults: sum(faults),
      crashes: sum(crashes),
      passes: counts[PASSES] ?? 0,
      longest_settling_s: this.#settledMaxMs / 1_000,
      wall_s: Math.round(wallMs / 100) / 10,
    }
  }

  /** The report for people: how often each thing was covered, and the failures with the command that replays them. */
  text(wallMs: number): string {
    const { calls, faults, crashes, rules, counts } = this.coverage
    return [
      `Awaits:\n${tableText(calls)}`,
      `Faults by await:\n${tableText(faults)}`,
      `Crashes by await:\n${tableText(crashes)}`,
      `Rules of the plan:\n${tableText(rules)}`,
      `Counted:\n${Object.entries(counts)
        .toSorted()
        .map(([name, n]) => `  ${name}: ${n}`)
        .join('\n')}`,
      ...this.failures.map(failureText),
      this.#kinds(),
      this.#zeroText(),
      Object.entries(this.figures(wallMs))
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    ].join('\n\n')
  }

  /** What can happen and never did; see zero-cells.ts. */
  zeroCells(): readonly string[] {
    return zeroCells(this.coverage)
  }

  #zeroText(): string {
    const cells = this.zeroCells()
    return cells.length === 0 ? 'Nothing is zero.' : `Zero:\n${cells.map((cell) => `  ${cell}`).join('\n')}`
  }

  /** Groups failures of one kind, so that one fault found a hundred times is read once. */
  #kinds(): string {
    const kinds = Map.groupBy(this.failures, ({ violations: [first = ''] }) =>
      first.replaceAll(/[0-9a-f]{6,}|\d+/g, '#').slice(0, 120),
    )
    return [...kinds]
      .map(
        ([kind, failures]) => `${failures.length}x ${kind}  seeds ${failures.slice(0, 8).map((f) => f.seed)}`,
      )
      .join('\n')
  }
}

const LINES_SHOWN = 40

function failureText({ seed, violations, trace }: Failure): string {
  return [
    `Seed ${seed}: ${violations.join('\n  ')}`,
    ...trace.slice(-LINES_SHOWN).map((line) => `  ${line}`),
    `Again: bun scripts/simulate.ts --seeds 1 --from ${seed} --trace`,
  ].join('\n')
}

function sum(table: Coverage['faults']): number {
  return Object.values(table)
    .flatMap(Object.values)
    .reduce((total: number, each: number) => total + each, 0)
}
