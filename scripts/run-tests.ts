/**
 * Runs the tests by kind, and reports what failed and what took longest:
 *
 *   bun scripts/run-tests.ts [--all] [FILE or argument of bun test ...]
 *
 * The short tests without Docker run in one process, which shows a mistake first. Beside it, each file that starts processes or
 * containers, or simulates hours, has a process of its own, several at a time: most only wait, and each has its own labels,
 * names and ports. They start the single binary, as users do. The seeds begin when no more files wait; all of them come last.
 *
 * If only a few files fail, they run once more, alone, and so do all short tests if a few of them fail. The second result
 * counts; the first is shown, too, and what passed then is reported as unsteady. What does not end by itself is ended at its
 * deadline and has failed; when that happens again and again, the files that are left do not run.
 *
 * `--all` adds the slowest tier: the files in `SLOWEST`, the emulators' own tests, and all seeds. With files or arguments, only
 * those tests run. The last line is `N passed, N failed`. The exit code is 0 if all passed.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { buildBinary } from '../tests/support/binary.ts'
import { runBounded } from '../tests/support/bounded-run.ts'

const ROOT = join(import.meta.dir, '..')

/** The timeout of a test without its own. It is long, because a busy machine is not a fault. */
const TEST = ['bun', 'test', '--timeout', '30000'] as const

/**
 * The deadlines of processes: of a file with containers, and of what runs many files or seeds. They are three times what these
 * take on two cores.
 */
const WITHIN_MS = { file: 10 * 60_000, many: 20 * 60_000 } as const

/** When as many files were ended at their deadline, the machine is at fault, and the others would take as long. */
const MOST_OVERDUE = 3

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

/** If more files or short tests than this fail side by side, a busy machine is not the cause, and none runs again. */
const SECOND_TURNS = 8

const SLOWEST_SHOWN = 10

/** The result of one process of tests. */
interface Outcome {
  readonly name: string
  readonly command: readonly string[]
  readonly passed: number
  readonly failed: number
  readonly ms: number
  readonly output: string
  /** Why the process was ended; null if it ended by itself. */
  readonly overdue: string | null
  /** The first run, if this is the second, alone: the first failed while other files ran. */
  readonly first?: Outcome
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
      const isHopeless = all.filter(({ overdue }) => overdue !== null).length >= MOST_OVERDUE
      const command = [...TEST, file]
      all.push(isHopeless ? notRun(file, command) : await run(file, command, 'at the end', env))
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

const notRun = (name: string, command: readonly string[]): Outcome => {
  const output = 'This did not run, because too many files before it did not end.'
  return { name, command, passed: 0, failed: 1, ms: 0, output, overdue: null }
}

/** Runs once more what failed while others ran. */
async function runAlone(first: Outcome): Promise<Outcome> {
  const second = await run(first.name, first.command, 'at the end')
  return { ...second, ms: first.ms + second.ms, first }
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

/** Ends what runs, when a signal ends this process. */
const ending = new AbortController()
const running = new Set<Promise<unknown>>()

/** Runs one process. Its output is shown as it comes, or all at once at the end. */
async function run(
  name: string,
  command: readonly string[],
  shown: 'now' | 'at the end',
  env: Readonly<Record<string, string>> = {},
  withinMs: number | null = shown === 'now' ? WITHIN_MS.many : WITHIN_MS.file,
): Promise<Outcome> {
  // The listener of the signal is about to end this process.
  if (ending.signal.aborted) return new Promise<never>(() => {})
  const startedMs = performance.now()
  const end = runBounded(command, {
    ...{ cwd: ROOT, env: { ...process.env, ...env }, withinMs, signal: ending.signal },
    ...(shown === 'now' ? { onText: (text: string) => void process.stdout.write(text) } : {}),
  })
  running.add(end)
  const { output, exitCode, overdue } = await end
  running.delete(end)
  if (shown === 'at the end') process.stdout.write(`\n${output.trimEnd()}\n`)
  const failed = numberBefore(output, 'fail')
  // A run that broke off before its summary, or did not end, counts as failed.
  const isBroken = (exitCode !== 0 || overdue !== null) && failed === 0
  const ms = performance.now() - startedMs
  const passed = numberBefore(output, 'pass')
  return { name, command, passed, failed: isBroken ? 1 : failed, ms, output, overdue }
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
  for (const { name, first, failed } of all) {
    const what =
      failed > 0 ? 'Failed alone as well; at first' : 'Unsteady: failed beside others, passed alone'
    if (first !== undefined) console.log(`\n${what}:\n${name}\n${failures(first)}`)
  }
  if (bad.length > 0) console.log('\nWhat failed:')
  for (const outcome of bad) console.log(`${outcome.name}\n${failures(outcome)}`)
  const sum = (of: (outcome: Outcome) => number): number => all.reduce((total, each) => total + of(each), 0)
  console.log(`${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed`)
  return bad.length === 0 ? 0 : 1
}

const LINES_SHOWN = 40

/**
 * Returns the output of each failed test; a test's output comes before its result line. If no test failed, returns the end
 * of the output. Why a process was ended is told in any case.
 */
function failures({ output, overdue }: Outcome): string {
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
  if (shown.length === 0) shown.push(...output.trimEnd().split('\n').slice(-LINES_SHOWN))
  else if (overdue !== null) shown.push(output.slice(output.lastIndexOf(overdue)))
  return shown.join('\n')
}

const SIGNALS = { SIGINT: 130, SIGQUIT: 131, SIGTERM: 143, SIGHUP: 129 } as const

for (const [signal, code] of Object.entries(SIGNALS)) {
  process.once(signal, async () => {
    ending.abort()
    await Promise.allSettled(running)
    process.exit(code)
  })
}

if (named.length > 0) {
  outcomes.push(await run(named.join(' '), [...TEST, ...named], 'now', {}, null))
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
  const short = await withoutDocker
  const mayBeUnsteady = short.failed > 0 && short.failed <= SECOND_TURNS
  outcomes.push(mayBeUnsteady ? await runAlone(short) : short)
  const isEmulatorsTurn = isAll || (await haveEmulatorsChanged())
  if (isEmulatorsTurn) outcomes.push(await run('emulators', [...TEST, 'tests/emulators'], 'now'))
  if (isAll) outcomes.push(await simulate(isAll))
}
process.exit(report(outcomes))
