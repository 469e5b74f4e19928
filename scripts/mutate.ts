/**
 * Breaks the code in named ways, one at a time, and reports what notices it: `bun scripts/mutate.ts [--only TEXT of a name
 * or file] [--seeds 60] [--jobs 2] [--both]`.
 *
 * Each mutation is made in a copy of the sources. First the tests run until one fails: the test file that noticed the
 * mutation last time (`seen-by.json`, which this script writes), then the nearest to the mutated file. If no test fails, or
 * with --both, the simulation runs. Exits with 0 if each mutation was noticed.
 */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { MUTATIONS, type Mutation, placeOf, sourcesIn } from '../tests/mutation/mutations.ts'
import { importsIn, nearestFirst } from '../tests/mutation/nearest.ts'
import { type Fit, replaced } from '../tests/mutation/pattern.ts'

const ROOT = join(import.meta.dir, '..')
const COPIED = [
  'src',
  'tests',
  'scripts',
  'drizzle',
  'package.json',
  'tsconfig.json',
  'bunfig.toml',
  'README.md',
]
/** Which test file noticed each mutation last. This is a hint and may be out of date. */
const SEEN_BY = join(ROOT, 'tests/mutation/seen-by.json')
/** Tests without Docker. */
const TESTS = [
  ...new Bun.Glob('tests/unit/{core,store,control,http,metrics}/*.test.ts').scanSync({ cwd: ROOT }),
]
/** A test that is slow because the machine is busy must not count as having noticed a mutation. */
const TEST_MAX_MS = 20_000
/** A mutation may make something wait for ever. */
const TESTS_MAX_MS = 300_000
const SEEDS_MAX_MS = 300_000

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string', default: '60' },
    jobs: { type: 'string', default: '2' },
    both: { type: 'boolean', default: false },
  },
})

interface SightOfTest {
  /** Null if the tests did not end. */
  readonly file: string | null
  readonly name: string
}

interface Job {
  readonly mutation: Mutation
  readonly place: Fit
}

/** What noticed a mutation, in words; null if nothing did. */
interface Sight extends Job {
  readonly test: SightOfTest | null
  readonly seed: string | null
}

const sources = await sourcesIn(ROOT)
const imports = await importsIn(ROOT)
const wanted = MUTATIONS.map((mutation): Job => ({ mutation, place: placeOf(mutation, sources) })).filter(
  ({ mutation, place }) => mutation.name.includes(values.only) || place.source.file.includes(values.only),
)
const seenBy: Record<string, string> = await Bun.file(SEEN_BY)
  .json()
  .catch(() => ({}))
const startedMs = Date.now()
const queue = [...wanted]
const sights: Sight[] = []
await Promise.all(Array.from({ length: Number(values.jobs) }, () => worker()))
const missed = sights.filter(({ test, seed }) => test === null && seed === null)
const byTest = sights.filter(({ test }) => test !== null).length
const bySeed = sights.filter(({ seed }) => seed !== null).length
console.log(
  `${wanted.length} mutations, ${byTest} seen by a test, ${bySeed} by a seed, ${missed.length} by nothing, in ${secondsSince(startedMs)} s`,
)
for (const { mutation, place } of missed) console.log(`  not caught: ${mutation.name} (${place.source.file})`)
process.exit(missed.length === 0 ? 0 : 1)

async function worker(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-mutation-'))
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const fromMs = Date.now()
    const sight = await tryOut(folder, job)
    sights.push(sight)
    await remember(sight)
    console.log(`${job.mutation.name} (${secondsSince(fromMs)} s): ${inWords(sight)}`)
  }
  rmSync(folder, { recursive: true })
}

async function tryOut(folder: string, job: Job): Promise<Sight> {
  const { mutation, place } = job
  const { file, text } = place.source
  await Bun.write(join(folder, file), replaced(place, mutation.to))
  const test = await seenByTest(folder, job)
  const seed = test === null || values.both ? await seenBySeed(folder) : null
  await Bun.write(join(folder, file), text)
  return { ...job, test, seed }
}

async function seenByTest(folder: string, { mutation, place }: Job): Promise<SightOfTest | null> {
  const nearest = nearestFirst(TESTS, place.source.file, imports)
  const last = nearest.filter((test) => test === seenBy[mutation.name])
  // Bun runs the tests in this order if each is named by a path.
  const tests = [...new Set([...last, ...nearest])].map((test) => `./${test}`)
  const { code, output } = await run(
    folder,
    ['test', '--bail', '--timeout', String(TEST_MAX_MS), ...tests],
    TESTS_MAX_MS,
  )
  if (code === 0) return null
  const failed = /^\(fail\) (.*?)(?: \[[\d.]+ms\])?$/m.exec(output)
  if (failed === null) return { file: null, name: 'the tests do not end' }
  const heading = [...output.slice(0, failed.index).matchAll(/^(tests\/\S+\.test\.ts):$/gm)].at(-1)
  return { file: heading?.[1] ?? null, name: failed[1] ?? '' }
}

/** Stores which file noticed the mutation, so that the next run begins with it. */
async function remember({ mutation, test }: Sight): Promise<void> {
  if (test === null || test.file === null) return
  seenBy[mutation.name] = test.file
  const known = MUTATIONS.flatMap(({ name }) => (seenBy[name] === undefined ? [] : [[name, seenBy[name]]]))
  await Bun.write(SEEN_BY, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`)
}

async function seenBySeed(folder: string): Promise<string | null> {
  const args = ['scripts/simulate.ts', '--seeds', values.seeds, '--jobs', '1', '--bail']
  const { code, output } = await run(folder, args, SEEDS_MAX_MS)
  if (code === 0) return null
  return /^seed \d+: .*$/m.exec(output)?.[0]?.slice(0, 160) ?? 'the simulation does not end'
}

async function run(
  folder: string,
  args: readonly string[],
  maxMs: number,
): Promise<{ readonly code: number; readonly output: string }> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: maxMs,
    killSignal: 'SIGKILL',
  })
  const texts = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, output: texts.join('\n') }
}

function secondsSince(ms: number): number {
  return Math.round((Date.now() - ms) / 1000)
}

function inWords({ test, seed }: Sight): string {
  const seen = [test === null ? [] : [`test "${test.name}"`], seed === null ? [] : [seed]].flat()
  return seen.length === 0 ? 'NOT CAUGHT' : seen.join('; ')
}
