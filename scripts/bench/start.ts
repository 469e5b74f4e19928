/**
 * Measures how long proxies wait during a restart: from the start of the process to the first good answers. 20 real engines
 * run and are in the database, as after an update of the orchestrator.
 */

import { until } from '../../tests/support/docker.ts'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { type ListedEngine, provisionFleet } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { measured, type Report, target } from './report.ts'

const FLEET = 20
const WARM_UP_STARTS = 1
const STARTS = 9
const TARGET_MS = 1_000

/** Milliseconds since the start of the process was requested. */
interface StartTimes {
  readonly alive: number
  readonly listed: number
  readonly ready: number
}

/** Measures starts; see the top of the file. */
export async function measureStart(bench: Bench): Promise<Report> {
  const server = await bench.server(await bench.docker(), {
    MAX_REPLICAS: String(FLEET),
    PROVISION_DEADLINE_MS: '60000',
    PORT_RANGE_HOST: rangeSetting(freePortRange(100)),
  })
  await server.start()
  await provisionFleet(server, FLEET)
  const starts: StartTimes[] = []
  for (let n = -WARM_UP_STARTS; n < STARTS; n++) {
    await server.end()
    bench.signal.throwIfAborted()
    const times = await startOnce(server)
    if (n >= 0) starts.push(times)
  }
  const alive = measured(
    'until 200 at /healthz',
    'ms',
    starts.map((start) => start.alive),
  )
  const listed = measured(
    `until /engines lists ${FLEET}`,
    'ms',
    starts.map((start) => start.listed),
  )
  const ready = measured(
    'until 200 at /readyz',
    'ms',
    starts.map((start) => start.ready),
  )
  const limit = { unit: 'ms', bound: 'at most', target: TARGET_MS } as const
  return {
    name: 'start',
    notes: [
      `From the start of the process; ${FLEET} engines in the database and running; files in the system's cache.`,
    ],
    measured: [alive, listed, ready],
    targets: [alive, listed].map(({ what, p50 }) => target({ what: `p50, ${what}`, value: p50, ...limit })),
  }
}

async function startOnce(server: TestServer): Promise<StartTimes> {
  const startedMs = performance.now()
  const sinceStart = () => performance.now() - startedMs
  const ready = server.start({}, '/readyz').then(sinceStart)
  const alive = firstTime(server, '/healthz').then(sinceStart)
  const listed = firstTime(server, '/engines').then(sinceStart)
  const times = { alive: await alive, listed: await listed, ready: await ready }
  const engines = await server.get<readonly ListedEngine[]>('/engines')
  if (engines.length !== FLEET)
    throw new Error(`${engines.length} of ${FLEET} engines are listed after a restart`)
  return times
}

/** Resolves at the first 200 at this path. If none comes, `start` reports the reason. */
const firstTime = (server: TestServer, path: string): Promise<true> =>
  until(`the server answers 200 at ${path}`, async () => (await server.answers(path)) === 200)

if (import.meta.main) await runBenchmarks([measureStart])
