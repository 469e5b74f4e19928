import { randomBytes } from 'node:crypto'
import Dockerode from 'dockerode'
import {
  createDockerRuntime,
  DEFAULT_DEADLINES_MS,
  DEFAULT_LOG_LIMITS,
  type Deadlines,
} from '../../src/runtime/docker.ts'
import { parseDockerHost } from '../../src/runtime/docker-connection.ts'
import type { SingleHostRuntime } from '../../src/runtime/runtime.ts'

/** The label of one test run. Containers without it are never touched. */
interface TestLabel {
  readonly key: string
  readonly value: string
}

/** A real Docker Engine for the tests of one file. */
export interface TestDocker {
  /** The value of DOCKER_HOST for the tests; null for the usual socket. */
  readonly dockerHost: string | null
  /** For actions of a test that the code under test must not know about. */
  readonly client: Dockerode
  readonly label: TestLabel
  /** Removes every container and network with the label. */
  readonly cleanUp: () => Promise<void>
}

/**
 * Connects to a Docker Engine, by default to the one that the environment names. Throws with a sentence for people if none
 * answers: a skipped test would look like one that passed.
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

/** Makes the runtime under test for an address, with the default deadlines except the given ones. */
export function dockerRuntimeAt(
  dockerHost: string | null,
  deadlinesMs: Partial<Deadlines> = {},
  certificates: string | null = null,
): SingleHostRuntime {
  return createDockerRuntime({
    ...{ dockerHost, certificates },
    label: { key: 'roundhouse.test.ours', value: 'fake' },
    deadlinesMs: { ...DEFAULT_DEADLINES_MS, ...deadlinesMs },
    logs: DEFAULT_LOG_LIMITS,
  })
}

/** Holds a host port in a process outside Docker until it is released. */
export function holdHostPort(port: number): { release: () => void } {
  const listener = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } })
  return { release: () => listener.stop(true) }
}

/** Sends one datagram to an address. Nobody needs to listen there, because the network counts it anyway. */
export async function sendDatagram(address: string | null, bytes: number): Promise<void> {
  if (address === null) throw new Error('There is no address to send to.')
  const socket = await Bun.udpSocket({})
  socket.send(Buffer.alloc(bytes), DISCARD_PORT, address)
  socket.close()
}

/** The port of the discard protocol (RFC 863). */
const DISCARD_PORT = 9

/**
 * Waits until `condition` returns a value other than false, undefined or null, and returns that value. Throws after
 * `withinMs`.
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

/** After this time the condition is checked less often: many tests wait at the same time, and each check costs the others. */
const QUICK_MS = 500

/** Checks again and again that something holds for a time. Throws at the first check that fails. */
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

/** Repeats until nothing is left, because a removal that another client began takes some time. */
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

/** Ignores 404 (another client has removed it) and 409 (another client is removing it). */
function ifNotGone(error: unknown): void {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (status !== 404 && status !== 409) throw error
}
