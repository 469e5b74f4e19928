import type { DockerRight } from '../core/reporting/docker-rights.ts'
import type { DockerRuntimeOptions } from './docker.ts'
import { readInfo, readList, readNetwork, readVersion } from './docker-answers.ts'
import { callDocker, type DockerCall } from './docker-call.ts'
import {
  askDocker,
  connectDocker,
  type DockerAddress,
  type DockerClient,
  parseDockerHost,
} from './docker-connection.ts'
import { isDockers, isForbidden, statusOf } from './docker-failures.ts'
import { fromListed } from './docker-observation.ts'
import { isAllowed } from './docker-rights.ts'
import { type ContainerObservation, type HostFacts, RuntimeFailure } from './runtime.ts'

/** A network as Docker describes it. */
interface NetworkDescription {
  readonly name: string
  readonly driver: string
  /** Whether it has no way out. */
  readonly isInternal: boolean
}

/** A look around in a Docker Engine, for people. A server asks through `Runtime`. */
export interface DockerSurvey {
  /** The socket or host, as messages name it. */
  readonly address: string
  version(): Promise<HostFacts & { readonly api: string; readonly isPodman: boolean }>
  /** The time of Docker's clock, in epoch milliseconds. */
  time(): Promise<number>
  network(name: string): Promise<NetworkDescription>
  /** All containers that run, whoever made them. */
  running(): Promise<readonly ContainerObservation[]>
  /** Whether a call is allowed; null if there was no answer that says so. Never throws. */
  isAllowed(right: DockerRight): Promise<boolean | null>
}

/**
 * Makes a survey of the Docker Engine of DOCKER_HOST; each question ends after `deadlineMs`. Its questions throw RuntimeFailure,
 * and this throws a plain Error like `createDockerRuntime`.
 */
export function createDockerSurvey(
  { dockerHost, certificates }: Pick<DockerRuntimeOptions, 'dockerHost' | 'certificates'>,
  deadlineMs: number,
): DockerSurvey {
  const address = parseDockerHost(dockerHost, certificates)
  return new Survey(connectDocker(address, 'new'), address, deadlineMs)
}

class Survey implements DockerSurvey {
  constructor(
    private readonly docker: DockerClient,
    private readonly where: DockerAddress,
    private readonly deadlineMs: number,
  ) {}

  get address(): string {
    return this.where.text
  }

  version() {
    return callDocker(this.#call('tell its version'), async (abortSignal) => {
      const found = readVersion(await this.docker.version({ abortSignal }))
      return {
        ...{ os: found.Os, architecture: found.Arch, version: found.Version, api: found.ApiVersion ?? '0' },
        isPodman: (found.Components ?? []).some(({ Name }) => /podman/i.test(Name ?? '')),
      }
    })
  }

  time() {
    return callDocker(this.#call('tell its time'), async (abortSignal) =>
      Date.parse(readInfo(await askDocker(this.docker, { path: '/info', abortSignal })).SystemTime),
    )
  }

  network(name: string) {
    return callDocker(this.#call(`look at network ${name}`), async (abortSignal) => {
      const path = `/networks/${encodeURIComponent(name)}`
      const { Name, Driver, Internal } = readNetwork(await askDocker(this.docker, { path, abortSignal }))
      return { name: Name, driver: Driver, isInternal: Internal === true }
    })
  }

  running() {
    return callDocker(this.#call('list the containers'), async (abortSignal) =>
      readList(await this.docker.listContainers({ abortSignal })).map(fromListed),
    )
  }

  async isAllowed(right: DockerRight): Promise<boolean | null> {
    const ask = (abortSignal: AbortSignal) => isAllowed(this.docker, right, abortSignal)
    return await callDocker(this.#call(`allow ${right}`), ask).catch(() => null)
  }

  #call(what: string): DockerCall {
    return { what, id: null, address: this.address, deadlineMs: this.deadlineMs, signal: undefined }
  }
}

/** What a failed question says about the thing that was asked for. */
export function refusalIn(error: unknown): 'missing' | 'forbidden' | null {
  if (!(error instanceof RuntimeFailure)) return null
  const { cause } = error.options
  if (isForbidden(statusOf(cause))) return 'forbidden'
  const isMissing = ['not_found', 'image_missing'].includes(error.code)
  return isMissing || (statusOf(cause) === 404 && isDockers(cause)) ? 'missing' : null
}
