import { setTimeout as delay } from 'node:timers/promises'
import type { Label } from '../core/engines/labels.ts'
import {
  DOCKER_NEEDS,
  DOCKER_RIGHTS,
  type DockerNeed,
  type DockerRight,
} from '../core/reporting/docker-rights.ts'
import type { Mask } from '../core/secrets.ts'
import {
  isImageReference,
  isReference,
  readCounted,
  readId,
  readImage,
  readInspected,
  readList,
  readMode,
  readNothing,
  readPong,
  readPresence,
  readUsed,
  readVersion,
} from './docker-answers.ts'
import { callDocker, type DockerCall } from './docker-call.ts'
import {
  askDocker,
  connectDocker,
  type DockerAddress,
  type DockerClient,
  parseDockerHost,
} from './docker-connection.ts'
import { followEvents } from './docker-events.ts'
import { execIn } from './docker-exec.ts'
import { dockerWords, isBroken, isDockers, statusOf } from './docker-failures.ts'
import { followLogOf, logsOf } from './docker-logs.ts'
import { EVENT_FILTER, isAbout, toContainerEvent, WATCH_FILTER } from './docker-messages.ts'
import {
  fromImage,
  fromInspect,
  fromListed,
  fromStats,
  hasAddress,
  joinedBy,
  type LogLimits,
  toCreateBody,
} from './docker-observation.ts'
import { pullImage } from './docker-pull.ts'
import { forbiddenRights } from './docker-rights.ts'
import { fromUsed } from './docker-usage.ts'
import {
  type CommandResult,
  type Commands,
  type ContainerObservation,
  type ContainerSpec,
  type EventHandlers,
  type HostFacts,
  type ImageFacts,
  type LogBounds,
  type LogHandlers,
  type LogPart,
  type Meters,
  type Neighbours,
  type PullProgress,
  type Registry,
  RuntimeFailure,
  type SingleHostRuntime,
  type Traffic,
  type Usage,
  type WatchHandlers,
} from './runtime.ts'

/**
 * The deadline of each call in milliseconds. For `stop`, the grace is added. `subscribe` holds until the event stream has
 * begun. `pull` is how long Docker may say nothing. `inspect` holds for images and the host as well.
 */
export interface Deadlines {
  readonly create: number
  readonly start: number
  readonly stop: number
  readonly destroy: number
  readonly inspect: number
  readonly traffic: number
  readonly usage: number
  readonly exec: number
  readonly logs: number
  readonly pull: number
  readonly list: number
  readonly ping: number
  readonly subscribe: number
}

export interface DockerRuntimeOptions {
  /** The value of DOCKER_HOST (`unix:///path`, `/path`, `tcp://host:port`); null for /var/run/docker.sock. */
  readonly dockerHost: string | null
  /** The folder with `ca.pem`, `cert.pem` and `key.pem`; without it there is no TLS. */
  readonly certificates?: string | null
  /** The label that names this installation. */
  readonly label: Label
  readonly deadlinesMs: Deadlines
  readonly logs: LogLimits
  /** Masks what Docker says; by default it is passed on as it is. */
  readonly mask?: Mask
}

/** A start may wait in Docker's queue (about five containers a second on two cores). A ping must not wait. */
export const DEFAULT_DEADLINES_MS: Deadlines = {
  create: 10_000,
  start: 30_000,
  stop: 30_000,
  destroy: 30_000,
  inspect: 5_000,
  traffic: 5_000,
  usage: 3_000,
  exec: 60_000,
  logs: 5_000,
  pull: 60_000,
  list: 10_000,
  ping: 1_500,
  subscribe: 10_000,
}

/** Limits the log of a container to 30 MB. */
export const DEFAULT_LOG_LIMITS: LogLimits = { maxSize: '10m', maxFiles: 3 }

type Need = Pick<DockerNeed, 'what' | 'setting'>

const LOOK: Need = DOCKER_NEEDS.containers

/** What a socket proxy has to allow for each call. */
const NEEDS: Readonly<Record<keyof Deadlines, Need>> = {
  create: DOCKER_NEEDS.create,
  start: DOCKER_NEEDS.start,
  stop: { what: 'POST /containers/{id}/stop', setting: 'CONTAINERS=1 POST=1' },
  destroy: DOCKER_NEEDS.remove,
  exec: DOCKER_NEEDS.exec,
  pull: { what: 'POST /images/create', setting: 'IMAGES=1 POST=1' },
  ping: DOCKER_NEEDS.ping,
  subscribe: DOCKER_NEEDS.events,
  ...{ inspect: LOOK, traffic: LOOK, usage: LOOK, logs: LOOK, list: LOOK },
}

/** How often to look whether a removal that another client began has ended. */
const REMOVAL_POLL_MS = 100

/**
 * Makes the Runtime for a Docker Engine with API 1.41 (20.10) or newer. It connects at the first call. Throws a plain Error
 * only if it does not understand `dockerHost`, or cannot read the certificates.
 */
export function createDockerRuntime(options: DockerRuntimeOptions): SingleHostRuntime {
  const address = parseDockerHost(options.dockerHost, options.certificates)
  return new DockerRuntime(connectDocker(address, 'kept'), connectDocker(address, 'new'), address, options)
}

class DockerRuntime implements SingleHostRuntime, Commands, Meters, Neighbours, Registry {
  readonly commands = this
  readonly meters = this
  readonly neighbours = this
  readonly registry = this
  readonly hosts = null
  readonly #label: string

  constructor(
    private readonly docker: DockerClient,
    /**
     * Gives each call a new connection. For pings: a daemon that shuts down accepts no new connections, but still answers on
     * old ones for a while. And for calls that change something: a proxy may close a kept connection at the moment when it
     * is used, and nobody could tell then whether the call was carried out.
     */
    private readonly door: DockerClient,
    private readonly address: DockerAddress,
    private readonly options: DockerRuntimeOptions,
  ) {
    this.#label = `${options.label.key}=${options.label.value}`
  }

  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<string> {
    const call = this.#call('create', `create container ${spec.name}`, signal)
    return await callDocker(call, async (abortSignal) =>
      readId(
        await this.door.createContainer({
          abortSignal,
          _query: { name: spec.name },
          _body: toCreateBody(spec, this.options.logs),
        }),
      ),
    )
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    const call = this.#callOn(id, 'start', signal)
    await callDocker(call, (abortSignal) =>
      this.door.getContainer(id).start({ abortSignal }).then(readNothing, ifNotAlready),
    )
  }

  async stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const call = this.#callOn(id, 'stop', signal)
    const deadlineMs = call.deadlineMs + graceSeconds * 1000
    await callDocker({ ...call, deadlineMs }, (abortSignal) =>
      this.door.getContainer(id).stop({ abortSignal, t: graceSeconds }).then(readNothing, ifNotAlready),
    )
  }

  destroy(id: string, signal?: AbortSignal): Promise<void> {
    return this.#remove(id, true, signal)
  }

  discard(id: string, signal?: AbortSignal): Promise<void> {
    return this.#remove(id, false, signal)
  }

  async #remove(id: string, force: boolean, signal?: AbortSignal): Promise<void> {
    if (!isReference(id)) return
    const call = this.#callOn(id, 'destroy', signal, `remove container ${id}`)
    await callDocker(call, async (abortSignal) => {
      const container = this.door.getContainer(id)
      try {
        readNothing(await container.remove({ abortSignal, force, v: true }))
      } catch (error) {
        if (isNotThere(error)) return
        if (!isBeingRemoved(error)) throw error
      }
      while (!(await isGone(container.inspect({ abortSignal })))) {
        await delay(REMOVAL_POLL_MS, undefined, { signal: abortSignal })
      }
    })
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation> {
    const call = this.#callOn(id, 'inspect', signal)
    return await this.#read(call, async (docker, abortSignal) =>
      fromInspect(readInspected(await docker.getContainer(id).inspect({ abortSignal }))),
    )
  }

  async traffic(id: string, signal?: AbortSignal): Promise<Traffic | null> {
    const call = this.#callOn(id, 'traffic', signal, `count the traffic of container ${id}`)
    return await this.#read(call, async (docker, abortSignal) => {
      const container = docker.getContainer(id)
      // For a joined network, Docker gives the counters of the network container, which count all containers that share it.
      const { HostConfig } = readMode(await container.inspect({ abortSignal }))
      if (joinedBy(HostConfig.NetworkMode) !== null) return null
      return fromStats(readCounted(await container.stats({ abortSignal, stream: false, 'one-shot': true })))
    })
  }

  async usage(id: string, signal?: AbortSignal): Promise<Usage | null> {
    const call = this.#callOn(id, 'usage', signal, `count what container ${id} uses`)
    return await this.#read(call, async (docker, abortSignal) =>
      fromUsed(
        readUsed(await docker.getContainer(id).stats({ abortSignal, stream: false, 'one-shot': true })),
      ),
    )
  }

  async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<CommandResult> {
    const call = this.#callOn(id, 'exec', signal, `run ${command[0] ?? 'nothing'} in container ${id}`)
    return await callDocker(call, (abortSignal) => execIn(this.door.getContainer(id), command, abortSignal))
  }

  async logs(id: string, bounds: LogBounds, signal?: AbortSignal): Promise<string> {
    const call = this.#callOn(id, 'logs', signal, `read the log of container ${id}`)
    return await this.#read(call, (docker, abortSignal) => logsOf(docker, id, bounds, abortSignal))
  }

  async followLog(id: string, part: LogPart, handlers: LogHandlers, signal: AbortSignal): Promise<void> {
    const call = this.#callOn(id, 'logs', signal, `give the log of container ${id} as it is written`)
    await followLogOf(this.door, { id, part, call: { ...call, signal } }, handlers)
  }

  async image(reference: string, signal?: AbortSignal): Promise<ImageFacts> {
    if (!isImageReference(reference))
      throw new RuntimeFailure('image_missing', `There can be no image "${reference}".`)
    const call = {
      ...this.#call('inspect', `look at image ${reference}`, signal),
      needs: DOCKER_NEEDS.images,
    }
    const path = `/images/${reference}/json`
    return await this.#read(call, async (docker, abortSignal) =>
      fromImage(readImage(await askDocker(docker, { path, abortSignal }))),
    )
  }

  async host(signal?: AbortSignal): Promise<HostFacts> {
    const needs = { what: 'GET /version', setting: 'VERSION=1' }
    const call = { ...this.#call('inspect', 'tell its version', signal), needs }
    return await this.#read(call, async (docker, abortSignal) => {
      const { Os, Arch, Version } = readVersion(await docker.version({ abortSignal }))
      return { os: Os, architecture: Arch, version: Version }
    })
  }

  async pull(
    reference: string,
    onProgress: (progress: PullProgress) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    if (!isImageReference(reference))
      throw new RuntimeFailure('refused', `There can be no image "${reference}".`)
    const what = this.#call('pull', `pull image ${reference}`, signal)
    const call = { ...what, due: `go on with the pull of image ${reference}` }
    await callDocker(call, (abortSignal, renew) =>
      pullImage(this.door, { reference, onProgress, onSign: renew }, abortSignal),
    )
  }

  async list(signal?: AbortSignal): Promise<ContainerObservation[]> {
    const call = this.#call('list', 'list the containers', signal)
    const filters = { label: [this.#label] }
    return await this.#read(call, async (docker, abortSignal) =>
      readList(await docker.listContainers({ abortSignal, all: true, filters })).map(fromListed),
    )
  }

  async containerAt(address: string, signal?: AbortSignal): Promise<ContainerObservation | null> {
    const call = this.#call('list', 'list the containers', signal)
    return await this.#read(call, async (docker, abortSignal) => {
      const running = readList(await docker.listContainers({ abortSignal }))
      const [found, ...others] = running.filter((container) => hasAddress(container, address))
      return found === undefined || others.length > 0 ? null : fromListed(found)
    })
  }

  async events(handlers: EventHandlers, signal: AbortSignal): Promise<void> {
    const call = { ...this.#call('subscribe', 'tell of events', signal), signal }
    const filters = { event: EVENT_FILTER, label: [this.#label] }
    await followEvents(
      this.door,
      { filters, call },
      {
        onOpen: handlers.onOpen,
        onMessage: (message) => {
          const event = toContainerEvent(message)
          if (event) handlers.onEvent(event)
        },
      },
    )
  }

  async watch(name: string, handlers: WatchHandlers, signal: AbortSignal): Promise<void> {
    const call = { ...this.#callOn(name, 'subscribe', signal, `tell of container ${name}`), signal }
    const filters = { event: WATCH_FILTER, container: [name] }
    await followEvents(
      this.door,
      { filters, call },
      {
        onOpen: handlers.onOpen,
        onMessage: (message) => {
          if (isAbout(message, name)) handlers.onChange()
        },
      },
    )
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await callDocker(this.#call('ping', 'answer a ping', signal), async (abortSignal) =>
      readPong(await this.door.ping({ abortSignal })),
    )
  }

  async forbidden(signal?: AbortSignal): Promise<readonly DockerRight[]> {
    const call = this.#call('inspect', 'tell what is allowed', signal)
    return await callDocker(call, (abortSignal) => forbiddenRights(this.door, DOCKER_RIGHTS, abortSignal))
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

  #call(verb: keyof Deadlines, what: string, signal: AbortSignal | undefined): DockerCall {
    const deadlineMs = this.options.deadlinesMs[verb]
    const { mask } = this.options
    const { text: address } = this.address
    return { what, id: null, address, needs: NEEDS[verb], deadlineMs, signal, ...(mask ? { mask } : {}) }
  }

  #callOn(
    id: string,
    verb: 'start' | 'stop' | 'destroy' | 'inspect' | 'traffic' | 'usage' | 'exec' | 'logs' | 'subscribe',
    signal: AbortSignal | undefined,
    what = `${verb} container ${id}`,
  ): DockerCall {
    if (!isReference(id)) throw new RuntimeFailure('not_found', `There is no container "${id}".`)
    return { ...this.#call(verb, what, signal), id }
  }
}

/** Accepts 304, which means that the container already runs or is already stopped. dockerode throws that as an error. */
function ifNotAlready(error: unknown): void {
  if (statusOf(error) !== 304) throw error
}

function isBeingRemoved(error: unknown): boolean {
  return statusOf(error) === 409 && /removal of container \S+ is already in progress/.test(dockerWords(error))
}

async function isGone(look: Promise<unknown>): Promise<boolean> {
  try {
    readPresence(await look)
    return false
  } catch (error) {
    if (isNotThere(error)) return true
    throw error
  }
}

/**
 * Requires Docker's own words: a 404 page from another server says nothing about a container. Podman says 500 of a container
 * that goes at that moment.
 */
function isNotThere(error: unknown): boolean {
  if (!isDockers(error)) return false
  const words = dockerWords(error)
  return statusOf(error) === 404
    ? /no such container/i.test(words)
    : statusOf(error) === 500 && /does not exist in database: no such container/.test(words)
}
