import { Crashed } from './life.ts'
import { type Outcome, Simulation } from './simulation.ts'

/** How one process runs its share of the seeds. */
export interface BatchOptions {
  readonly from: number
  readonly seeds: number
  readonly stride: number
  /** Receives every line of the trace at once. */
  readonly echo: ((line: string) => void) | null
  /** Runs each seed twice. A different trace is a violation. */
  readonly checkDeterminism: boolean
  /** Stops at the first seed that fails. */
  readonly bail: boolean
  /** Parts that are left out of each scenario. */
  readonly leftOut: ReadonlySet<string>
  readonly onOutcome: (outcome: Outcome) => void
}

/** Runs the seeds one after the other. Uncaught errors count against the seed that is running. */
export async function runBatch(options: BatchOptions): Promise<void> {
  let current: Simulation | null = null
  const onUncaught = (error: unknown): void => {
    // A crashed orchestrator does nothing any more: whatever its code still tries throws this error.
    if (error instanceof Crashed) return
    current?.defect(
      `nobody caught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
  }
  process.on('unhandledRejection', onUncaught)
  process.on('uncaughtException', onUncaught)
  for (let n = 0; n < options.seeds; n++) {
    const seed = options.from + n * options.stride
    current = new Simulation(seed, options.echo, options.leftOut)
    const first = await current.run()
    const outcome = options.checkDeterminism ? await replayed(first, options.leftOut) : first
    options.onOutcome(outcome)
    if (options.bail && outcome.violations.length > 0) break
  }
  process.off('unhandledRejection', onUncaught)
  process.off('uncaughtException', onUncaught)
}

async function replayed(outcome: Outcome, leftOut: ReadonlySet<string>): Promise<Outcome> {
  const again = await new Simulation(outcome.seed, null, leftOut).run()
  if (again.traceHash === outcome.traceHash) return outcome
  const text = `not deterministic: trace ${outcome.traceHash}, then ${again.traceHash}`
  return {
    ...outcome,
    violations: [...outcome.violations, text],
    trace: differing(outcome.trace, again.trace),
  }
}

/** The ends of two traces, from the first line that differs. */
function differing(one: readonly string[], other: readonly string[]): string[] {
  const at = one.findIndex((line, index) => line !== other[index])
  return [...one.slice(at, at + 10), '--- and in the second run:', ...other.slice(at, at + 10)]
}
