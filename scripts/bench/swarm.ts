/**
 * Measures how long `POST /provision/acestream` takes on a Docker Swarm, compared with the creation of the same service with
 * one replica until its task runs. Both are measured in one run, in turn.
 */

import { connectTestDocker } from '../../tests/support/docker.ts'
import { buildEngineImage } from '../../tests/support/engine-image.ts'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import { type SwarmHost, SwarmHosts } from '../../tests/support/two-hosts.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { bodyOf, provisioning } from './launches.ts'
import { measured, type Report, target } from './report.ts'
import { median } from './statistics.ts'

const WARM_UP_ROUNDS = 3
const ROUNDS = 20
/** How many ports each side has: a port that was just freed is not needed again at once. */
const PORTS = 20
/** How often the raw side looks whether its task runs. */
const LOOK_MS = 10
const TARGET = 1.1

/** Compares the two ways to start an engine; see the top of the file. */
export async function measureSwarm(bench: Bench): Promise<Report> {
  const swarm = await SwarmHosts.open(1, [await buildEngineImage()])
  bench.defer(() => swarm.close())
  const { first } = freePortRange(2 * PORTS)
  const docker = await connectTestDocker(swarm.manager.dockerHost)
  const server = await bench.server(docker, {
    ...{ ENGINE_RUNTIME: 'swarm', PROVISION_DEADLINE_MS: '60000' },
    PORT_RANGE_HOST: rangeSetting({ first, last: first + PORTS - 1 }),
  })
  await server.start()
  const ours = provisioning(server)
  const example = await ours.launch()
  const raw = await rawService(swarm.manager, example.containerId, first + PORTS)
  await ours.remove(example.containerId)

  const totals = { ours: [] as number[], raw: [] as number[] }
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    bench.signal.throwIfAborted()
    const launchOurs = async () => {
      const { containerId, sentAt, answeredAt } = await ours.launch()
      await ours.remove(containerId)
      if (round >= 0) totals.ours.push(answeredAt - sentAt)
    }
    const launchRaw = async () => {
      const tookMs = await raw(round + WARM_UP_ROUNDS)
      if (round >= 0) totals.raw.push(tookMs)
    }
    // The order changes, so that what one leaves behind does not always meet the other.
    for (const launch of round % 2 === 0 ? [launchOurs, launchRaw] : [launchRaw, launchOurs]) await launch()
  }
  return reportOf(totals)
}

/** Makes a function that starts a service like the example, removes it, and returns how many milliseconds the start took. */
async function rawService(host: SwarmHost, exampleId: string, firstPort: number) {
  const { Spec } = await host.client.getService(exampleId).inspect()
  const text = JSON.stringify({ ...Spec, Labels: {}, Mode: { Replicated: { Replicas: 1 } } })
  const port = String(Spec.Labels['host.http_port'])
  const unix = host.dockerHost.replace('unix://', '')
  const ask = async <T>(path: string, init: RequestInit = {}): Promise<T> =>
    await bodyOf<T>(await fetch(`http://docker${path}`, { unix, ...init }))
  return async (round: number): Promise<number> => {
    const body = JSON.stringify({
      ...JSON.parse(text.replaceAll(port, String(firstPort + (round % PORTS)))),
      Name: `raw-${round}`,
    })
    const headers = { 'content-type': 'application/json' }
    const beganMs = performance.now()
    const { ID } = await ask<{ ID: string }>('/services/create', { method: 'POST', headers, body })
    const filters = encodeURIComponent(JSON.stringify({ service: [ID] }))
    for (;;) {
      const tasks = await ask<{ Status: { State: string } }[]>(`/tasks?filters=${filters}`)
      if (tasks.some(({ Status }) => Status.State === 'running')) break
      await Bun.sleep(LOOK_MS)
    }
    const tookMs = performance.now() - beganMs
    await host.client.getService(ID).remove()
    const ofService = { all: true, filters: { label: [`com.docker.swarm.service.id=${ID}`] } }
    while ((await host.client.listContainers(ofService)).length > 0) await Bun.sleep(LOOK_MS)
    return tookMs
  }
}

function reportOf({
  ours,
  raw,
}: {
  readonly ours: readonly number[]
  readonly raw: readonly number[]
}): Report {
  return {
    name: 'swarm',
    notes: [
      `One at a time, in turn, ${WARM_UP_ROUNDS} rounds of warm-up, on a swarm of one host in a network namespace.`,
      `The raw side creates the service with one replica and looks every ${LOOK_MS} ms whether its task runs.`,
    ],
    measured: [
      measured('POST /provision/acestream on a swarm', 'ms', ours),
      measured('raw service until its task runs', 'ms', raw),
    ],
    targets: [
      target({
        what: 'ratio of the p50s',
        row: 'POST /provision/acestream on a swarm, p50',
        floor: { what: 'raw service, created and running' },
        value: median(ours) / median(raw),
        unit: '',
        bound: 'at most',
        target: TARGET,
      }),
    ],
  }
}

if (import.meta.main) await runBenchmarks([measureSwarm])
