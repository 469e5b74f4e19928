import type { Outcome } from './simulation.ts'

/** The seeds of a run, and how many processes share them. */
interface Share {
  readonly from: number
  readonly seeds: number
  readonly jobs: number
}

/** Disables JavaScriptCore's last compiler tier, which costs more than it gains: no seed spends long in one loop. */
const QUICKER = { BUN_JSC_useFTLJIT: '0' }

export interface JobsOptions extends Share {
  readonly script: string
  /** Passed on to every process. */
  readonly flags: readonly string[]
  /** Receives each outcome as it arrives. Returning false ends the run. */
  readonly take: (outcome: Outcome) => boolean
}

/**
 * Runs the script in several processes. Each runs every `jobs`th seed and writes one outcome per line. Returns the seeds
 * that a process should have run and did not report, though the run was not ended early.
 */
export async function runJobs(options: JobsOptions): Promise<readonly number[]> {
  const ending = new AbortController()
  const lost = await Promise.all(
    Array.from({ length: options.jobs }, (_, job) => runJob(options, job, ending)),
  )
  return lost.flat().toSorted((a, b) => a - b)
}

async function runJob(options: JobsOptions, job: number, ending: AbortController): Promise<number[]> {
  const { from, seeds, jobs, script, flags } = options
  const owed = Array.from({ length: Math.ceil((seeds - job) / jobs) }, (_, n) => from + job + n * jobs)
  if (owed.length === 0) return []
  const share = ['--seeds', `${owed.length}`, '--from', `${from + job}`, '--stride', `${jobs}`]
  const spawned = Bun.spawn([process.execPath, script, ...share, ...flags], {
    stdout: 'pipe',
    stderr: 'inherit',
    signal: ending.signal,
    env: { ...process.env, ...QUICKER },
  })
  for await (const line of linesOf(spawned.stdout)) {
    const outcome = JSON.parse(line) as Outcome
    owed.splice(owed.indexOf(outcome.seed), 1)
    if (!ending.signal.aborted && !options.take(outcome)) ending.abort()
  }
  await spawned.exited
  // The seeds after the one at which the process stopped were never begun.
  return ending.signal.aborted ? [] : owed.slice(0, 1)
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
