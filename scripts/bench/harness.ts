import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { connectTestDocker, type TestDocker } from '../../tests/support/docker.ts'
import { buildEngineImage } from '../../tests/support/engine-image.ts'
import { TestServer } from '../../tests/support/server.ts'
import { asText, machine, type Report } from './report.ts'
import { type Results, summary } from './results.ts'
import { asLines, asMarkdown } from './table.ts'

/**
 * The environment of a benchmark. Everything that a benchmark makes through it is removed when the benchmark ends, however
 * it ends.
 */
export interface Bench {
  /** The orchestrator's program and its first arguments. */
  readonly command: readonly string[]
  /** Aborts on Ctrl-C, or when the benchmark takes too long. */
  readonly signal: AbortSignal
  /** Registers a function to run after the benchmark. The last one registered runs first. */
  defer(cleanUp: () => void | Promise<void>): void
  /** Connects to Docker with a label of its own. */
  docker(): Promise<TestDocker>
  /** Makes an orchestrator that is not started yet. Its settings win over those of the harness. */
  server(docker: TestDocker, env: Readonly<Record<string, string>>): Promise<TestServer>
}

/** One benchmark. It fails only if something went wrong, never because of a figure. */
export type Benchmark = (bench: Bench) => Promise<Report>

/** The benchmark was ended from outside, so no other is begun. */
class Ended extends Error {}

const ROOT = join(import.meta.dir, '../..')
const BINARY = join(ROOT, 'dist/roundhouse')
const SOURCES = join(ROOT, 'src/main.ts')
const TIME_LIMIT_MS = 300_000
/** Docker may finish a create after its caller is gone. After this time the container exists and can be removed. */
const LATE_CREATE_MS = 3_000

/**
 * Runs the benchmarks one after the other and ends the process. Prints each report, and one table of all targets at the end.
 * `--runs N` repeats everything N times, and the table says how far the figures are apart. `--markdown` prints the table for
 * a document, and everything else to stderr. `--json FILE` writes all reports. `--program FILE` measures another executable
 * than dist/roundhouse; without that file, the sources under Bun are measured. The exit code is 0 whatever the figures are,
 * and 1 if something failed; the other benchmarks are measured nevertheless.
 */
export async function runBenchmarks(benchmarks: readonly Benchmark[]): Promise<never> {
  try {
    const { json, program, runs, markdown } = parseArgs({
      options: {
        json: { type: 'string' },
        program: { type: 'string' },
        runs: { type: 'string', default: '1' },
        markdown: { type: 'boolean', default: false },
      },
    }).values
    const tell = markdown ? console.error : console.log
    const results = await runAll(benchmarks, { command: programOf(program), runs: runsOf(runs), tell })
    if (json !== undefined) await Bun.write(json, `${JSON.stringify(results, null, 2)}\n`)
    console.log(summary(results, { date: new Date(), render: markdown ? asMarkdown : asLines }))
    process.exit(results.failures.length === 0 ? 0 : 1)
  } catch (error) {
    console.error(messageOf(error))
    process.exit(1)
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function runsOf(given: string): number {
  const runs = Number(given)
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${given}: a number from 1 is needed`)
  return runs
}

/** A path below the project as seen from it, so that a document names no folder of a machine. */
const inShort = (word: string): string => (word.startsWith(`${ROOT}/`) ? relative(ROOT, word) : word)

interface Call {
  readonly command: readonly string[]
  readonly runs: number
  readonly tell: (text: string) => void
}

async function runAll(benchmarks: readonly Benchmark[], { command, runs, tell }: Call): Promise<Results> {
  const before = machine()
  const found: Report[][] = []
  const failures: string[] = []
  for (let run = 1; run <= runs; run++) {
    tell(`run ${run} of ${runs}, load ${machine().load.toFixed(2)}\n`)
    const reports: Report[] = []
    found.push(reports)
    for (const benchmark of benchmarks) {
      try {
        const report = await runOne(benchmark, command)
        tell(asText(report))
        reports.push(report)
      } catch (error) {
        if (error instanceof Ended) throw error
        failures.push(`${benchmark.name} of run ${run} failed: ${messageOf(error)}`)
        tell(`${failures.at(-1)}\n`)
      }
    }
  }
  return { program: command.map(inShort).join(' '), before, after: machine(), runs: found, failures }
}

async function runOne(benchmark: Benchmark, command: readonly string[]): Promise<Report> {
  const stop = new AbortController()
  const stopped = Promise.withResolvers<never>()
  const end = (why: Error) => {
    stop.abort()
    stopped.reject(why)
  }
  const onSignal = (name: string) => end(new Ended(`ended by ${name}; what it made is removed`))
  const tooLong = new Error(`took longer than ${TIME_LIMIT_MS} ms; what it made is removed`)
  const timer = setTimeout(() => end(tooLong), TIME_LIMIT_MS)
  const scope = new AsyncDisposableStack()
  // These handlers stay until everything is removed: a second Ctrl-C must not leave containers behind.
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, onSignal)
  try {
    return await Promise.race([stopped.promise, benchmark(benchIn(scope, command, stop.signal))])
  } finally {
    clearTimeout(timer)
    await scope.disposeAsync()
    for (const name of ['SIGINT', 'SIGTERM']) process.off(name, onSignal)
  }
}

function benchIn(scope: AsyncDisposableStack, command: readonly string[], signal: AbortSignal): Bench {
  const defer = (cleanUp: () => void | Promise<void>) => scope.defer(async () => cleanUp())
  return {
    command,
    signal,
    defer,
    docker: async () => {
      const docker = await connectTestDocker()
      defer(async () => {
        await docker.cleanUp()
        if (!signal.aborted) return
        await Bun.sleep(LATE_CREATE_MS)
        await docker.cleanUp()
      })
      return docker
    },
    server: async (docker, env) => {
      const image = await buildEngineImage()
      signal.throwIfAborted()
      const server = new TestServer({ docker, image, env, command })
      defer(() => server.dispose())
      return server
    },
  }
}

function programOf(given: string | undefined): readonly string[] {
  const file = given ?? BINARY
  if (existsSync(file)) return [file]
  if (given !== undefined) throw new Error(`there is no program ${given}`)
  return [process.execPath, SOURCES]
}
