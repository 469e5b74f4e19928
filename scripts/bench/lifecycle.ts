/**
 * Measures how long a whole fleet takes to start, compared with Docker's own create and start of the same number of
 * containers at once: by MIN_REPLICAS from the start of the process, and by /scale on a running orchestrator. All are
 * measured in one run, in turn, because only the ratio can be compared between machines.
 */

import { engineContainers } from '../../tests/support/consistency.ts'
import { type TestDocker, until } from '../../tests/support/docker.ts'
import { fleetOf, scale, untilReady } from '../../tests/support/lifecycle.ts'
import { freePortRange, type PortRange, rangeSetting } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { type Launcher, provisioning, rawDocker } from './launches.ts'
import { measured, type Report, target } from './report.ts'
import { median } from './statistics.ts'

const SIZE = 5
const WARM_UP_ROUNDS = 1
const ROUNDS = 9
/**
 * How many ports each side has: more than are in use at once, so that a port that was just freed is not needed again at
 * once.
 */
const PORTS = 20
const TARGET_RATIO = 1.5
const ASK_EVERY_MS = 5
/**
 * The timeout of one attempt. A connection that Docker's proxy accepts before the engine listens would hang for a second.
 */
const ATTEMPT_MS = 200

/** The milliseconds of one round of one side. */
interface Times {
  /** Until every engine has answered `get_status`, asked from outside on all sides. */
  readonly answer: number
  /** Until the orchestrator has said that all engines are ready; null for raw Docker, which does not say so. */
  readonly ready: number | null
}

interface Side {
  readonly name: string
  /** Starts the fleet from nothing and measures the time. */
  readonly up: () => Promise<Times>
  /** Removes the fleet. This is not measured. */
  readonly down: () => Promise<void>
}

/** Compares the ways to start a fleet; see the top of the file. */
export async function measureLifecycle(bench: Bench): Promise<Report> {
  const sides = await sidesOf(bench)
  const samples = new Map<string, Times[]>(sides.map(({ name }) => [name, []]))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    // The order changes from round to round, so that what one side leaves behind does not always affect the same other side.
    for (const side of sides.map((_, at) => sides[(at + round + sides.length) % sides.length])) {
      if (side === undefined) continue
      bench.signal.throwIfAborted()
      const times = await side.up()
      await side.down()
      if (round >= 0) samples.get(side.name)?.push(times)
    }
  }
  return reportOf(sides, samples)
}

/** Makes two orchestrators and raw Docker, each with a label and ports of its own. */
async function sidesOf(bench: Bench): Promise<readonly Side[]> {
  const { first } = freePortRange(3 * PORTS)
  const range = (nth: number): PortRange => ({
    first: first + nth * PORTS,
    last: first + (nth + 1) * PORTS - 1,
  })
  const scaled = await scaledSide(bench, range(0))
  const raw = await rawSide(bench, { exampleId: await scaled.example(), ports: range(2) })
  return [raw, await startedSide(bench, range(1)), scaled.side]
}

async function rawSide(
  bench: Bench,
  { exampleId, ports }: { readonly exampleId: string; readonly ports: PortRange },
): Promise<Side> {
  const docker = await bench.docker()
  const launcher: Launcher = await rawDocker(docker, { exampleId, ports, signal: bench.signal })
  return {
    name: 'raw create and start',
    up: async () => {
      const beganMs = performance.now()
      const each = async () => answers((await launcher.launch()).port, bench.signal)
      await Promise.all(Array.from({ length: SIZE }, each))
      return { answer: performance.now() - beganMs, ready: null }
    },
    down: () => docker.cleanUp(),
  }
}

/** Starts a new process on an empty database in each round. */
async function startedSide(bench: Bench, ports: PortRange): Promise<Side> {
  const docker = await bench.docker()
  let server: TestServer | null = null
  return {
    name: 'MIN_REPLICAS, from the start of the process',
    up: async () => {
      server = await bench.server(docker, {
        MIN_REPLICAS: String(SIZE),
        PORT_RANGE_HOST: rangeSetting(ports),
      })
      const beganMs = performance.now()
      const alive = server.start({}, '/healthz')
      return timesOf(alive, server, { beganMs, signal: bench.signal })
    },
    down: async () => {
      await server?.dispose()
      await docker.cleanUp()
    },
  }
}

/** Uses one process for all rounds. */
async function scaledSide(
  bench: Bench,
  ports: PortRange,
): Promise<{ readonly side: Side; readonly example: () => Promise<string> }> {
  const docker = await bench.docker()
  const server = await bench.server(docker, { DRAIN_HIDE_S: '0.05', PORT_RANGE_HOST: rangeSetting(ports) })
  await server.start()
  const side = {
    name: '/scale of one that runs',
    up: async () => {
      const beganMs = performance.now()
      return timesOf(scale(server, SIZE), server, { beganMs, signal: bench.signal })
    },
    down: async () => {
      await scale(server, 0)
      await until('the fleet is gone', async () => (await engineContainers(docker)).length === 0)
      await untilReady(server, 0)
    },
  }
  return { side, example: () => exampleContainer(server, docker) }
}

/** Makes a container through the orchestrator, for raw Docker to copy. The container stays until the benchmark ends. */
async function exampleContainer(server: TestServer, docker: TestDocker): Promise<string> {
  const { containerId } = await provisioning(server).launch()
  const { Id } = await docker.client.getContainer(containerId).inspect()
  return Id
}

/** Measures from `beganMs` on. `begun` is the request that starts the fleet. */
async function timesOf(
  begun: Promise<unknown>,
  server: TestServer,
  of: { readonly beganMs: number; readonly signal: AbortSignal },
): Promise<Times> {
  await begun
  const ready = untilReady(server, SIZE).then(() => performance.now() - of.beganMs)
  // Measured as for raw Docker: engines are asked from the end of their starts on.
  const answer = until('the fleet is started', async () => {
    const engines = await fleetOf(server)
    return engines.length === SIZE && engines.map(({ port }) => port)
  })
    .then((ports) => Promise.all(ports.map((port) => answers(port, of.signal))))
    .then(() => performance.now() - of.beganMs)
  return { answer: await answer, ready: await ready }
}

/** Resolves when the engine at this port answers `get_status`. */
async function answers(port: number, signal: AbortSignal): Promise<void> {
  const url = `http://127.0.0.1:${port}/server/api?api_version=3&method=get_status`
  while (!signal.aborted) {
    const attempt = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)])
    const response = await fetch(url, { keepalive: false, signal: attempt }).catch(() => null)
    if (response?.status === 200) return
    await Bun.sleep(ASK_EVERY_MS)
  }
}

function reportOf(sides: readonly Side[], samples: ReadonlyMap<string, readonly Times[]>): Report {
  const rows = sides.map(({ name }) => {
    const times = samples.get(name) ?? []
    return {
      name,
      answer: times.map(({ answer }) => answer),
      ready: times.flatMap(({ ready }) => ready ?? []),
    }
  })
  const [raw, ...ours] = rows
  if (raw === undefined) throw new Error('there is nothing to compare with')
  const ratio = (what: string, values: readonly number[]) =>
    target({
      what: `${what}, to raw Docker`,
      value: median(values) / median(raw.answer),
      unit: '',
      bound: 'at most',
      target: TARGET_RATIO,
    })
  return {
    name: 'lifecycle',
    notes: [
      `${SIZE} engines from nothing, all at once, in turn; ${WARM_UP_ROUNDS} round of warm-up, then ${ROUNDS}.`,
      'Until all have answered get_status, asked from outside on every side; and until all are ready.',
    ],
    measured: rows.flatMap(({ name, answer, ready }) => [
      measured(`${name}: all answer`, 'ms', answer),
      ...(ready.length === 0 ? [] : [measured(`${name}: all are ready`, 'ms', ready)]),
    ]),
    targets: ours.flatMap(({ name, answer, ready }) => [
      ratio(`${name}, until all answer`, answer),
      ratio(`${name}, until all are ready`, ready),
    ]),
  }
}

if (import.meta.main) await runBenchmarks([measureLifecycle])
