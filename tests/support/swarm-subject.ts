import { afterAll, afterEach, beforeAll, setDefaultTimeout } from 'bun:test'
import Dockerode from 'dockerode'
import { DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS, type Deadlines } from '../../src/runtime/docker.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { createSwarmRuntime } from '../../src/runtime/swarm.ts'
import { Bench, type Lacks, type Subject } from './runtime-contract.ts'
import { ensureTinyImage } from './tiny-image.ts'
import { SwarmHosts } from './two-hosts.ts'

/** What a Docker Swarm does not give. */
export const SWARM_LACKS: Lacks = {
  addresses: 'the default network of a node concerns nobody else',
  loopback: 'a node publishes ports at all of its addresses',
  image: 'only the nodes know what they have',
  ends: 'Swarm removes what a call has stopped',
}

/** The tests wait for the loss of a host. A frozen manager must not reach it: Swarm would start anew what runs on the host. */
const HEARTBEAT_S = 2

/** Swarm alone takes a second to end a container, and more on a busy machine. */
const TEST_WITHIN_MS = 20_000

/**
 * A bench with a swarm of its own, of this many hosts in namespaces of this machine, for the tests that are declared in the same
 * place. Containers are put on the last host.
 */
export function swarmBench(count: number): Bench<SwarmSubject> {
  let opened: SwarmSubject | null = null
  const bench = new Bench(async () => {
    opened = await openSwarm(count)
    return opened
  }, SWARM_LACKS)
  setDefaultTimeout(TEST_WITHIN_MS)
  beforeAll(() => bench.setUp())
  afterEach(() => bench.cleanUp())
  afterAll(() => opened?.close())
  return bench
}

/** A real swarm with the tiny image on its hosts. */
interface SwarmSubject extends Subject {
  readonly swarm: SwarmHosts
  readonly close: () => Promise<void>
}

async function openSwarm(count: number): Promise<SwarmSubject> {
  const image = await ensureTinyImage(new Dockerode())
  const swarm = await SwarmHosts.open(count, [image], { heartbeatS: HEARTBEAT_S })
  const host = swarm.host(count - 1)
  const common = { key: 'roundhouse.test', value: 'swarm' }
  const ours = { key: 'roundhouse.test.ours', value: 'swarm' }
  const withDeadlines = (deadlinesMs: Deadlines): Runtime =>
    createSwarmRuntime({
      ...{ dockerHost: swarm.manager.dockerHost, label: ours, deadlinesMs },
      ...{ logs: DEFAULT_LOG_LIMITS, publish: 'host' },
    })
  return {
    swarm,
    runtime: withDeadlines(DEFAULT_DEADLINES_MS),
    withDeadlines,
    image,
    label: { [ours.key]: ours.value, [common.key]: common.value },
    foreignLabel: { [common.key]: common.value },
    placed: { host: host.id, publishAddress: '' },
    takePort: (port) => host.holdPort(port),
    cleanUp: () => removeServices(swarm.manager.client, `${common.key}=${common.value}`),
    close: () => swarm.close(),
  }
}

/** Their tasks end afterwards; no later test needs what they have. */
async function removeServices(client: Dockerode, label: string): Promise<void> {
  const services = await client.listServices({ filters: { label: [label] } })
  await Promise.all(services.map(({ ID }) => client.getService(ID).remove()))
}
