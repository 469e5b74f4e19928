/**
 * Simulates the whole application with seeds:
 *
 *   bun scripts/simulate.ts --seeds N --from S [--jobs N] [--bail] [--require-coverage] [--json FILE]
 *                           [--check-determinism] [--trace] [--without PART,PART] [--shrink]
 *
 * Real parts: everything below `src/` that `wire/wire.ts` puts together, which is routes, control, core and the store, on a
 * SQLite database in memory that outlives every crash. Simulated parts: time; Docker, or a Docker Swarm of two or three
 * hosts, with latencies, refusals, lost requests and answers, hangs, restarts, outages of the daemon, and events that are
 * late, repeated or lost; hosts of a swarm that are lost, drained and back; the hosts' ports; engines that boot, play, stall,
 * fall silent and crash; the health worker; acexys and their viewers; operators; crashes of the process at any await, timer
 * and checkpoint, and SIGTERM.
 *
 * After every step the promises of the design are checked, and at the end the fleet must settle. A seed replays exactly.
 * --trace shows every step of one seed, and --shrink shows what can be left out of seed S so that it still fails. --bail
 * stops at the first seed that fails. --require-coverage fails if something that can go wrong never did. Exits with 0 if all
 * is well.
 */
import { parseArgs } from 'node:util'
import { runBatch } from '../tests/simulation/batch.ts'
import { runJobs } from '../tests/simulation/jobs.ts'
import { Report } from '../tests/simulation/report.ts'
import { shareFunctions } from '../tests/simulation/shared-functions.ts'
import { shrink } from '../tests/simulation/shrink.ts'
import type { Outcome } from '../tests/simulation/simulation.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'string' },
    trace: { type: 'boolean', default: false },
    'require-coverage': { type: 'boolean', default: false },
    without: { type: 'string', default: '' },
    shrink: { type: 'boolean', default: false },
    bail: { type: 'boolean', default: false },
    'check-determinism': { type: 'boolean', default: false },
    /** Internal: this process is one of several and writes one outcome per line. */
    stride: { type: 'string' },
  },
})
const seeds = Number(values.seeds)
const from = Number(values.from)
const { bail } = values
const leftOut = new Set(values.without.split(',').filter((part) => part !== ''))
const checkDeterminism = values['check-determinism']

const PROGRESS_MS = 10_000

shareFunctions()

let isFinished = false
// A promise that is never settled lets a process end early without a message.
process.on('exit', () => {
  if (isFinished) return
  console.error('simulate: ended before all seeds had come to their end')
  process.exitCode = 1
})

/** Runs one of several processes. Traces are long, so only failures include them. */
async function work(stride: number): Promise<void> {
  await runBatch({
    from,
    seeds,
    stride,
    echo: null,
    checkDeterminism,
    bail,
    leftOut,
    onOutcome: (outcome) =>
      console.log(JSON.stringify(outcome.violations.length > 0 ? outcome : { ...outcome, trace: [] })),
  })
}

async function lead(jobs: number): Promise<number> {
  const report = new Report()
  const beganMs = performance.now()
  let saidMs = beganMs
  const take = (outcome: Outcome): boolean => {
    report.add(outcome)
    const isWell = outcome.violations.length === 0
    if (!isWell) console.log(`seed ${outcome.seed}: ${outcome.violations[0]?.slice(0, 300)}`)
    if (performance.now() - saidMs >= PROGRESS_MS) {
      saidMs = performance.now()
      console.log(`${report.seeds} of ${seeds} seeds, ${report.failures.length} failed`)
    }
    return isWell || !bail
  }
  const flags = [
    ...(checkDeterminism ? ['--check-determinism'] : []),
    ...(bail ? ['--bail'] : []),
    '--without',
    values.without,
  ]
  const lost = await runJobs({ from, seeds, jobs, script: import.meta.path, flags, take })
  const wallMs = performance.now() - beganMs
  console.log(report.text(wallMs))
  for (const seed of lost) console.log(`seed ${seed}: its process ended before it had reported it`)
  const { coverage, failures } = report
  if (values.json !== undefined)
    await Bun.write(
      values.json,
      JSON.stringify({ figures: report.figures(wallMs), coverage, failures }, null, 2),
    )
  const isCovered = !values['require-coverage'] || report.zeroCells().length === 0
  return lost.length === 0 && failures.length === 0 && isCovered ? 0 : 1
}

async function show(): Promise<number> {
  const report = new Report()
  const beganMs = performance.now()
  const onOutcome = (outcome: Outcome): void => {
    report.add(outcome)
    console.log(`seed ${outcome.seed}: trace ${outcome.traceHash}, settled in ${outcome.settledMs} ms`)
  }
  const echo = (line: string): void => console.log(line)
  await runBatch({ from, seeds, stride: 1, echo, checkDeterminism, bail, leftOut, onOutcome })
  for (const { violations } of report.failures) console.log(violations.join('\n'))
  console.log(report.figures(performance.now() - beganMs))
  return report.failures.length === 0 ? 0 : 1
}

async function less(): Promise<number> {
  const parts = await shrink(from)
  if (parts.length === 0) console.log(`seed ${from} does not fail, or nothing can be left out`)
  else console.log(`bun scripts/simulate.ts --seeds 1 --from ${from} --trace --without ${parts.join(',')}`)
  return 0
}

async function main(): Promise<void> {
  let code = 0
  if (values.stride !== undefined) await work(Number(values.stride))
  else if (values.shrink) code = await less()
  else code = values.trace ? await show() : await lead(Number(values.jobs))
  isFinished = true
  process.exit(code)
}

// Not awaited, because bun never ends a process whose main module awaits a promise that never settles.
void main()
