/**
 * Runs the tests by kind, and reports what failed and what took longest:
 *
 *   bun scripts/run-tests.ts [--all] [FILE or argument of bun test ...]
 *
 * The short tests without Docker run in one process, which shows a mistake first. Beside it, each file that starts processes or
 * containers, or simulates hours, has a process of its own, several at a time: most only wait, and each has its own labels,
 * names and ports. They start the single binary, as users do. The seeds begin when no more files wait; all of them come last.
 *
 * If only a few files fail, they run once more, alone. The second result counts, and files that passed then are reported as
 * unsteady.
 *
 * `--all` adds the slowest tier: the files in `SLOWEST`, the emulators' own tests, and all seeds. With files or arguments, only
 * those tests run. The last line is `N passed, N failed`. The exit code is 0 if all passed.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { buildBinary } from '../tests/support/binary.ts'

const ROOT = join(import.meta.dir, '..')

/** The timeout of a test without its own. It is long, because a busy machine is not a fault. */
const TEST = ['bun', 'test', '--timeout', '30000'] as const

/** How many long files run at a time: they wait more than they work. The short tests take a core beside them. */
const AT_ONCE = { besideOthers: 4, alone: Math.max(4, Math.min(5, cpus().length + 3)) } as const

/** The longest files start first, so that none of them runs alone at the end. */
const LONGEST = [
  'lifecycle',
  'reads',
  'seeds',
  'lookers',
  'documents',
  'documents-others',
  'compose',
  'vpn-recovery',
  'runtime-contract',
  'viewers',
  'restart',
  'storage',
  'vpn-failure',
  'vpn-kill-switch',
  'doctor',
  'scripts',
]

const WITHOUT_DOCKER = 'tests/{unit,mutation,support}/**/*.test.ts'
const BY_THEMSELVES = 'tests/{e2e,contract,simulation}/*.test.ts'

/** The files that run only with `--all`: many images, many viewers, a registry, long lives, a browser, whole set-ups, swarms. */
const SLOWEST = new Set([
  ...['reads', 'seeds', 'lookers'],
  ...['dialects', 'playback', 'runtime-docker-images', 'day', 'swagger'],
  ...['panel', 'panel-acts', 'panel-arrivals', 'panel-charts', 'panel-feed', 'panel-journal'],
  ...['panel-keyboard', 'panel-lan', 'panel-logs', 'panel-many', 'panel-states', 'panel-theme'],
  ...['image', 'compose', 'scripts', 'doctor', 'database-files', 'own-network', 'socket-proxy'],
  ...['documents', 'documents-others', 'documents-vpn'],
  ...['swarm', 'runtime-swarm', 'runtime-swarm-hosts', 'runtime-swarm-looks', 'runtime-swarm-services'],
])

const SEEDS = { usual: 30, all: 500 } as const

/** If more files than this fail side by side, a busy machine is not the cause, and none runs again. */
const SECOND_TURNS = 5

const SLOWEST_SHOWN = 10

/** The result of one process of tests. */
interface Outcome {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly ms: number
  readonly output: string
  /** The output of the first run, if the file failed while other files ran and then passed alone. */
  readonly unsteady?: string
}

const args = process.argv.slice(2)
const isAll = args.includes('--all')
const named = args.filter((arg) => arg !== '--all')
const outcomes: Outcome[] = []

/** The files of tests that a pattern names, in the order of their names; those in `SLOWEST` only with `--all`. */
async function filesOf(pattern: string): Promise<string[]> {
  const files = await Array.fromAsync(new Bun.Glob(pattern).scan(ROOT))
  const isTurn = (file: string): boolean =>
    isAll || !SLOWEST.has(basename(file, '.test.ts')) || file.startsWith('tests/unit')
  return files.filter(isTurn).toSorted()
}

async function longFiles(): Promise<string[]> {
  const files = await filesOf(BY_THEMSELVES)
  const rank = (file: string): number => {
    const at = LONGEST.indexOf(basename(file, '.test.ts'))
    return at < 0 ? LONGEST.length : at
  }
  return files.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** `others` resolves when the tests that run beside the files have ended; `onIdle` is called when no more files wait. */
async function runAtOnce(
  files: string[],
  others: Promise<unknown>,
  onIdle: () => Promise<void>,
): Promise<void> {
  const all: Outcome[] = []
  let slots = 0
  const lane = async (): Promise<void> => {
    const env = { ROUNDHOUSE_TEST_SLOT: String(slots++) }
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      all.push(await run(file, [...TEST, file], 'at the end', env))
    }
  }
  const lanes = (count: number): Promise<void>[] => Array.from({ length: count }, lane)
  const first = lanes(AT_ONCE.besideOthers)
  await Promise.all([
    ...first,
    others.then(() => Promise.all(lanes(AT_ONCE.alone - AT_ONCE.besideOthers))),
    Promise.race(first).then(onIdle),
  ])
  const bad = all.filter(({ failed }) => failed > 0)
  const again = bad.length > SECOND_TURNS ? [] : bad
  outcomes.push(...all.filter((outcome) => !again.includes(outcome)))
  for (const first of again) outcomes.push(await runAlone(first))
}

/** Runs a file once more that failed while other files ran. */
async function runAlone(first: Outcome): Promise<Outcome> {
  const second = await run(first.name, [...TEST, first.name], 'at the end')
  const outcome = { ...second, ms: first.ms + second.ms }
  return second.failed > 0 ? outcome : { ...outcome, unsteady: first.output }
}

/** The folder for temporary files in memory, if the system has one with room: the commits of small databases wait for no disk there. */
function folderInMemory(): string {
  const folder = '/dev/shm'
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize > 1_000_000_000 ? folder : tmpdir()
  } catch {
    return tmpdir()
  }
}

async function runOnDocker(
  program: string,
  withoutDocker: Promise<unknown>,
  onIdle: () => Promise<void>,
): Promise<void> {
  process.env.ROUNDHOUSE_TEST_PROGRAM = program
  outcomes.push(await run('images of the emulators', ['bun', 'tests/support/images.ts'], 'now'))
  await runAtOnce(await longFiles(), withoutDocker, onIdle)
}

/** Whether files of the emulators have changed. Only then are the emulators' own tests worth running. */
async function haveEmulatorsChanged(): Promise<boolean> {
  const changes = Bun.spawn(['git', 'status', '--porcelain', '--', 'tests/emulators'], {
    cwd: ROOT,
    stdout: 'pipe',
  })
  return (await changes.stdout.text()).trim() !== ''
}

async function simulate(isEverySeed: boolean): Promise<Outcome> {
  const seeds = String(isEverySeed ? SEEDS.all : SEEDS.usual)
  const coverage = isEverySeed ? ['--require-coverage'] : []
  const outcome = await run(
    'simulation',
    ['bun', 'scripts/simulate.ts', '--seeds', seeds, ...coverage],
    'now',
  )
  // The seeds are not tests, so they do not count as passed.
  return { ...outcome, passed: 0 }
}

/** Runs one process. Its output is shown as it comes, or all at once at the end. */
async function run(
  name: string,
  command: readonly string[],
  shown: 'now' | 'at the end',
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const startedMs = performance.now()
  const child = Bun.spawn([...command], {
    ...{ cwd: ROOT, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    env: { ...process.env, ...env },
  })
  let output = ''
  const take = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true })
      output += text
      if (shown === 'now') process.stdout.write(text)
    }
  }
  await Promise.all([take(child.stdout), take(child.stderr), child.exited])
  if (shown === 'at the end') process.stdout.write(`\n${output.trimEnd()}\n`)
  const failed = numberBefore(output, 'fail')
  // A run that broke off before its summary counts as failed.
  const isBroken = child.exitCode !== 0 && failed === 0
  const ms = performance.now() - startedMs
  return { name, passed: numberBefore(output, 'pass'), failed: isBroken ? 1 : failed, ms, output }
}

/** The number before a word in bun's summary, which is on a line of its own (` 12 pass`); 0 if there is none. */
const numberBefore = (output: string, word: string): number =>
  Number([...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, 'gm'))].at(-1)?.[1] ?? 0)

/** Reports what took longest and, last, what failed. Returns the exit code. */
function report(all: readonly Outcome[]): number {
  const bad = all.filter(({ failed }) => failed > 0)
  console.log('\nWhat took longest:')
  for (const { name, ms } of all.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST_SHOWN))
    console.log(`${(ms / 1_000).toFixed(1).padStart(7)} s  ${name}`)
  for (const { name, unsteady } of all) {
    if (unsteady !== undefined)
      console.log(`\nUnsteady: failed beside others, passed alone:\n${name}\n${failures(unsteady)}`)
  }
  if (bad.length > 0) console.log('\nWhat failed:')
  for (const { name, output } of bad) console.log(`${name}\n${failures(output)}`)
  const sum = (of: (outcome: Outcome) => number): number => all.reduce((total, each) => total + of(each), 0)
  console.log(`${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed`)
  return bad.length === 0 ? 0 : 1
}

const LINES_SHOWN = 40

/**
 * Returns the output of each failed test; a test's output comes before its result line. If no test failed, returns the end
 * of the output.
 */
function failures(output: string): string {
  const shown: string[] = []
  let lines: string[] = []
  // Bun repeats the failed tests in its summary, which is cut off here.
  for (const line of output
    .split(/^\d+ tests? failed:$/m, 1)
    .join('')
    .split('\n')) {
    if (/^tests\/.*:$/.test(line) || /^\((pass|skip|todo)\) /.test(line)) lines = []
    else lines.push(line)
    if (line.startsWith('(fail) ')) shown.push(...lines.splice(0).slice(-LINES_SHOWN))
  }
  return (shown.length > 0 ? shown : output.trimEnd().split('\n').slice(-LINES_SHOWN)).join('\n')
}

if (named.length > 0) {
  outcomes.push(await run(named.join(' '), [...TEST, ...named], 'now'))
} else {
  // The last slot of ports: long files have the first ones.
  const inMemory = { TMPDIR: folderInMemory(), ROUNDHOUSE_TEST_SLOT: '5' }
  const files = (await filesOf(WITHOUT_DOCKER)).map((file) => `./${file}`)
  const withoutDocker = run('without Docker', [...TEST, ...files], 'now', inMemory)
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-tests-'))
  try {
    await runOnDocker(buildBinary(folder), withoutDocker, async () => {
      if (!isAll) outcomes.push(await simulate(isAll))
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
  outcomes.push(await withoutDocker)
  const isEmulatorsTurn = isAll || (await haveEmulatorsChanged())
  if (isEmulatorsTurn) outcomes.push(await run('emulators', [...TEST, 'tests/emulators'], 'now'))
  if (isAll) outcomes.push(await simulate(isAll))
}
process.exit(report(outcomes))
