import { Crashed } from './life.ts'
import { type Outcome, Simulation } from './simulation.ts'

/** What one process makes of its share of the seeds. */
export interface BatchOptions {
  readonly from: number
  readonly seeds: number
  readonly stride: number
  /** Gets every line of the trace at once. */
  readonly echo: ((line: string) => void) | null
  /** Runs each seed twice; a trace that differs is a violation. */
  readonly checkDeterminism: boolean
  /** Ends with the first seed that fails. */
  readonly bail: boolean
  /** Parts of each scenario that are left out. */
  readonly leftOut: ReadonlySet<string>
  readonly onOutcome: (outcome: Outcome) => void
}

/** Runs the seeds one after the other. Errors that nobody caught count against the seed that is running. */
export async function runBatch(options: BatchOptions): Promise<void> {
  let current: Simulation | null = null
  const onUncaught = (error: unknown): void => {
    // A dead process does nothing; what its code still tries is refused by throwing.
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

/** The ends of two traces from the first line on that differs. */
function differing(one: readonly string[], other: readonly string[]): string[] {
  const at = one.findIndex((line, index) => line !== other[index])
  return [...one.slice(at, at + 10), '--- and in the second run:', ...other.slice(at, at + 10)]
}
