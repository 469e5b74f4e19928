import { randomBytes } from 'node:crypto'
import Dockerode from 'dockerode'
import {
  createDockerRuntime,
  DEFAULT_DEADLINES_MS,
  DEFAULT_LOG_LIMITS,
  type Deadlines,
} from '../../src/runtime/docker.ts'
import { parseDockerHost } from '../../src/runtime/docker-connection.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'

/** The label of one test run; nothing without it is ever touched. */
interface TestLabel {
  readonly key: string
  readonly value: string
}

/** A real Docker Engine for the tests of one file. */
export interface TestDocker {
  /** The value of DOCKER_HOST that the tests run with, null for the usual socket. */
  readonly dockerHost: string | null
  /** For what a test must do behind the back of the code under test. */
  readonly client: Dockerode
  readonly label: TestLabel
  /** Removes every container and network with the label. */
  readonly cleanUp: () => Promise<void>
}

/**
 * Connects to a Docker Engine, to the one that the environment names if none is given. Throws with a sentence for
 * people where none answers: a test on real Docker that is skipped would look like one that passed.
 */
export async function connectTestDocker(dockerHost = process.env.DOCKER_HOST ?? null): Promise<TestDocker> {
  const client = plainClient(dockerHost)
  try {
    await client.ping()
  } catch (cause) {
    const where = parseDockerHost(dockerHost).text
    throw new Error(
      `These tests need a Docker Engine, and none answers at ${where}: start it, or set DOCKER_HOST.`,
      {
        cause,
      },
    )
  }
  const label = { key: 'test.roundhouse', value: randomBytes(6).toString('hex') }
  return { dockerHost, client, label, cleanUp: () => removeLabelled(client, label) }
}

/** The runtime under test at an address, with the default deadlines but for those given. */
export function dockerRuntimeAt(dockerHost: string | null, deadlinesMs: Partial<Deadlines> = {}): Runtime {
  return createDockerRuntime({
    dockerHost,
    label: { key: 'roundhouse.test.ours', value: 'fake' },
    deadlinesMs: { ...DEFAULT_DEADLINES_MS, ...deadlinesMs },
    logs: DEFAULT_LOG_LIMITS,
  })
}

/** A process outside Docker that holds a host port until it is released. */
export function holdHostPort(port: number): { release: () => void } {
  const listener = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } })
  return { release: () => listener.stop(true) }
}

/** Sends one datagram to an address, where nobody needs to listen: the network counts it all the same. */
export async function sendDatagram(address: string | null, bytes: number): Promise<void> {
  if (address === null) throw new Error('There is no address to send to.')
  const socket = await Bun.udpSocket({})
  socket.send(Buffer.alloc(bytes), DISCARD_PORT, address)
  socket.close()
}

/** RFC 863. */
const DISCARD_PORT = 9

/**
 * Waits until `condition` gives a value other than false or undefined, and gives it; throws after `withinMs`.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  withinMs = 30_000,
): Promise<Exclude<T, false | undefined | null>> {
  const startedMs = performance.now()
  for (;;) {
    const value = await condition()
    if (isThere(value)) return value
    const waitedMs = performance.now() - startedMs
    if (waitedMs > withinMs) throw new Error(`Waited ${withinMs} ms in vain until ${what}.`)
    await Bun.sleep(waitedMs < QUICK_MS ? 10 : 50)
  }
}

/** What has not come by then is asked for less often: many tests wait at a time, and each question costs the others. */
const QUICK_MS = 500

/** Watches that something holds for a time; throws at the first look at which it does not. */
export async function staysFor(ms: number, what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + ms
  while (performance.now() < endMs) {
    if (!(await holds())) throw new Error(`it did not stay so: ${what}`)
    await Bun.sleep(50)
  }
}

function isThere<T>(value: T): value is Exclude<T, false | undefined | null> {
  return value !== false && value !== undefined && value !== null
}

function plainClient(dockerHost: string | null): Dockerode {
  const address = parseDockerHost(dockerHost)
  return address.kind === 'unix'
    ? new Dockerode({ socketPath: address.path })
    : new Dockerode({ host: address.host, port: address.port, protocol: 'http' })
}

/** Again until nothing is left: a removal that another client began is only waited for. */
async function removeLabelled(client: Dockerode, { key, value }: TestLabel): Promise<void> {
  const filters = { label: [`${key}=${value}`] }
  await until(`the containers with ${key}=${value} are gone`, async () => {
    const rows = await client.listContainers({ all: true, filters })
    await Promise.all(
      rows.map((row) => client.getContainer(row.Id).remove({ force: true, v: true }).catch(ifNotGone)),
    )
    return rows.length === 0
  })
  const networks = await client.listNetworks({ filters })
  await Promise.all(networks.map((row) => client.getNetwork(row.Id).remove().catch(ifNotGone)))
}

/** 404: somebody else removed it; 409: somebody else is at it. */
function ifNotGone(error: unknown): void {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (status !== 404 && status !== 409) throw error
}
