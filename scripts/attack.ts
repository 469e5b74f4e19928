/**
 * Attacks the binary in a container of 256 MB that keeps 20 engines, some of them with viewers, and checks whether acexy
 * notices: `bun run attack [--only NAME,…] [--seconds N]`. Prints a table. Exit code 0 means that after each attack the same
 * process runs, acexy's reads were answered in time, no engine was replaced and no viewer was cut off. Otherwise the exit
 * code is 1 and the reasons are printed. In any case the script removes what it made.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ATTACKS, type PlannedAttack } from './attack/attacks.ts'
import { openSite, type Site, untilHealthy } from './attack/site.ts'
import { table } from './attack/table.ts'
import { type Trial, trialOf } from './attack/trial.ts'
import { brokenPromises } from './attack/verdict.ts'
import { machine } from './bench/report.ts'
import { startRawServer } from './bench/throughput.ts'

const PROGRAM = join(import.meta.dir, '../dist/rootfs/roundhouse')
/**
 * How long the orchestrator may take to find its engines after it was restarted. It is restarted if an attack ended its
 * process, or if the next attack needs another limit.
 */
const FOUND_WITHIN_MS = 60_000
/** Docker may finish a create after its caller is gone. After this time the container exists and can be removed. */
const LATE_CREATE_MS = 3_000
const LAST_LINES = 20

interface Options {
  readonly attacks: ReadonlyMap<string, PlannedAttack>
  /** The duration of every attack; null for each attack's own duration. */
  readonly seconds: number | null
}

interface Judged {
  readonly trial: Trial
  readonly reasons: readonly string[]
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: 'string', default: [...ATTACKS.keys()].join() }, seconds: { type: 'string' } },
  })
  const only = values.only.split(',')
  const unknown = only.find((name) => !ATTACKS.has(name))
  if (unknown !== undefined) throw new Error(`--only: ${unknown} is none of ${[...ATTACKS.keys()].join()}`)
  const { seconds = '' } = values
  if (!/^\d{0,3}$/.test(seconds)) throw new Error(`--seconds is not a number of seconds: ${seconds}`)
  return {
    attacks: new Map([...ATTACKS].filter(([name]) => only.includes(name))),
    seconds: seconds === '' ? null : Number(seconds),
  }
}

async function attackAll(
  scope: AsyncDisposableStack,
  options: Options,
  signal: AbortSignal,
): Promise<Judged[]> {
  const [first] = options.attacks.values()
  const site = await openSite(scope, first?.descriptors)
  const bench = { defer: (cleanUp: () => void | Promise<void>) => scope.defer(async () => cleanUp()) }
  const engines = await (await fetch(`${site.target.near}/engines`)).text()
  const bare = await startRawServer(bench, site.folder, engines)
  const judged: Judged[] = []
  for (const [name, planned] of options.attacks) {
    signal.throwIfAborted()
    await prepare(site, planned)
    const seconds = options.seconds ?? planned.seconds
    const trial = await trialOf(site, { name, seconds, bareUrl: bare.url, signal })
    const reasons = brokenPromises(trial, planned)
    console.log(
      [`${name}: ${trial.notes.join('; ')}`, ...reasons.map((reason) => `  NO: ${reason}`)].join('\n'),
    )
    if (trial.death !== null) console.log(await site.container.lastWords(LAST_LINES))
    judged.push({ trial, reasons })
  }
  return judged
}

/** Makes sure that the orchestrator runs with the limit that the attack needs. */
async function prepare({ container, target }: Site, { descriptors }: PlannedAttack): Promise<void> {
  if (container.life.descriptors === descriptors && (await container.death()) === null) return
  await container.start(descriptors)
  await untilHealthy(target.near, FOUND_WITHIN_MS)
}

/** Runs the attacks. At the end, and after a Ctrl-C, removes what was made. */
async function run(options: Options): Promise<readonly Judged[]> {
  const stop = new AbortController()
  const stopped = Promise.withResolvers<never>()
  const onSignal = (name: string) => {
    stop.abort()
    stopped.reject(new Error(`ended by ${name}; what it made is removed`))
  }
  const scope = new AsyncDisposableStack()
  // These handlers stay until everything is removed: a second Ctrl-C must not leave containers behind.
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, onSignal)
  try {
    return await Promise.race([stopped.promise, attackAll(scope, options, stop.signal)])
  } finally {
    if (stop.signal.aborted) await Bun.sleep(LATE_CREATE_MS)
    await scope.disposeAsync()
  }
}

try {
  if (!existsSync(PROGRAM)) throw new Error(`there is no ${PROGRAM}; run: bun run build`)
  const options = readOptions(process.argv.slice(2))
  console.log(`on ${machine().processors} processors, load ${machine().load.toFixed(2)}`)
  const judged = await run(options)
  console.log(['', ...table(judged)].join('\n'))
  console.log(`\nload at the end ${machine().load.toFixed(2)}`)
  process.exit(judged.some(({ reasons }) => reasons.length > 0) ? 1 : 0)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
