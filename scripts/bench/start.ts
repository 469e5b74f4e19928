/**
 * Measures how long proxies wait during a restart: from the start of the process to the first good answers. 100 engines run
 * in a stand-in for Docker, first all of them unknown, as without a database, then in the database, as after an update.
 */

import { rmSync } from 'node:fs'
import { until } from '../../tests/support/docker.ts'
import type { TestServer } from '../../tests/support/server.ts'
import type { ListedEngine } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { type Measured, measured, type Report, target } from './report.ts'
import { bareProgram, standIn, started } from './stand-in.ts'
import { median } from './statistics.ts'

const FLEET = 100
const WARM_UP_STARTS = 1
const STARTS = 9
const TARGET_MS = { kept: 400, lost: 600 }

/** Milliseconds since the start of the process was requested. */
interface StartTimes {
  readonly alive: number
  readonly listed: number
  readonly ready: number
}

/** Measures starts; see the top of the file. */
export async function measureStart(bench: Bench): Promise<Report> {
  const { server } = await standIn(bench, FLEET)
  const bare = await bareProgram(bench)
  const floor: number[] = []
  const lost: StartTimes[] = []
  const kept: StartTimes[] = []
  for (let n = -WARM_UP_STARTS; n < STARTS; n++) {
    bench.signal.throwIfAborted()
    const bareMs = await bareOnce(bench, bare)
    await server.end()
    for (const end of ['', '-wal', '-shm']) rmSync(`${server.databasePath}${end}`, { force: true })
    const withoutRows = await startOnce(server)
    await server.end()
    const withRows = await startOnce(server)
    if (n < 0) continue
    floor.push(bareMs)
    lost.push(withoutRows)
    kept.push(withRows)
  }
  const rows = { lost: rowsOf('without database', lost), kept: rowsOf('with database', kept) }
  const limit = { unit: 'ms', bound: 'at most' } as const
  return {
    name: 'start',
    notes: [
      `From the start of the process; ${FLEET} engines in a stand-in for Docker; files in the system's cache.`,
      'The floor is a compiled server that does nothing but answer.',
    ],
    measured: [measured('the floor, until 200', 'ms', floor), ...rows.lost, ...rows.kept],
    targets: (['kept', 'lost'] as const).flatMap((which) =>
      rows[which].slice(-1).map(({ what, p50 }) =>
        target({
          ...{ what: `p50, ${what}`, value: p50, target: TARGET_MS[which], ...limit },
          row: `start ${what}, ${FLEET} engines`,
          floor: { what: 'a bare compiled server', value: median(floor) },
        }),
      ),
    ),
  }
}

function rowsOf(which: string, starts: readonly StartTimes[]): readonly Measured[] {
  const row = (what: string, of: (times: StartTimes) => number): Measured =>
    measured(`${what}, ${which}`, 'ms', starts.map(of))
  return [
    row('until 200 at /healthz', ({ alive }) => alive),
    row(`until /engines lists ${FLEET}`, ({ listed }) => listed),
    row('until 200 at /readyz', ({ ready }) => ready),
  ]
}

async function bareOnce(bench: Bench, command: readonly string[]): Promise<number> {
  const startedMs = performance.now()
  const { url, pid } = await started(bench, command)
  await (await fetch(url)).bytes()
  const tookMs = performance.now() - startedMs
  process.kill(pid)
  return tookMs
}

async function startOnce(server: TestServer): Promise<StartTimes> {
  const startedMs = performance.now()
  const sinceStart = () => performance.now() - startedMs
  const ready = server.start({}, '/readyz').then(sinceStart)
  const alive = until('the server is alive', async () => (await server.answers('/healthz')) === 200).then(
    sinceStart,
  )
  const listed = until(`${FLEET} engines are listed`, () => listsAll(server)).then(sinceStart)
  return { alive: await alive, listed: await listed, ready: await ready }
}

async function listsAll(server: TestServer): Promise<boolean> {
  if ((await server.answers('/healthz')) !== 200) return false
  return (await server.get<readonly ListedEngine[]>('/engines')).length === FLEET
}

if (import.meta.main) await runBenchmarks([measureStart])
