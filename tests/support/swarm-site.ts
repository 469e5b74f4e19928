import { randomBytes } from 'node:crypto'
import type Dockerode from 'dockerode'
import { leasedPorts } from './consistency.ts'
import { until } from './docker.ts'
import { buildEngineImage } from './engine-image.ts'
import { type FleetRow, fleetOf } from './lifecycle.ts'
import { TestServer } from './server.ts'
import { type SwarmHost, SwarmHosts } from './two-hosts.ts'

/** An engine of `GET /engines?status=all` with the host that it is on. */
export interface SwarmRow extends FleetRow {
  readonly host: string
  readonly host_name: string
  readonly labels: Readonly<Record<string, string>>
}

/** Nobody listens there, so an attempt to ask the registry ends at once. The hosts have the image already. */
const REGISTRY = '127.0.0.1:5999'

const LABEL = 'test.roundhouse'

/** How long the two sides may disagree. Swarm ends containers after their services. */
const SETTLING_MS = 15_000

/** A swarm of two hosts for the tests of one file, both with the image of the engine emulator. */
export class SwarmSite {
  readonly #servers: TestServer[] = []

  private constructor(
    readonly hosts: SwarmHosts,
    readonly image: string,
  ) {}

  /** Throws with a sentence for people if there can be no swarm here. */
  static async open(): Promise<SwarmSite> {
    const built = await buildEngineImage()
    const image = `${REGISTRY}/${built}`
    docker('tag', built, image)
    try {
      return new SwarmSite(await SwarmHosts.open(2, [image]), image)
    } finally {
      docker('rmi', image)
    }
  }

  /** The host that Roundhouse asks, and the other one. */
  get manager(): SwarmHost {
    return this.hosts.manager
  }

  get worker(): SwarmHost {
    return this.hosts.host(1)
  }

  /** Makes a server with a label of its own, which is not started; `cleanUp` ends it. */
  server(env: Readonly<Record<string, string>> = {}): TestServer {
    const server = new TestServer({
      docker: {
        dockerHost: this.manager.dockerHost,
        label: { key: LABEL, value: randomBytes(6).toString('hex') },
      },
      image: this.image,
      env: { ENGINE_RUNTIME: 'swarm', HEALTH_CHECK_INTERVAL_S: '1', MONITOR_INTERVAL_S: '2', ...env },
    })
    this.#servers.push(server)
    return server
  }

  /** The services with the label of this server. */
  services({ label }: TestServer): Promise<Dockerode.Service[]> {
    return this.manager.client.listServices({ filters: { label: [`${label.key}=${label.value}`] } })
  }

  /** The ids of the services whose containers run on a host, by what its own Docker Engine says. */
  async runningOn({ client }: SwarmHost, { label }: TestServer): Promise<string[]> {
    const rows = await client.listContainers({ filters: { label: [`${label.key}=${label.value}`] } })
    return rows.map(({ Labels }) => Labels['com.docker.swarm.service.id'] ?? '').toSorted()
  }

  /**
   * Waits until the server and the swarm agree: the same engines, on the same hosts, with the same ports, each once. Throws
   * with both sides in one message.
   */
  async agreement(server: TestServer): Promise<void> {
    const beganMs = performance.now()
    for (;;) {
      const sides = await this.#bothSides(server)
      if (Bun.deepEquals(sides.swarm, sides.orchestrator)) return
      if (performance.now() - beganMs > SETTLING_MS)
        throw new Error(
          `The services are not the engines: ${JSON.stringify(sides, null, 2)}\n${server.output}`,
        )
      await Bun.sleep(50)
    }
  }

  async #bothSides(server: TestServer) {
    const services = await this.services(server)
    const rows = await enginesOf(server)
    const ports = services.flatMap(({ Spec }) =>
      (Spec?.EndpointSpec?.Ports ?? []).map(({ PublishedPort }) => PublishedPort ?? 0),
    )
    const on = (host: SwarmHost) =>
      rows.flatMap((row) => (row.host_name === host.name ? row.container_id : [])).toSorted()
    return {
      swarm: {
        services: services.map(({ ID }) => ID).toSorted(),
        running: await Promise.all(this.hosts.hosts.map((host) => this.runningOn(host, server))),
        ports: ports.toSorted((a, b) => a - b),
      },
      orchestrator: {
        services: rows.map(({ container_id }) => container_id).toSorted(),
        running: this.hosts.hosts.map(on),
        ports: leasedPorts(server),
      },
    }
  }

  /** Ends the servers, removes what they made, and leaves both hosts as they were at first. */
  async cleanUp(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.dispose()))
    this.manager.thaw()
    await this.worker.start()
    const { client } = this.manager
    for (const host of this.hosts.hosts) {
      await until(`the swarm hears of ${host.name}`, () => this.hosts.isUp(host))
      await this.hosts.setAvailability(host, 'active')
      await this.hosts.setLabels(host, {})
    }
    const services = await client.listServices({ filters: { label: [LABEL] } })
    await Promise.all(services.map(({ ID }) => client.getService(ID).remove()))
    for (const host of this.hosts.hosts)
      await until(
        `${host.name} has no engine`,
        async () => (await host.client.listContainers({ filters: { label: [LABEL] } })).length === 0,
      )
  }

  close(): Promise<void> {
    return this.hosts.close()
  }
}

/** The live engines that have their containers. */
export const enginesOf = (server: TestServer): Promise<SwarmRow[]> => fleetOf(server) as Promise<SwarmRow[]>

function docker(...words: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(['docker', ...words])
  if (exitCode !== 0) throw new Error(`docker ${words.join(' ')}: ${stderr.toString()}`)
}
