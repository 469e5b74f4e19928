import { afterEach, beforeAll, describe } from 'bun:test'
import type Dockerode from 'dockerode'
import { systemClock } from '../../src/lib/clock.ts'
import {
  createDockerRuntime,
  DEFAULT_DEADLINES_MS,
  DEFAULT_LOG_LIMITS,
  type Deadlines,
} from '../../src/runtime/docker.ts'
import type { ContainerSpec } from '../../src/runtime/runtime.ts'
import { connectTestDocker, holdHostPort, sendDatagram } from '../support/docker.ts'
import { type Command, type Program, WAITING } from '../support/memory-container.ts'
import { MemoryRuntime } from '../support/memory-runtime.ts'
import { MemorySwarm } from '../support/memory-swarm.ts'
import { freePort } from '../support/ports.ts'
import { TestRegistry } from '../support/registry.ts'
import { Bench, type SingleHostSubject, type Subject } from '../support/runtime-contract.ts'
import { startChecked } from '../support/runtime-contract-checked.ts'
import { contractOfCommands } from '../support/runtime-contract-commands.ts'
import { contractOfImages } from '../support/runtime-contract-images.ts'
import { contractOfJoining } from '../support/runtime-contract-joined.ts'
import { contractOfLogs } from '../support/runtime-contract-logs.ts'
import { contractOfLooks } from '../support/runtime-contract-looks.ts'
import { contractOfMeters } from '../support/runtime-contract-meters.ts'
import { contractOfVerbs } from '../support/runtime-contract-verbs.ts'
import { contractOfNeighbours } from '../support/runtime-contract-watch.ts'
import { SWARM_LACKS } from '../support/swarm-subject.ts'
import { EXIT_CODE, ensureTinyImage, PROGRAMS, SAID } from '../support/tiny-image.ts'

/** One suite for every container engine on one host: what a caller may rely on without knowing which one it has. */
function runtimeContract(name: string, connect: () => Promise<SingleHostSubject>): void {
  describe(`the runtime contract, kept by ${name}`, () => {
    const bench = new Bench(connect)
    beforeAll(() => bench.setUp())
    afterEach(() => bench.cleanUp())
    contractOfVerbs(bench)
    contractOfJoining(bench)
    contractOfCommands(bench)
    contractOfLogs(bench)
    contractOfImages(bench)
    contractOfLooks(bench)
    contractOfMeters(bench)
    contractOfNeighbours(bench)
  })
}

function programOf(spec: ContainerSpec): Program {
  switch (spec.command) {
    case PROGRAMS.wait:
      return WAITING
    case PROGRAMS.announce:
      return { ...WAITING, says: { stdout: SAID.output, stderr: SAID.errors } }
    case PROGRAMS.say:
      return {
        ...WAITING,
        says: { stdout: SAID.output, stderr: SAID.errors },
        endsByItself: { afterMs: 0, exitCode: 0 },
      }
    case PROGRAMS.exit:
      return { ...WAITING, endsByItself: { afterMs: 0, exitCode: EXIT_CODE } }
    case PROGRAMS.stubborn:
      return { ...WAITING, onTerm: 'ignores' }
    default:
      return { ...WAITING, refusal: `No command ${String(spec.command)}.` }
  }
}

function commandOf(command: readonly string[]): Command {
  switch (command) {
    case PROGRAMS.wait:
      return null
    case PROGRAMS.exit:
      return { exitCode: EXIT_CODE, output: '' }
    case PROGRAMS.say:
      return { exitCode: 0, output: SAID.output + SAID.errors }
    default:
      return { exitCode: 126, output: `No command ${String(command)}.` }
  }
}

/** In-memory runtimes cannot share containers, so `withDeadlines` changes the deadlines of the only one. */
async function connectMemory(): Promise<SingleHostSubject> {
  const deadlinesMs: { -readonly [verb in keyof Deadlines]: number } = { ...DEFAULT_DEADLINES_MS }
  const image = 'roundhouse-test/tiny:memory'
  const runtime = new MemoryRuntime({
    clock: systemClock,
    label: { key: 'roundhouse.test', value: 'memory' },
    deadlinesMs,
    images: [image],
    programOf,
  })
  runtime.latencyMs = () => 2
  const busy = new Set<string>()
  runtime.commandOf = (command, container) => {
    const result = commandOf(command)
    if (result === null) busy.add(container.id)
    return result
  }
  let offers = 0
  return {
    runtime,
    withDeadlines: (changed) => {
      Object.assign(deadlinesMs, changed)
      return runtime
    },
    image,
    label: { 'roundhouse.test': 'memory' },
    foreignLabel: { 'roundhouse.test': 'foreign' },
    takePort: async (port) => {
      runtime.takePort(port)
      return () => runtime.releasePort(port)
    },
    send: async (id, bytes) => runtime.addTraffic(id, bytes),
    isBusy: async (id) => busy.has(id),
    pause: async (id) => runtime.pause(id),
    offer: (how, ...tags) => {
      const name = `registry.test/tiny-${++offers}`
      runtime.pullMs = () => (how === 'slow' ? 2_000 : 4)
      const ends = how === 'slow' ? 'whole' : how
      for (const tag of tags) runtime.offerImage(`${name}:${tag}`, { ends })
      return name
    },
    replace: (image) => runtime.offerImage(image, { facts: { id: `sha256:${'f'.repeat(64)}` } }),
    startChecked: async (spec) => {
      const id = await runtime.create(spec)
      runtime.setHealth(id, 'starting')
      await runtime.start(id)
      runtime.setHealth(id, 'unhealthy', 'there is no /etc/tiny')
      return {
        id,
        pass: async () => runtime.setHealth(id, 'healthy'),
        fail: async () => runtime.setHealth(id, 'unhealthy'),
      }
    },
    cleanUp: async () => {
      Object.assign(deadlinesMs, DEFAULT_DEADLINES_MS)
      for (const { id } of runtime.containers()) runtime.removeOutside(id)
    },
  }
}

async function connectDockerEngine(): Promise<SingleHostSubject> {
  const { dockerHost, label, cleanUp, client } = await connectTestDocker()
  const registry = await TestRegistry.open()
  const ours = { key: 'roundhouse.test.ours', value: label.value }
  const withDeadlines = (deadlinesMs: Deadlines) =>
    createDockerRuntime({ dockerHost, label: ours, deadlinesMs, logs: DEFAULT_LOG_LIMITS })
  const runtime = withDeadlines(DEFAULT_DEADLINES_MS)
  return {
    runtime,
    withDeadlines,
    image: await ensureTinyImage(client),
    label: { [ours.key]: ours.value, [label.key]: label.value },
    foreignLabel: { [label.key]: label.value },
    takePort: async (port) => holdHostPort(port).release,
    send: async (id, bytes) => sendDatagram((await runtime.inspect(id)).address, bytes),
    isBusy: (id) => isBusy(client, id),
    pause: (id) => client.getContainer(id).pause(),
    offer: (how, ...tags) => {
      if (how === 'away') return `127.0.0.1:${freePort()}/tiny`
      const name = registry.newName()
      for (const tag of tags) registry.publish(name, { tag, way: how })
      return name
    },
    replace: (image) => registry.replace(image),
    startChecked: (spec) => startChecked(client, spec),
    cleanUp: async () => {
      await cleanUp()
      await registry.removePulled(client)
    },
  }
}

/** A command that Docker has begun to start has no process yet. */
async function isBusy(client: Dockerode, id: string): Promise<boolean> {
  const { ExecIDs } = await client.getContainer(id).inspect()
  const commands = await Promise.all((ExecIDs ?? []).map((each) => client.getExec(each).inspect()))
  return commands.some(({ Running, Pid }) => Running && Pid > 0)
}

/** The in-memory swarm has one host here. */
async function connectMemorySwarm(): Promise<Subject> {
  const deadlinesMs: { -readonly [verb in keyof Deadlines]: number } = { ...DEFAULT_DEADLINES_MS }
  const image = 'roundhouse-test/tiny:memory'
  const facts = { id: 'host', name: 'host', address: '10.0.0.1', labels: {} }
  const runtime = new MemorySwarm({
    ...{ clock: systemClock, label: { key: 'roundhouse.test', value: 'swarm' }, deadlinesMs },
    ...{ images: [image], programOf, hosts: [{ ...facts, role: 'manager', isOurs: true }] },
  })
  runtime.latencyMs = () => 2
  return {
    runtime,
    withDeadlines: (changed) => {
      Object.assign(deadlinesMs, changed)
      return runtime
    },
    image,
    label: { 'roundhouse.test': 'swarm' },
    foreignLabel: { 'roundhouse.test': 'foreign' },
    placed: { host: facts.id, publishAddress: '' },
    takePort: async (port) => {
      runtime.takePort(facts.id, port)
      return () => runtime.releasePort(facts.id, port)
    },
    cleanUp: async () => {
      Object.assign(deadlinesMs, DEFAULT_DEADLINES_MS)
      for (const { id } of runtime.containers()) runtime.removeOutside(id)
    },
  }
}

describe('the runtime contract, kept by the in-memory swarm', () => {
  const bench = new Bench(connectMemorySwarm, SWARM_LACKS)
  beforeAll(() => bench.setUp())
  afterEach(() => bench.cleanUp())
  contractOfVerbs(bench)
  contractOfLogs(bench)
  contractOfLooks(bench)
})

runtimeContract('the in-memory runtime', connectMemory)
runtimeContract('the Docker Engine', connectDockerEngine)
