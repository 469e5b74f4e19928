/**
 * Measures how much a hang outside the process delays a reader: the most frequent requests of proxies and people, under
 * load, first with everything healthy, and then with three of twenty engines and Gluetun hung.
 */

import { until } from '../../tests/support/docker.ts'
import { CONTROL_PORT, emulatorBehind } from '../../tests/support/emulator-behind.ts'
import { type RunningGluetun, runGluetun } from '../../tests/support/gluetun.ts'
import { buildGluetunImage } from '../../tests/support/gluetun-image.ts'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { provisionFleet, startStream } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { KeepAliveConnection } from './keep-alive-connection.ts'
import { type Measured, measured, type Report, type Target, target } from './report.ts'

const FLEET = 20
const HUNG = 3
const PATHS = ['/engines', '/streams?status=started', '/orchestrator/status', '/vpn/status'] as const
const CONNECTIONS = 8
const SECONDS = 15
/** The pause of a connection between an answer and the next question; some 800 questions a second in all. */
const PAUSE_MS = 10
const TARGET_P99_MS = 10
const TARGET_RATIO = 2

type Path = (typeof PATHS)[number]
type Times = ReadonlyMap<Path, readonly number[]>

/** Measures the reads with and without hung engines; see the top of the file. */
export async function measureHang(bench: Bench): Promise<Report> {
  const { server, gluetun } = await fleetBehindVpn(bench)
  const engines = await provisionFleet(server, FLEET)
  for (const engine of engines.slice(0, FLEET / 2)) await startStream(server, engine)
  const calm = await load(bench, server)
  for (const { port } of engines.slice(-HUNG))
    await emulatorBehind(gluetun.address, port).setFaults({ hang: ['all'] })
  await gluetun.faults({ control_hang: true })
  await until('the hangs were noticed', () => isNoticed(server), 60_000)
  const hung = await load(bench, server)
  const rows = PATHS.flatMap((path) => rowsOf(path, calm, hung))
  return {
    name: 'hang',
    notes: [
      `${FLEET} engines behind one Gluetun, ${FLEET / 2} with a stream; ${CONNECTIONS} connections ask for one path after the`,
      `other, each ${PAUSE_MS} ms after the last answer, for ${SECONDS} s. Hung: ${HUNG} engines and Gluetun's control server.`,
    ],
    measured: rows.flatMap((row) => row.measured),
    targets: rows.flatMap((row) => row.targets),
  }
}

async function fleetBehindVpn(bench: Bench): Promise<{ server: TestServer; gluetun: RunningGluetun }> {
  const docker = await bench.docker()
  const publish = freePortRange(FLEET + 5)
  const image = await buildGluetunImage()
  const gluetun = await runGluetun({ docker, image, name: `gluetun-${docker.label.value}`, publish })
  const server = await bench.server(docker, {
    GLUETUN_CONTAINER_NAME: gluetun.options.name,
    GLUETUN_PORT_RANGE: rangeSetting(publish),
    GLUETUN_HEALTH_CHECK_INTERVAL_S: '2',
    HEALTH_CHECK_INTERVAL_S: '2',
    ENGINE_ADVERTISE: 'host',
    ENGINE_ENV: JSON.stringify({ CONTROL_PORT }),
    MAX_REPLICAS: String(FLEET),
    PROVISION_DEADLINE_MS: '60000',
  })
  await server.start()
  await until('the VPN is up', async () => (await vpnOf(server)).connected, 30_000)
  return { server, gluetun }
}

const vpnOf = (server: TestServer) =>
  server.get<{ connected: boolean; nodes: { control_problem: string | null }[] }>('/vpn/status')

async function isNoticed(server: TestServer): Promise<boolean> {
  const { unhealthy_engines } = await server.get<{ unhealthy_engines: number }>('/health/status')
  return unhealthy_engines === HUNG && (await vpnOf(server)).nodes[0]?.control_problem !== null
}

async function load(bench: Bench, server: TestServer): Promise<Times> {
  const times = new Map<Path, number[]>(PATHS.map((path) => [path, []]))
  const endMs = performance.now() + SECONDS * 1_000
  await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, first) => ask(bench, server, times, endMs, first)),
  )
  return times
}

async function ask(
  bench: Bench,
  server: TestServer,
  times: ReadonlyMap<Path, number[]>,
  endMs: number,
  first: number,
): Promise<void> {
  const connection = await KeepAliveConnection.open(server.url)
  try {
    for (let turn = first; performance.now() < endMs; turn++) {
      bench.signal.throwIfAborted()
      const path = PATHS[turn % PATHS.length] ?? PATHS[0]
      const startedMs = performance.now()
      await connection.get(path)
      times.get(path)?.push(performance.now() - startedMs)
      await Bun.sleep(PAUSE_MS)
    }
  } finally {
    connection.close()
  }
}

function rowsOf(path: Path, calm: Times, hung: Times): { measured: Measured[]; targets: Target[] } {
  const before = measured(`${path}, calm`, 'ms', calm.get(path) ?? [])
  const after = measured(`${path}, hung`, 'ms', hung.get(path) ?? [])
  const what = `p99 of ${path} with hangs`
  return {
    measured: [before, after],
    targets: [
      target({ what, value: after.p99, unit: 'ms', bound: 'at most', target: TARGET_P99_MS }),
      target({
        what: `${what}, to the calm one`,
        value: after.p99 / before.p99,
        unit: '',
        bound: 'at most',
        target: TARGET_RATIO,
      }),
    ],
  }
}

if (import.meta.main) await runBenchmarks([measureHang])
