/**
 * Simulates a day of the whole application with many viewers:
 *
 *   bun scripts/simulate-day.ts [--hours 24] [--streams 200] [--seed 1] [--short] [--json]
 *
 * The world is that of scripts/simulate.ts, with ordinary trouble and without crashes of the orchestrator: viewers come and
 * go, some proxies never report an end, engines crash, hang and are removed, and Docker is away for a while. After each
 * simulated hour it prints the rows of every table beside its bound, and the memory after a garbage collection. The exit
 * code is 1 if a bound or a promise is broken, or if the memory has grown from the third quarter to the last.
 * `--short` simulates two hours with low bounds, as the tests do.
 */
import { parseArgs } from 'node:util'
import { type DayLook, simulateDay } from '../tests/simulation/day.ts'
import { FULL_DAY, SHORT_DAY } from '../tests/simulation/day-options.ts'
import { growth } from '../tests/simulation/growth.ts'

const { values } = parseArgs({
  options: {
    hours: { type: 'string' },
    streams: { type: 'string' },
    seed: { type: 'string' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const HOUR_MS = 3_600_000

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`

function tell({ atMs, started, tables, heap, rss, database }: DayLook): void {
  const sizes = `heap ${megabytes(heap)}, RSS ${megabytes(rss)} and ${megabytes(database)} of database`
  console.log(`${(atMs / HOUR_MS).toFixed(1)} h: ${started} streams, ${sizes}`)
  console.log(`    ${tables.map(({ table, rows, bound }) => `${table} ${rows}/${bound}`).join('  ')}`)
}

async function main(): Promise<number> {
  const beganMs = performance.now()
  const usual = values.short ? SHORT_DAY : FULL_DAY
  const options = {
    ...usual,
    seed: Number(values.seed ?? usual.seed),
    hours: Number(values.hours ?? usual.hours),
    streams: Number(values.streams ?? usual.streams),
  }
  const { looks, violations, counts } = await simulateDay(options, values.json ? () => undefined : tell)
  const problems = [...violations, ...growth(looks)]
  const code = problems.length === 0 ? 0 : 1
  if (values.json) {
    console.log(JSON.stringify({ looks, problems, counts }))
    return code
  }
  const happened = Object.entries(counts).map(([what, n]) => `${what} ${n}`)
  console.log(`Happened: ${happened.join(', ')}`)
  for (const problem of problems) console.log(problem)
  const seconds = Math.round((performance.now() - beganMs) / 1_000)
  console.log(`${code === 0 ? 'every table within its bound, memory flat' : 'FAILED'}, after ${seconds} s`)
  return code
}

// Not awaited: bun never ends a process whose main module waits for a promise that does not settle.
void main().then((code) => process.exit(code))
