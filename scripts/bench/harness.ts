import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connectTestDocker, type TestDocker } from '../../tests/support/docker.ts'
import { buildEngineImage } from '../../tests/support/engine-image.ts'
import { TestServer } from '../../tests/support/server.ts'
import { asText, type Machine, machine, type Report } from './report.ts'

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

interface Results {
  readonly program: string
  readonly before: Machine
  readonly after: Machine
  readonly reports: readonly Report[]
}

const BINARY = join(import.meta.dir, '../../dist/roundhouse')
const SOURCES = join(import.meta.dir, '../../src/main.ts')
const TIME_LIMIT_MS = 300_000
/** Docker may finish a create after its caller is gone. After this time the container exists and can be removed. */
const LATE_CREATE_MS = 3_000

/**
 * Runs the benchmarks one after the other and ends the process. Prints each report, and writes all reports to the file of
 * `--json`. The exit code is 0 whatever the figures are, and 1 if something failed. `--program FILE` measures another
 * executable than dist/roundhouse. If dist/roundhouse does not exist, the sources under Bun are measured.
 */
export async function runBenchmarks(benchmarks: readonly Benchmark[]): Promise<never> {
  const { json, program } = parseArgs({
    options: { json: { type: 'string' }, program: { type: 'string' } },
  }).values
  try {
    const results = await runAll(benchmarks, programOf(program))
    if (json !== undefined) await Bun.write(json, `${JSON.stringify(results, null, 2)}\n`)
    process.exit(0)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}

async function runAll(benchmarks: readonly Benchmark[], command: readonly string[]): Promise<Results> {
  const before = machine()
  const program = command.join(' ')
  console.log(
    `${program} on ${before.processors} processors, Bun ${before.bun}, load ${before.load.toFixed(2)}\n`,
  )
  const reports: Report[] = []
  for (const benchmark of benchmarks) {
    const report = await runOne(benchmark, command)
    console.log(asText(report))
    reports.push(report)
  }
  const after = machine()
  console.log(`load at the end ${after.load.toFixed(2)}`)
  return { program, before, after, reports }
}

async function runOne(benchmark: Benchmark, command: readonly string[]): Promise<Report> {
  const stop = new AbortController()
  const stopped = Promise.withResolvers<never>()
  const end = (why: string) => {
    stop.abort()
    stopped.reject(new Error(`${why}; what it made is removed`))
  }
  const onSignal = (name: string) => end(`ended by ${name}`)
  const timer = setTimeout(() => end(`took longer than ${TIME_LIMIT_MS} ms`), TIME_LIMIT_MS)
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
