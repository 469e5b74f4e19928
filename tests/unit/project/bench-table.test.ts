import { describe, expect, test } from 'bun:test'
import { type Report, type Target, target } from '../../../scripts/bench/report.ts'
import { asLines, asMarkdown, cellsOf, growthCells, rowsOf } from '../../../scripts/bench/table.ts'

const aimed = (change: Partial<Omit<Target, 'met'>> = {}): Target =>
  target({ what: 'p99', value: 8, unit: 'ms', bound: 'at most', target: 10, ...change })
const report = (name: string, change: Partial<Report> = {}): Report => ({
  ...{ name, notes: [], measured: [], targets: [] },
  ...change,
})

describe('the table of benchmarks', () => {
  test('has each target once, with its least, median and greatest value of all runs', () => {
    const runs = [9, 20, 8].map((value) => [report('reads', { targets: [aimed({ value })] })])
    expect(rowsOf(runs)).toEqual([
      { figure: 'reads: p99', median: aimed({ value: 9 }), min: 8, max: 20, toFloor: null },
    ])
  })

  test('says that a target is missed if the median misses it, and not if one run does', () => {
    const metOf = (...values: number[]): boolean[] =>
      rowsOf(values.map((value) => [report('reads', { targets: [aimed({ value })] })])).map(
        ({ median }) => median.met,
      )
    expect([metOf(9, 11, 9), metOf(11, 9, 11)]).toEqual([[true], [false]])
  })

  test('begins with the targets that have names for it', () => {
    const targets = [aimed(), aimed({ what: 'p50', row: 'a selection of acexy' })]
    const runs = [[report('reads', { targets }), report('hang', { targets: [aimed()] })]]
    expect(rowsOf(runs).map(({ figure }) => figure)).toEqual([
      ...['a selection of acexy', 'reads: p99', 'hang: p99'],
    ])
  })

  test('keeps a figure that a failed run has not measured', () => {
    const runs = [[report('reads', { targets: [aimed()] })], []]
    expect(rowsOf(runs).map(({ min, max }) => [min, max])).toEqual([[8, 8]])
  })

  test('divides each figure by the floor of its own run', () => {
    const floored = (value: number, floor: number) =>
      aimed({ value, floor: { what: 'a bare server', value: floor } })
    const runs = [floored(8, 4), floored(9, 3), floored(4, 4)].map((of) => [
      report('reads', { targets: [of] }),
    ])
    expect(rowsOf(runs).map(({ toFloor }) => toFloor)).toEqual([2])
  })

  test('takes a figure whose floor has no value for the ratio itself', () => {
    const ratio = aimed({ value: 0.7, unit: '', floor: { what: 'a bare server' } })
    expect(rowsOf([[report('reads', { targets: [ratio] })]]).map(({ toFloor }) => toFloor)).toEqual([0.7])
  })

  test('is shown in columns, and as a table of a document', () => {
    const floor = { what: 'a bare server', value: 4 }
    const cells = cellsOf(rowsOf([[report('reads', { targets: [aimed({ floor })] })]]))
    expect(asLines(cells).split('\n').slice(1)).toEqual([
      'reads: p99  ≤ 10 ms  8.00    8.00  8.00  met          2.00  a bare server',
    ])
    expect(asMarkdown(cells).split('\n')).toEqual([
      '| figure | target | min | median | max |   | to its floor | floor |',
      '|---|---:|---:|---:|---:|---|---:|---|',
      '| reads: p99 | ≤ 10 ms | 8.00 | 8.00 | 8.00 | met | 2.00 | a bare server |',
    ])
  })
})

describe('the table of growth', () => {
  const grown = (values: readonly (readonly [number, number])[]) =>
    report('growth', {
      curves: [{ what: 'a plan', unit: 'ms', points: values.map(([size, value]) => ({ size, value })) }],
    })

  test('has the medians of all runs, the exponent, and the cost of one more engine', () => {
    const runs = [
      [1, 11],
      [2, 20],
      [2, 200],
    ].map(([few = 0, many = 0]) => [
      grown([
        [10, few],
        [100, many],
      ]),
    ])
    expect(growthCells(runs)).toEqual([
      ['cost by engines', '10', '100', 'exponent', 'of the last two', 'one more engine'],
      ['a plan, ms', '2.00', '20.0', '1.00', '1.00', '200 µs'],
    ])
  })

  test('is empty where nothing grows', () => {
    expect(growthCells([[report('reads')]])).toEqual([])
  })
})
