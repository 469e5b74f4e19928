import { randomBytes } from 'node:crypto'
import type Dockerode from 'dockerode'
import { type Agreement, leasedPorts } from './consistency.ts'
import { until } from './docker.ts'
import { buildEngineImage } from './engine-image.ts'
import { type EngineRow, listedIds } from './fleet.ts'
import { type FleetRow, fleetOf } from './lifecycle.ts'
import { freePortRange, rangeSetting } from './ports.ts'
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

/** A lost host's engines are given up only when Swarm and a time of grace say so. */
const MOVED_MAX_MS = 60_000

/** A node is lost three of them after the last. Until then its silent engines are to be hidden by their probes. */
const HEARTBEAT_S = 3

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
      return new SwarmSite(await SwarmHosts.open(2, [image], { heartbeatS: HEARTBEAT_S }), image)
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
      env: {
        ENGINE_RUNTIME: 'swarm',
        HEALTH_CHECK_INTERVAL_S: '1',
        // A range of its own, because the servers of a test do not know of one another.
        PORT_RANGE_HOST: rangeSetting(freePortRange(60)),
        ...env,
      },
    })
    this.#servers.push(server)
    return server
  }

  /** The services with the label of this server. */
  services({ label }: TestServer): Promise<Dockerode.Service[]> {
    return this.manager.client.listServices({ filters: { label: [`${label.key}=${label.value}`] } })
  }

  /** The live engines that have their containers: those on the manager, and those on the worker. */
  async engines(server: TestServer): Promise<readonly [SwarmRow[], SwarmRow[]]> {
    const rows = (await fleetOf(server)) as SwarmRow[]
    const on = ({ name }: SwarmHost) => rows.filter(({ host_name }) => host_name === name)
    return [on(this.manager), on(this.worker)]
  }

  /** Waits until so many engines are on the manager and on the worker, all ready, and no other is there. Returns them. */
  async untilOn(
    server: TestServer,
    onManager: number,
    onWorker: number,
  ): Promise<readonly [SwarmRow[], SwarmRow[]]> {
    const what = `${onManager} engines on the manager and ${onWorker} on the worker are ready`
    const isThere = async () => {
      const rows = await server.get<EngineRow[]>('/engines?status=all')
      const [here, there] = await this.engines(server)
      const isReady = rows.every(({ status, listed }) => status === 'ready' && listed)
      return isReady && here.length === onManager && there.length === onWorker && ([here, there] as const)
    }
    return await until(what, isThere, MOVED_MAX_MS).catch((cause) => {
      throw new Error(`${cause.message}\n${server.output}`, { cause })
    })
  }

  /** The ids of the services whose containers run on a host, by what its own Docker Engine says. */
  async runningOn({ client }: SwarmHost, { label }: TestServer): Promise<string[]> {
    const rows = await client.listContainers({ filters: { label: [`${label.key}=${label.value}`] } })
    return rows.map(({ Labels }) => Labels['com.docker.swarm.service.id'] ?? '').toSorted()
  }

  /**
   * Waits until the server and the swarm agree: the same engines, on the same hosts, with the same ports, each once. Every
   * container id of `promised` must be listed from the start. Returns the milliseconds until they agreed. Throws with both
   * sides in one message.
   */
  readonly agreement: Agreement = async (server, promised = []) => {
    const beganMs = performance.now()
    const listed = await listedIds(server)
    const broken = [...promised].filter((id) => !listed.includes(id))
    if (broken.length > 0) throw new Error(`promised and not listed: ${broken.join(', ')}\n${server.output}`)
    for (;;) {
      const sides = await this.#bothSides(server)
      const waitedMs = performance.now() - beganMs
      if (Bun.deepEquals(sides.swarm, sides.orchestrator)) return waitedMs
      if (waitedMs > SETTLING_MS)
        throw new Error(
          `The services are not the engines: ${JSON.stringify(sides, null, 2)}\n${server.output}`,
        )
      await Bun.sleep(50)
    }
  }

  async #bothSides(server: TestServer) {
    const services = await this.services(server)
    const there = await this.engines(server)
    const ports = services.flatMap(({ Spec }) =>
      (Spec?.EndpointSpec?.Ports ?? []).map(({ PublishedPort }) => PublishedPort ?? 0),
    )
    const idsOf = (rows: readonly SwarmRow[]) => rows.map(({ container_id }) => container_id).toSorted()
    return {
      swarm: {
        services: services.map(({ ID }) => ID).toSorted(),
        running: await Promise.all(this.hosts.hosts.map((host) => this.runningOn(host, server))),
        ports: ports.toSorted((a, b) => a - b),
      },
      orchestrator: {
        services: idsOf(there.flat()),
        running: there.map(idsOf),
        ports: leasedPorts(server),
      },
    }
  }

  /** Ends the servers, removes what they made, and leaves both hosts as they were at first. */
  async cleanUp(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.dispose()))
    await this.manager.thaw()
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

function docker(...words: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(['docker', ...words])
  if (exitCode !== 0) throw new Error(`docker ${words.join(' ')}: ${stderr.toString()}`)
}
