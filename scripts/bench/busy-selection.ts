/**
 * Measures the requests that acexy makes for a viewer while everything else goes on: 500 streams whose statistics come every
 * second, 20 provisions, and a VPN that is cut. A bare server that has the same answers is asked in turn.
 */

import { until } from '../../tests/support/docker.ts'
import { CONTROL_PORT } from '../../tests/support/emulator-behind.ts'
import { type RunningGluetun, runGluetun } from '../../tests/support/gluetun.ts'
import { buildGluetunImage } from '../../tests/support/gluetun-image.ts'
import { freePortRange, type PortRange, rangeSetting } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { type ListedEngine, provisionFleet } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { KeepAliveConnection } from './keep-alive-connection.ts'
import { LASTING_SESSIONS, playStreams } from './playing.ts'
import { measured, type Report, target } from './report.ts'
import { bareSelections, idsOf, selection } from './selection.ts'

const FLEET = 20
const STREAMS = 500
const PROVISIONS = 20
/** Enough selections for a p99. The statistics go on when the rest is over. */
const SECONDS = 20
const MAX_SECONDS = 60
/** A selection is followed by a rest, as viewers do not come without a pause. */
const REST_MS = 10
const TARGET_P99_MS = 12

/** Milliseconds of selections, and what went on meanwhile. */
interface Busy {
  readonly ours: readonly number[]
  readonly bare: readonly number[]
  /** How many engines were started, and how many provisions were refused, as after the cut. */
  readonly provisioned: number
  readonly refused: number
  readonly seconds: number
}

/** Measures selections under load; see the top of the file. */
export async function measureBusySelection(bench: Bench): Promise<Report> {
  const { server, engines, cut } = await busyStage(bench)
  const { ours, bare, provisioned, refused, seconds } = await whileBusy(bench, server, engines, cut)
  const row = measured(`selection of ${FLEET} engines, under load`, 'ms', ours)
  const floor = measured('a bare server with the same answers', 'ms', bare)
  return {
    name: 'busy selection',
    notes: [
      `${STREAMS} streams with statistics every second; meanwhile ${PROVISIONS} provisions at once, and the VPN node of the new engines`,
      `is killed when half of them are answered: ${provisioned} engines came, and ${refused} were refused. All in`,
      `${seconds.toFixed(0)} s, on the same processors as Docker and the engines; the bare server shows what these take.`,
    ],
    measured: [row, floor],
    targets: [
      target({
        what: `p99, ${row.what}`,
        row: `selection of acexy, N = ${FLEET}, under load, p99`,
        value: row.p99,
        unit: 'ms',
        bound: 'at most',
        target: TARGET_P99_MS,
        floor: { what: floor.what, value: floor.p99 },
      }),
    ],
  }
}

/** Engines with streams behind one node, and another node without engines, which gets the next ones. */
async function busyStage(bench: Bench) {
  const docker = await bench.docker()
  const image = await buildGluetunImage()
  const nodes: { readonly gluetun: RunningGluetun; readonly ports: PortRange }[] = []
  for (const name of ['first', 'second']) {
    const ports = freePortRange(FLEET + PROVISIONS + 5)
    const gluetun = await runGluetun({
      ...{ docker, image, publish: ports },
      name: `gluetun-${name}-${docker.label.value}`,
    })
    nodes.push({ gluetun, ports })
  }
  const behind = (some: typeof nodes) => ({
    GLUETUN_CONTAINER_NAME: some.map(({ gluetun }) => gluetun.options.name).join(','),
    GLUETUN_PORT_RANGE: some.map(({ ports }) => rangeSetting(ports)).join(','),
  })
  const server = await bench.server(docker, {
    ...{ ENGINE_ADVERTISE: 'host', MAX_REPLICAS: String(2 * (FLEET + PROVISIONS)) },
    ...{ PROVISION_DEADLINE_MS: '60000', COLLECT_INTERVAL_S: '1', GLUETUN_HEALTH_CHECK_INTERVAL_S: '1' },
    ENGINE_ENV: JSON.stringify({
      ...JSON.parse(LASTING_SESSIONS.ENGINE_ENV),
      ...{ CONTROL_PORT, TUNNEL_URL: 'http://127.0.0.1:8999/tunnel' },
    }),
  })
  await server.start(behind(nodes.slice(0, 1)))
  await until('the VPN is up', () => areUp(server, 1), 30_000)
  const engines = await provisionFleet(server, FLEET)
  await playStreams(server, engines, STREAMS / FLEET)
  await server.end()
  await server.start(behind(nodes))
  await until('both nodes are up', () => areUp(server, 2), 30_000)
  await until('each stream has figures', () => haveFigures(server), 30_000)
  return { server, engines, cut: () => nodes[1]?.gluetun.kill() }
}

async function areUp(server: TestServer, size: number): Promise<boolean> {
  const { nodes } = await server.get<{ nodes: { state: string }[] }>('/vpn/status')
  return nodes.length === size && nodes.every(({ state }) => state === 'up')
}

async function haveFigures(server: TestServer): Promise<boolean> {
  const streams = await server.get<{ speed_down: number | null }[]>('/streams?status=started')
  return streams.length === STREAMS && streams.every(({ speed_down }) => speed_down !== null)
}

async function whileBusy(
  bench: Bench,
  server: TestServer,
  engines: readonly ListedEngine[],
  cut: () => Promise<unknown> | undefined,
): Promise<Busy> {
  const bareUrl = await bareSelections(bench, server, engines)
  const sides = [
    { connection: await KeepAliveConnection.open(server.url), times: [] as number[] },
    { connection: await KeepAliveConnection.open(bareUrl), times: [] as number[] },
  ] as const
  const ids = idsOf(engines)
  const startedMs = performance.now()
  const secondsSince = (): number => (performance.now() - startedMs) / 1_000
  const work = disturb(bench, server, cut)
  let isOver = false
  void work.finally(() => {
    isOver = true
  })
  try {
    for (let n = 0; secondsSince() < (isOver ? SECONDS : MAX_SECONDS); n++)
      for (const { connection, times } of n % 2 === 0 ? sides : sides.toReversed()) {
        bench.signal.throwIfAborted()
        times.push(await selection(connection, { ids, streams: STREAMS }))
        await Bun.sleep(REST_MS)
      }
    const [ours, bare] = sides
    return { ours: ours.times, bare: bare.times, ...(await work), seconds: secondsSince() }
  } finally {
    for (const { connection } of sides) connection.close()
  }
}

/** Provisions engines, cuts their VPN when half of them are answered, and waits until that is known. */
async function disturb(bench: Bench, server: TestServer, cut: () => Promise<unknown> | undefined) {
  let answered = 0
  const halfway = Promise.withResolvers<void>()
  const statuses = Promise.all(
    Array.from({ length: PROVISIONS }, async () => {
      const { status } = await server.post('/provision/acestream', {}, { signal: bench.signal })
      if (++answered === PROVISIONS / 2) halfway.resolve()
      return status
    }),
  )
  await Promise.race([halfway.promise, statuses])
  await cut()
  const all = await statuses
  await until('the cut is known', async () => !(await areUp(server, 2)), 60_000)
  const provisioned = all.filter((status) => status === 200).length
  return { provisioned, refused: all.length - provisioned }
}

if (import.meta.main) await runBenchmarks([measureBusySelection])
