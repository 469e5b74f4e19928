/**
 * Measures how long `POST /provision/acestream` takes, compared with Docker's own create and start of the same container:
 * one at a time, and ten at once. Both are measured in one run, in turn, because only the ratio can be compared between
 * machines.
 */

import type { TestDocker } from '../../tests/support/docker.ts'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { type Launch, type Launcher, provisioning, rawDocker } from './launches.ts'
import { type Phases, phasesOf } from './phases.ts'
import { type Measured, measured, type Report, target } from './report.ts'
import { median } from './statistics.ts'

const WARM_UP_ROUNDS = 3
const ROUNDS = 20
const BURST = 10
/**
 * How many ports each side has: more than are in use at once, so that a port that was just freed is not needed again at
 * once.
 */
const PORTS = 50
const BURST_ROUNDS = 5
const RAW = { what: 'raw Docker, create and start' }
const TARGET_SINGLE = 1.05
const TARGET_BURST = 1.08

/** The samples of one launcher, in milliseconds. */
interface Samples {
  readonly totals: number[]
  readonly phases: Phases[]
  readonly bursts: number[]
}

/** Compares the two ways to start a container; see the top of the file. */
export async function measureProvision(bench: Bench): Promise<Report> {
  const { docker, launchers } = await contestants(bench)
  const samples = new Map(launchers.map(({ name }) => [name, emptySamples()]))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const launcher of inTurn(launchers, round)) {
      const { launch, phases } = await launchOne(launcher, docker)
      if (round < 0) continue
      samples.get(launcher.name)?.totals.push(launch.answeredAt - launch.sentAt)
      samples.get(launcher.name)?.phases.push(phases)
    }
  }
  for (let round = 0; round < BURST_ROUNDS; round++) {
    for (const launcher of inTurn(launchers, round)) {
      samples.get(launcher.name)?.bursts.push(await launchMany(launcher))
    }
  }
  return reportOf(launchers, samples)
}

async function contestants(bench: Bench) {
  const docker = await bench.docker()
  const { first, last } = freePortRange(2 * PORTS)
  const oursLast = first + PORTS - 1
  const server = await bench.server(docker, {
    PROVISION_DEADLINE_MS: '60000',
    PORT_RANGE_HOST: rangeSetting({ first, last: oursLast }),
  })
  await server.start()
  const ours = provisioning(server)
  const example = await ours.launch()
  const raw = await rawDocker(await bench.docker(), {
    exampleId: example.containerId,
    ports: { first: oursLast + 1, last },
    signal: bench.signal,
  })
  await ours.remove(example.containerId)
  return { docker, launchers: [ours, raw] }
}

/**
 * The order changes from round to round, so that what one launcher leaves behind does not always affect the same other
 * launcher.
 */
const inTurn = (launchers: readonly Launcher[], round: number): readonly Launcher[] =>
  round % 2 === 0 ? launchers : launchers.toReversed()

/**
 * Launches one container. Waits for its removal without measuring it, so that each launch finds Docker in the same state.
 */
async function launchOne(launcher: Launcher, docker: TestDocker) {
  const launch = await launcher.launch()
  const phases = await phasesOf(docker, launch)
  await launcher.remove(launch.containerId)
  return { launch, phases }
}

/** Launches several containers at once. Returns the milliseconds from the first request to the last answer. */
async function launchMany(launcher: Launcher): Promise<number> {
  const launches = await Promise.all(Array.from({ length: BURST }, () => launcher.launch()))
  await Promise.all(launches.map(({ containerId }) => launcher.remove(containerId)))
  return wallOf(launches)
}

const wallOf = (launches: readonly Launch[]): number =>
  Math.max(...launches.map(({ answeredAt }) => answeredAt)) -
  Math.min(...launches.map(({ sentAt }) => sentAt))

const emptySamples = (): Samples => ({ totals: [], phases: [], bursts: [] })

function reportOf(launchers: readonly Launcher[], samples: ReadonlyMap<string, Samples>): Report {
  const rows = launchers.map(({ name }) => ({ name, ...(samples.get(name) ?? emptySamples()) }))
  const [ours, raw] = rows
  if (ours === undefined || raw === undefined) throw new Error('there are two launchers to compare')
  return {
    name: 'provision',
    notes: [
      `One at a time, in turn, ${WARM_UP_ROUNDS} rounds of warm-up; then ${BURST} at once, in turn, wall time.`,
      "The parts of a launch are by Docker's events: until created, from there until started, until answered.",
    ],
    measured: [
      ...rows.flatMap(({ name, totals, phases }) => singles(name, totals, phases)),
      ...rows.map(({ name, bursts }) => measured(`${BURST} at once, ${name}`, 'ms', bursts)),
    ],
    targets: [
      target({
        what: 'one at a time, ratio of the p50s',
        row: 'POST /provision/acestream, p50',
        floor: RAW,
        value: median(ours.totals) / median(raw.totals),
        unit: '',
        bound: 'at most',
        target: TARGET_SINGLE,
      }),
      target({
        what: `${BURST} at once, ratio of the medians`,
        row: `${BURST} of these at once, median`,
        floor: RAW,
        value: median(ours.bursts) / median(raw.bursts),
        unit: '',
        bound: 'at most',
        target: TARGET_BURST,
      }),
    ],
  }
}

const singles = (name: string, totals: readonly number[], phases: readonly Phases[]): Measured[] => [
  measured(name, 'ms', totals),
  measured(
    '  until created',
    'ms',
    phases.map(({ create }) => create),
  ),
  measured(
    '  until started',
    'ms',
    phases.map(({ start }) => start),
  ),
  measured(
    '  until answered',
    'ms',
    phases.map(({ answer }) => answer),
  ),
]

if (import.meta.main) await runBenchmarks([measureProvision])
