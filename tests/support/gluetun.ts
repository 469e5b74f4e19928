import type { Container, ContainerCreateOptions } from 'dockerode'
import { DIALECTS, type DialectName } from '../emulators/gluetun/dialect.ts'
import type { Faults } from '../emulators/gluetun/faults.ts'
import type { GluetunState } from '../emulators/gluetun/test-control.ts'
import { type TestDocker, until } from './docker.ts'

/** A Gluetun to run. */
export interface GluetunOptions {
  readonly docker: TestDocker
  /** From `buildGluetunImage`. */
  readonly image: string
  readonly name: string
  /** Besides the test's own, which is always there. */
  readonly labels?: Readonly<Record<string, string>>
  /** Ports for joined engines, each published under the same number on 127.0.0.1. */
  readonly publish?: { readonly first: number; readonly last: number } | null
  readonly dialect?: DialectName
  /** Over what the emulator is given here: port forwarding on, and the dialect. */
  readonly env?: Readonly<Record<string, string>>
  /**
   * Docker's interval between health checks, with a start period of twice that as in Gluetun's image (5 s and 10 s);
   * the number of retries is the version's own.
   */
  readonly healthcheckMs?: number
  /** Host ports on 127.0.0.1 for the control server and the tests' own controls; not published otherwise. */
  readonly ports?: { readonly control?: number; readonly test?: number }
  readonly restartPolicy?: 'no' | 'unless-stopped' | 'always' | 'on-failure'
}

const CONTROL_PORT = 8000
const TEST_PORT = 8999
const NS_PER_MS = 1_000_000
/**
 * The ports of outgoing connections, in this network and of all that joins it. Linux's own (32768 to 60999) hold the HTTPS ports
 * and the controls of engines, and a connection that has just ended keeps its port from a listener for a minute.
 */
const OUTGOING = { 'net.ipv4.ip_local_port_range': '10000 19999' }
const STARTED_WITHIN_MS = 10_000

/** A Gluetun emulator in a container; ends with the test's `cleanUp` at the latest. */
export class RunningGluetun {
  #container: Container
  #address = ''

  constructor(
    readonly options: GluetunOptions,
    container: Container,
  ) {
    this.#container = container
  }

  /** Another one after {@link recreate}. */
  get id(): string {
    return this.#container.id
  }

  /** The container's address on its network, which may be another one after each start; '' while it is down. */
  get address(): string {
    return this.#address
  }

  /** Where the control server is for who reaches the container's network. */
  get controlUrl(): string {
    return `http://${this.#address}:${CONTROL_PORT}`
  }

  /** What the emulator says of itself. @throws {Error} while it is down. */
  state(): Promise<GluetunState> {
    return this.#ask('/state')
  }

  /** How often each route was called and how that was answered, since the process started. */
  calls(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
    return this.#ask('/calls')
  }

  /** Sets the faults that `change` names, and leaves the others; they end with the process. */
  async faults(change: Partial<Faults>): Promise<Faults> {
    return await this.#ask('/faults', { method: 'POST', body: JSON.stringify(change) })
  }

  /** Takes all faults back. */
  async clearFaults(): Promise<Faults> {
    return await this.#ask('/faults', { method: 'DELETE' })
  }

  /** Docker's opinion: `starting`, `healthy` or `unhealthy`. */
  async health(): Promise<string> {
    return (await this.#container.inspect()).State.Health?.Status ?? 'none'
  }

  /** `docker restart`: the same container in a new namespace; what is joined to it stays in the dead one. */
  async restart(): Promise<void> {
    await this.#container.restart({ t: 5 })
    await this.#settled()
  }

  async stop(): Promise<void> {
    await this.#container.stop({ t: 5 })
    this.#address = ''
  }

  /** Resolves when the servers are open, at the latest after 10 s. */
  async start(): Promise<void> {
    await this.#container.start()
    await this.#settled()
  }

  /** `docker kill`: the process has no time to say anything. */
  async kill(): Promise<void> {
    await this.#container.kill()
    this.#address = ''
  }

  async remove(): Promise<void> {
    await this.#container.remove({ force: true, v: true })
    this.#address = ''
  }

  /** Removes the container and makes it anew under the same name, as an update does: it has another id then. */
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
    // The servers open with the VPN's first start.
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
 * Runs a Gluetun emulator, with the test's label, and resolves when its servers are open: the VPN comes up some tenths
 * of a second later, Docker's `healthy` after the first health check.
 *
 * @throws {Error} with Docker's own words, or when it does not start within 10 s.
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
    Healthcheck: healthcheck(options.healthcheckMs, dialect),
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

/** A field that is 0 would be taken from the image. */
function healthcheck(
  intervalMs: number | undefined,
  dialect: DialectName,
): ContainerCreateOptions['Healthcheck'] {
  const Retries = DIALECTS[dialect].healthcheckRetries
  const Test = ['CMD', '/gluetun-entrypoint', 'healthcheck']
  if (intervalMs === undefined) return { Test, Retries }
  return { Test, Retries, Interval: intervalMs * NS_PER_MS, StartPeriod: 2 * intervalMs * NS_PER_MS }
}
