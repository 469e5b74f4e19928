import {
  DOCKER_NEEDS,
  type DockerNeed,
  type DockerRight,
  SWARM_RIGHTS,
} from '../core/reporting/docker-rights.ts'
import type { Deadlines, DockerRuntimeOptions } from './docker.ts'
import { isImageReference, isReference, readPong, readVersion } from './docker-answers.ts'
import { callDocker, type DockerCall } from './docker-call.ts'
import { connectDocker, type DockerAddress, type DockerClient, parseDockerHost } from './docker-connection.ts'
import { isBroken } from './docker-failures.ts'
import { forbiddenRights } from './docker-rights.ts'
import type { RegistryLogins } from './registry-logins.ts'
import {
  type ContainerObservation,
  type ContainerSpec,
  type EventHandlers,
  type HostFacts,
  type HostObservation,
  type Hosts,
  type ImageFacts,
  type LogBounds,
  type LogHandlers,
  type LogPart,
  type Runtime,
  RuntimeFailure,
  type WatchHandlers,
} from './runtime.ts'
import { eventsBetween, followLooks, type SwarmSnapshot } from './swarm-events.ts'
import { fromNode } from './swarm-hosts.ts'
import { SwarmImages } from './swarm-images.ts'
import { followServiceLog, serviceLogsOf } from './swarm-logs.ts'
import { fromListedService, fromService } from './swarm-observation.ts'
import { SWARM_REFUSALS } from './swarm-refusals.ts'
import { removeIdle, removeWhole, stopService } from './swarm-removals.ts'
import { RestartBook } from './swarm-restarts.ts'
import {
  createService,
  nodesOf,
  ownNodeOf,
  serviceOf,
  servicesWith,
  tasksOf,
  tasksWith,
} from './swarm-services.ts'
import { type PublishMode, toServiceSpec } from './swarm-spec.ts'
import { startService } from './swarm-starts.ts'

export interface SwarmRuntimeOptions extends DockerRuntimeOptions {
  readonly publish: PublishMode
  /** Logs in to registries, for this server and for the nodes; by default nobody does. */
  readonly registryLogins?: RegistryLogins
}

type Need = Pick<DockerNeed, 'what' | 'setting'>

const WRITE: Need = { what: 'POST /services', setting: 'SERVICES=1 TASKS=1 NODES=1 POST=1' }
const LOOK: Need = { what: 'GET /services, /tasks and /nodes', setting: 'SERVICES=1 TASKS=1 NODES=1' }

/** What a socket proxy has to allow for each call. */
const NEEDS = {
  ...{ create: WRITE, start: WRITE, stop: WRITE, destroy: WRITE },
  ...{ inspect: LOOK, logs: LOOK, list: LOOK, ping: LOOK },
  subscribe: DOCKER_NEEDS.events,
} as const satisfies Partial<Record<keyof Deadlines, Need>>

const NO_LOGINS: RegistryLogins = () => null

/**
 * Makes the Runtime for a Docker Swarm, of which the Docker Engine at `dockerHost` is a manager (API 1.41, 20.10, or newer). A
 * container is a service with one replica that is bound to a node: the service's id and name are the container's, and Swarm
 * brings a container that has ended back. It connects at the first call. Throws a plain Error only if it does not understand
 * `dockerHost`, or cannot read the certificates.
 */
export function createSwarmRuntime(options: SwarmRuntimeOptions): Runtime {
  const address = parseDockerHost(options.dockerHost, options.certificates)
  return new SwarmRuntime(connectDocker(address, 'kept'), connectDocker(address, 'new'), address, options)
}

class SwarmRuntime implements Runtime {
  readonly commands = null
  readonly meters = null
  readonly neighbours = null
  readonly registry = null
  readonly hosts: Hosts = {
    list: (signal) => this.#hosts(signal),
    watch: (handlers, signal) => this.#watchHosts(handlers, signal),
  }
  readonly #label: string
  readonly #restarts = new RestartBook()
  readonly #images: SwarmImages

  constructor(
    private readonly docker: DockerClient,
    /** Gives each call a new connection; see `DockerRuntime`. */
    private readonly door: DockerClient,
    private readonly address: DockerAddress,
    private readonly options: SwarmRuntimeOptions,
  ) {
    this.#label = `${options.label.key}=${options.label.value}`
    this.#images = new SwarmImages(options.registryLogins ?? NO_LOGINS)
  }

  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<string> {
    const { publish, logs, registryLogins = NO_LOGINS } = this.options
    const call = this.#call('create', `create service ${spec.name}`, signal)
    return await callDocker(call, async (abortSignal) => {
      const image = await this.#images.pinned(this.door, spec.image, abortSignal)
      const service = toServiceSpec(spec, { publish, logs, image })
      return await createService(this.door, { spec: service, login: registryLogins(spec.image) }, abortSignal)
    })
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    const call = this.#callOn(id, 'start', signal)
    await callDocker(call, async (abortSignal) => {
      const begun = await startService(this.door, { id, call, abortSignal })
      if (begun !== null) this.#restarts.begin(begun.id, begun.tasks)
    })
  }

  async stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const call = this.#callOn(id, 'stop', signal)
    const deadlineMs = call.deadlineMs + graceSeconds * 1000
    await callDocker({ ...call, deadlineMs }, (abortSignal) => stopService(this.door, id, abortSignal))
  }

  async destroy(id: string, signal?: AbortSignal): Promise<void> {
    if (!isReference(id)) return
    const call = this.#callOn(id, 'destroy', signal, `remove service ${id}`)
    await callDocker(call, (abortSignal) => removeWhole(this.door, id, abortSignal))
  }

  async discard(id: string, signal?: AbortSignal): Promise<void> {
    if (!isReference(id)) return
    const call = this.#callOn(id, 'destroy', signal, `remove service ${id}`)
    await callDocker(call, (abortSignal) => removeIdle(this.door, id, abortSignal))
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation> {
    return await this.#read(this.#callOn(id, 'inspect', signal), async (docker, abortSignal) => {
      const [service, tasks, nodes] = await Promise.all([
        serviceOf(docker, id, abortSignal),
        tasksOf(docker, id, abortSignal),
        nodesOf(docker, abortSignal),
      ])
      return fromService({ service, tasks, nodes }, this.#restarts.note(service.ID, tasks))
    })
  }

  async list(signal?: AbortSignal): Promise<ContainerObservation[]> {
    return await this.#read(this.#call('list', 'list the services', signal), async (docker, abortSignal) => {
      const [{ services, tasks }, nodes] = await Promise.all([
        this.#look(docker, abortSignal),
        nodesOf(docker, abortSignal),
      ])
      const tasksById = Map.groupBy(tasks, ({ ServiceID }) => ServiceID)
      return services.map((service) =>
        fromListedService({ service, tasks: tasksById.get(service.ID) ?? [], nodes }),
      )
    })
  }

  async events(handlers: EventHandlers, signal: AbortSignal): Promise<void> {
    const call = { ...this.#call('subscribe', 'tell of events', signal), signal }
    const look = (abortSignal: AbortSignal) => this.#look(this.docker, abortSignal)
    await followLooks<SwarmSnapshot>(
      this.door,
      { types: ['service'], call, look },
      {
        onOpen: handlers.onOpen,
        onLook: (before, after) => {
          for (const event of eventsBetween(before, after, Date.now())) handlers.onEvent(event)
        },
      },
    )
  }

  async logs(id: string, bounds: LogBounds, signal?: AbortSignal): Promise<string> {
    const call = this.#callOn(id, 'logs', signal, `read the log of service ${id}`)
    return await this.#read(call, (docker, abortSignal) => serviceLogsOf(docker, id, bounds, abortSignal))
  }

  async followLog(id: string, part: LogPart, handlers: LogHandlers, signal: AbortSignal): Promise<void> {
    const call = this.#callOn(id, 'logs', signal, `give the log of service ${id} as it is written`)
    await followServiceLog(this.door, { id, part, call: { ...call, signal } }, handlers)
  }

  async image(reference: string, signal?: AbortSignal): Promise<ImageFacts> {
    if (!isImageReference(reference))
      throw new RuntimeFailure('image_missing', `There can be no image "${reference}".`)
    const call = {
      ...this.#call('inspect', `look at image ${reference}`, signal),
      needs: DOCKER_NEEDS.images,
    }
    return await this.#read(call, (docker, abortSignal) => this.#images.look(docker, reference, abortSignal))
  }

  async host(signal?: AbortSignal): Promise<HostFacts> {
    const needs = { what: 'GET /version', setting: 'VERSION=1' }
    const call = { ...this.#call('inspect', 'tell its version', signal), needs }
    return await this.#read(call, async (docker, abortSignal) => {
      const { Os, Arch, Version } = readVersion(await docker.version({ abortSignal }))
      return { os: Os, architecture: Arch, version: Version }
    })
  }

  async forbidden(signal?: AbortSignal): Promise<readonly DockerRight[]> {
    const call = this.#call('inspect', 'tell what is allowed', signal)
    return await callDocker(call, (abortSignal) => forbiddenRights(this.door, SWARM_RIGHTS, abortSignal))
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await callDocker(this.#call('ping', 'answer a ping', signal), async (abortSignal) => {
      readPong(await this.door.ping({ abortSignal }))
      // A Docker Engine that is no manager answers a ping, too, and so does one whose swarm has no leader.
      await nodesOf(this.door, abortSignal)
    })
  }

  async #hosts(signal?: AbortSignal): Promise<HostObservation[]> {
    return await this.#read(this.#call('list', 'list the nodes', signal), async (docker, abortSignal) => {
      const [nodes, own] = await Promise.all([nodesOf(docker, abortSignal), ownNodeOf(docker, abortSignal)])
      return nodes.map((node) => fromNode(node, own))
    })
  }

  async #watchHosts(handlers: WatchHandlers, signal: AbortSignal): Promise<void> {
    const call = { ...this.#call('subscribe', 'tell of nodes', signal), signal }
    const look = async (abortSignal: AbortSignal) =>
      (await nodesOf(this.docker, abortSignal)).map((node) => fromNode(node, null))
    await followLooks(
      this.door,
      { types: ['node'], call, look },
      {
        onOpen: handlers.onOpen,
        onLook: (before, after) => {
          if (!Bun.deepEquals(before, after)) handlers.onChange()
        },
      },
    )
  }

  /** All our services and their tasks. */
  async #look(docker: DockerClient, abortSignal: AbortSignal): Promise<SwarmSnapshot> {
    const [services, tasks] = await Promise.all([
      servicesWith(docker, this.#label, abortSignal),
      tasksWith(docker, this.#label, abortSignal),
    ])
    const tasksById = Map.groupBy(tasks, ({ ServiceID }) => ServiceID)
    for (const { ID } of services) this.#restarts.note(ID, tasksById.get(ID) ?? [])
    this.#restarts.keep(new Set(services.map(({ ID }) => ID)))
    return { services, tasks }
  }

  /** Asks what changes nothing. A kept connection that broke is no answer, so it is asked again over a new one. */
  #read<T>(
    call: DockerCall,
    ask: (docker: DockerClient, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return callDocker(call, (abortSignal) =>
      ask(this.docker, abortSignal).catch((error: unknown) => {
        if (abortSignal.aborted || !isBroken(error)) throw error
        return ask(this.door, abortSignal)
      }),
    )
  }

  #call(verb: keyof typeof NEEDS, what: string, signal: AbortSignal | undefined): DockerCall {
    const { deadlinesMs, mask } = this.options
    return {
      ...{ what, id: null, address: this.address.text, needs: NEEDS[verb], refusals: SWARM_REFUSALS },
      ...{ deadlineMs: deadlinesMs[verb], signal, ...(mask ? { mask } : {}) },
    }
  }

  #callOn(
    id: string,
    verb: 'start' | 'stop' | 'destroy' | 'inspect' | 'logs',
    signal: AbortSignal | undefined,
    what = `${verb} service ${id}`,
  ): DockerCall {
    if (!isReference(id)) throw new RuntimeFailure('not_found', `There is no service "${id}".`)
    return { ...this.#call(verb, what, signal), id }
  }
}
