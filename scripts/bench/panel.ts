/**
 * Measures what ten open pages for people cost a proxy: whole selections of acexy, in turn with and without the pages, while
 * streams play whose figures change every second.
 */

import { join } from 'node:path'
import { until } from '../../tests/support/docker.ts'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { provisionFleet } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { KeepAliveConnection } from './keep-alive-connection.ts'
import { LASTING_SESSIONS, playStreams } from './playing.ts'
import { measured, type Report, target } from './report.ts'
import { idsOf, selection } from './selection.ts'
import { mainThreadMicros } from './throughput.ts'

const FLEET = 20
const PANELS = 10
const ROUNDS = 4
const SELECTIONS = 250
/** A selection is followed by a rest, as viewers do not come without a pause. */
const REST_MS = 15
const TARGET_RATIO = 1.2
const TARGET_P99_MS = 30

/** One round: how long its selections took, and the share of a processor that the server's main thread used. */
interface Round {
  readonly times: readonly number[]
  readonly busy: number
}

/** Measures selections with and without open pages; see the top of the file. */
export async function measurePanel(bench: Bench): Promise<Report> {
  const server = await bench.server(await bench.docker(), {
    MAX_REPLICAS: String(FLEET),
    PROVISION_DEADLINE_MS: '60000',
    PORT_RANGE_HOST: rangeSetting(freePortRange(100)),
    COLLECT_INTERVAL_S: '1',
    ...LASTING_SESSIONS,
  })
  await server.start()
  const engines = await provisionFleet(server, FLEET)
  await playStreams(server, engines, 1)
  const ids = idsOf(engines)
  const alone: Round[] = []
  const watched: Round[] = []
  await round(bench, server, ids)
  for (let n = 0; n < ROUNDS; n++) {
    alone.push(await round(bench, server, ids))
    await using _ = await openPanels(bench, server)
    watched.push(await round(bench, server, ids))
  }
  return reportOf(alone, watched)
}

/** Opens the pages in a process of their own, which is ended when this goes out of scope. */
async function openPanels(bench: Bench, server: TestServer): Promise<AsyncDisposable> {
  bench.signal.throwIfAborted()
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, 'panels.ts'), server.url, String(PANELS)],
    { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit', signal: bench.signal },
  )
  let said = ''
  void (async () => {
    for await (const bytes of child.stdout) said += new TextDecoder().decode(bytes)
  })()
  await until('all pages are open', () => {
    if (child.exitCode !== null) throw new Error('the pages have ended by themselves')
    return said.includes('open')
  })
  return {
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) throw new Error('the pages have ended by themselves')
      child.kill()
      await child.exited
    },
  }
}

async function round(bench: Bench, server: TestServer, ids: ReadonlySet<string>): Promise<Round> {
  const connection = await KeepAliveConnection.open(server.url)
  const microsBefore = await mainThreadMicros(server.pid)
  const beganMs = performance.now()
  const times: number[] = []
  try {
    for (let n = 0; n < SELECTIONS; n++) {
      bench.signal.throwIfAborted()
      times.push(await selection(connection, { ids, streams: FLEET }))
      await Bun.sleep(REST_MS)
    }
  } finally {
    connection.close()
  }
  const tookMicros = (performance.now() - beganMs) * 1_000
  return { times, busy: ((await mainThreadMicros(server.pid)) - microsBefore) / tookMicros }
}

function reportOf(alone: readonly Round[], watched: readonly Round[]): Report {
  const rowOf = (name: string, rounds: readonly Round[]) => ({
    times: measured(
      `selection, ${name}`,
      'ms',
      rounds.flatMap(({ times }) => times),
    ),
    busy: measured(
      `the server's main thread, ${name}`,
      'of one processor',
      rounds.map(({ busy }) => busy),
    ),
  })
  const [none, ten] = [rowOf('no page', alone), rowOf(`${PANELS} pages`, watched)]
  return {
    name: 'panel',
    notes: [
      `${FLEET} engines with a stream each, whose figures change every second; ${ROUNDS} rounds of ${SELECTIONS} selections each, in turn.`,
      `A selection: /engines, then the started streams of each engine, on one connection. A page: its feed, and every 2 s the`,
      'plan and the health. The pages are in a process of their own, which shares the machine.',
    ],
    measured: [none.times, ten.times, none.busy, ten.busy],
    targets: [
      target({
        what: `p99 with ${PANELS} pages to p99 without`,
        value: ten.times.p99 / none.times.p99,
        unit: '',
        bound: 'at most',
        target: TARGET_RATIO,
      }),
      target({
        what: `p99 with ${PANELS} pages`,
        value: ten.times.p99,
        unit: 'ms',
        bound: 'at most',
        target: TARGET_P99_MS,
      }),
    ],
  }
}

if (import.meta.main) await runBenchmarks([measurePanel])
