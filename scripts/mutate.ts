/**
 * Breaks the code in named ways, one at a time, and tells what sees it:
 * `bun scripts/mutate.ts [--only TEXT of a name or file] [--seeds 60] [--jobs 2] [--both]`.
 *
 * Each mutation is made in a copy of the sources. First the fast tests run; where they see nothing, or with --both in any
 * case, the simulation. Ends with 0 when each was caught.
 */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { MUTATIONS, type Mutation, placeOf, sourcesIn } from '../tests/mutation/mutations.ts'
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
/** Tests without Docker that take some seconds together. */
const FAST_TESTS = [
  'tests/unit/core',
  'tests/unit/store',
  'tests/unit/control',
  'tests/unit/http',
  'tests/unit/metrics',
]
/** A busy machine is no sight of a mutation. */
const TEST_MAX_MS = 30_000
/** A mutation may make something wait for ever. */
const TESTS_MAX_MS = 120_000
const SEEDS_MAX_MS = 300_000

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string', default: '60' },
    jobs: { type: 'string', default: '2' },
    both: { type: 'boolean', default: false },
  },
})

interface Job {
  readonly mutation: Mutation
  readonly place: Fit
}

/** What saw a mutation, in words; null where nothing did. */
interface Sight extends Job {
  readonly test: string | null
  readonly seed: string | null
}

const sources = await sourcesIn(ROOT)
const wanted = MUTATIONS.map((mutation): Job => ({ mutation, place: placeOf(mutation, sources) })).filter(
  ({ mutation, place }) => mutation.name.includes(values.only) || place.source.file.includes(values.only),
)
const queue = [...wanted]
const sights: Sight[] = []
await Promise.all(Array.from({ length: Number(values.jobs) }, () => worker()))
const missed = sights.filter(({ test, seed }) => test === null && seed === null)
const byTest = sights.filter(({ test }) => test !== null).length
const bySeed = sights.filter(({ seed }) => seed !== null).length
console.log(
  `${wanted.length} mutations, ${byTest} seen by a test, ${bySeed} by a seed, ${missed.length} by nothing`,
)
for (const { mutation, place } of missed) console.log(`  not caught: ${mutation.name} (${place.source.file})`)
process.exit(missed.length === 0 ? 0 : 1)

async function worker(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-mutation-'))
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const sight = await tryOut(folder, job)
    sights.push(sight)
    console.log(`${job.mutation.name}: ${inWords(sight)}`)
  }
  rmSync(folder, { recursive: true })
}

async function tryOut(folder: string, job: Job): Promise<Sight> {
  const { mutation, place } = job
  const { file, text } = place.source
  await Bun.write(join(folder, file), replaced(place, mutation.to))
  const test = await seenByTest(folder)
  const seed = test === null || values.both ? await seenBySeed(folder) : null
  await Bun.write(join(folder, file), text)
  return { ...job, test, seed }
}

async function seenByTest(folder: string): Promise<string | null> {
  const { code, output } = await run(
    folder,
    ['test', '--bail', '--timeout', String(TEST_MAX_MS), ...FAST_TESTS],
    TESTS_MAX_MS,
  )
  if (code === 0) return null
  return /^\(fail\) (.*?)(?: \[[\d.]+ms\])?$/m.exec(output)?.[1] ?? 'the tests do not end'
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

function inWords({ test, seed }: Sight): string {
  const seen = [test === null ? [] : [`test "${test}"`], seed === null ? [] : [seed]].flat()
  return seen.length === 0 ? 'NOT CAUGHT' : seen.join('; ')
}
