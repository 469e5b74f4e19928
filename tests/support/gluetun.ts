import type { Container, ContainerCreateOptions } from 'dockerode'
import { DIALECTS, type DialectName } from '../emulators/gluetun/dialect.ts'
import type { Faults } from '../emulators/gluetun/faults.ts'
import type { GluetunState } from '../emulators/gluetun/test-control.ts'
import { type TestDocker, until } from './docker.ts'

/** The options of a Gluetun container. */
export interface GluetunOptions {
  readonly docker: TestDocker
  /** The tag from `buildGluetunImage`. */
  readonly image: string
  readonly name: string
  /** Further labels. The test's own label is always set. */
  readonly labels?: Readonly<Record<string, string>>
  /** Ports for joined engines. Each is published under the same number on 127.0.0.1. */
  readonly publish?: { readonly first: number; readonly last: number } | null
  readonly dialect?: DialectName
  /** Overrides the defaults that are set here: port forwarding on, and the dialect. */
  readonly env?: Readonly<Record<string, string>>
  /**
   * Docker's interval between health checks. The start period is twice as long, as in Gluetun's image (5 s and 10 s); the
   * number of retries is that of the version.
   */
  readonly healthcheckMs?: number
  /** Whether Docker checks the container's health; it does so by default. */
  readonly hasHealthcheck?: boolean
  /** Host ports on 127.0.0.1 for the control server and for the test controls. Without them, these are not published. */
  readonly ports?: { readonly control?: number; readonly test?: number }
  readonly restartPolicy?: 'no' | 'unless-stopped' | 'always' | 'on-failure'
}

const CONTROL_PORT = 8000
const TEST_PORT = 8999
const NS_PER_MS = 1_000_000
/**
 * The ports of outgoing connections, in this network and for everything that joins it. Linux's own range (32768 to 60999)
 * includes the engines' HTTPS and control ports, and a connection that has just ended blocks its port for a listener for a
 * minute.
 */
const OUTGOING = { 'net.ipv4.ip_local_port_range': '10000 19999' }
const STARTED_WITHIN_MS = 10_000

/** A Gluetun emulator in a container. The test's `cleanUp` removes it at the latest. */
export class RunningGluetun {
  #container: Container
  #address = ''

  constructor(
    readonly options: GluetunOptions,
    container: Container,
  ) {
    this.#container = container
  }

  /** The container's id, which changes with {@link recreate}. */
  get id(): string {
    return this.#container.id
  }

  /** The container's address on its network, which may change with each start; '' while it is down. */
  get address(): string {
    return this.#address
  }

  /** The URL of the control server for callers that reach the container's network. */
  get controlUrl(): string {
    return `http://${this.#address}:${CONTROL_PORT}`
  }

  /** What the emulator says about itself. @throws {Error} while it is down. */
  state(): Promise<GluetunState> {
    return this.#ask('/state')
  }

  /** How often each route was called and with which results, since the process started. */
  calls(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
    return this.#ask('/calls')
  }

  /** Sets the faults that `change` names, and leaves the others. All faults end with the process. */
  async faults(change: Partial<Faults>): Promise<Faults> {
    return await this.#ask('/faults', { method: 'POST', body: JSON.stringify(change) })
  }

  /** Removes all faults. */
  async clearFaults(): Promise<Faults> {
    return await this.#ask('/faults', { method: 'DELETE' })
  }

  /** Docker's verdict: `starting`, `healthy` or `unhealthy`. */
  async health(): Promise<string> {
    return (await this.#container.inspect()).State.Health?.Status ?? 'none'
  }

  /**
   * Runs `docker restart`: the same container gets a new network namespace. Containers that joined the old one stay in it.
   */
  async restart(): Promise<void> {
    await this.#container.restart({ t: 5 })
    await this.#settled()
  }

  async stop(): Promise<void> {
    await this.#container.stop({ t: 5 })
    this.#address = ''
  }

  /** Resolves when the servers are open. Throws after 10 s. */
  async start(): Promise<void> {
    await this.#container.start()
    await this.#settled()
  }

  /** Runs `docker kill`: the process cannot clean up. */
  async kill(): Promise<void> {
    await this.#container.kill()
    this.#address = ''
  }

  async remove(): Promise<void> {
    await this.#container.remove({ force: true, v: true })
    this.#address = ''
  }

  /** Removes the container and creates it again under the same name, as an update does. It gets another id. */
  async recreate(change: Partial<Pick<GluetunOptions, 'image' | 'dialect' | 'env'>> = {}): Promise<void> {
    await this.remove()
    const { docker } = this.options
    this.#container = await docker.client.createContainer(createOptions({ ...this.options, ...change }))
    await this.start()
  }

  async #settled(): Promise<void> {
    const { State, NetworkSettings } = await this.#container.inspect()
    this.#address = Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? ''
    if (this.#address === '') throw new Error(`${this.options.name} has no address: it is ${State.Status}`)
    // The servers open when the VPN starts for the first time.
    const isUp = async () => (await this.state()).status !== 'stopped'
    await until(`${this.options.name} is up`, () => isUp().catch(() => false), STARTED_WITHIN_MS)
  }

  async #ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const { test } = this.options.ports ?? {}
    const base = test === undefined ? `${this.#address}:${TEST_PORT}` : `127.0.0.1:${test}`
    const answer = await fetch(`http://${base}${path}`, { ...init, keepalive: false })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${this.options.name} ${path}: ${text}`)
    return JSON.parse(text)
  }
}

/**
 * Runs a Gluetun emulator with the test's label, and resolves when its servers are open. The VPN comes up some tenths of a
 * second later, and Docker says `healthy` after the first health check.
 *
 * @throws {Error} with Docker's own message, or if the emulator does not start within 10 s.
 */
export async function runGluetun(options: GluetunOptions): Promise<RunningGluetun> {
  const container = await options.docker.client.createContainer(createOptions(options))
  const gluetun = new RunningGluetun(options, container)
  await gluetun.start()
  return gluetun
}

function createOptions(options: GluetunOptions): ContainerCreateOptions {
  const { docker, image, name, labels, dialect = 'v3.41.3', env, restartPolicy = 'no' } = options
  const { label } = docker
  const variables = { DIALECT: dialect, VPN_PORT_FORWARDING: 'on', ...env }
  const bindings = portBindings(options)
  return {
    name,
    Image: image,
    Labels: { ...labels, [label.key]: label.value },
    Env: Object.entries(variables).map(([key, value]) => `${key}=${value}`),
    ExposedPorts: Object.fromEntries(Object.keys(bindings).map((port) => [port, {}])),
    Healthcheck:
      options.hasHealthcheck === false ? { Test: ['NONE'] } : healthcheck(options.healthcheckMs, dialect),
    HostConfig: { PortBindings: bindings, RestartPolicy: { Name: restartPolicy }, Sysctls: OUTGOING },
  }
}

function portBindings({
  publish,
  ports,
}: GluetunOptions): Record<string, { HostIp: string; HostPort: string }[]> {
  const range = publish === null || publish === undefined ? [] : numbers(publish.first, publish.last)
  const pairs: [inside: number, outside: number | undefined][] = [
    ...range.map((port): [number, number] => [port, port]),
    [CONTROL_PORT, ports?.control],
    [TEST_PORT, ports?.test],
  ]
  return Object.fromEntries(
    pairs
      .filter(([, outside]) => outside !== undefined)
      .map(([inside, outside]) => [`${inside}/tcp`, [{ HostIp: '127.0.0.1', HostPort: String(outside) }]]),
  )
}

const numbers = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

/** Docker takes a field that is 0 from the image, so all fields are set. */
function healthcheck(
  intervalMs: number | undefined,
  dialect: DialectName,
): ContainerCreateOptions['Healthcheck'] {
  const Retries = DIALECTS[dialect].healthcheckRetries
  const Test = ['CMD', '/gluetun-entrypoint', 'healthcheck']
  if (intervalMs === undefined) return { Test, Retries }
  return { Test, Retries, Interval: intervalMs * NS_PER_MS, StartPeriod: 2 * intervalMs * NS_PER_MS }
}
