import { parseDockerHost } from '../../src/runtime/docker-connection.ts'
import type { TestDocker } from '../../tests/support/docker.ts'
import type { PortRange } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'

/** A container that was started. Times are epoch milliseconds with fractions. */
export interface Launch {
  readonly containerId: string
  /** The host port of the container's HTTP server. */
  readonly port: number
  readonly sentAt: number
  readonly answeredAt: number
}

/** One of the two compared ways to start a container. */
export interface Launcher {
  readonly name: string
  launch(): Promise<Launch>
  /** Removes the container and resolves when it is gone. */
  remove(containerId: string): Promise<void>
}

interface RawDockerOptions {
  readonly exampleId: string
  /** The host ports, used in turn. */
  readonly ports: PortRange
  readonly signal: AbortSignal
}

/** Launches through the orchestrator: `POST /provision/acestream` with acexy's empty body. */
export function provisioning(server: TestServer): Launcher {
  return {
    name: 'POST /provision/acestream',
    launch: async () => {
      const sentAt = now()
      const response = await server.post('/provision/acestream')
      const answer: { container_id: string; host_http_port: number } = await bodyOf(response)
      return { containerId: answer.container_id, port: answer.host_http_port, sentAt, answeredAt: now() }
    },
    remove: async (containerId) => {
      await bodyOf(await server.delete(`/containers/${containerId}`))
    },
  }
}

/**
 * Launches without the orchestrator: Docker's create and start by plain HTTP over its socket. The container is the same as
 * the example except for its name, its port and the label of the installation, so that the orchestrator does not take it for
 * its own.
 */
export async function rawDocker(
  docker: TestDocker,
  { exampleId, ports, signal }: RawDockerOptions,
): Promise<Launcher> {
  const bodyFor = await bodyLike(docker, exampleId)
  const post = dockerPost(docker, signal)
  let number = 0
  return {
    name: 'raw create and start',
    launch: async () => {
      const port = ports.first + (number % (ports.last - ports.first + 1))
      const body = bodyFor(port)
      const name = `acestream-${docker.label.value}-${++number}`
      const sentAt = now()
      const created = await post(`/containers/create?name=${name}`, body)
      const { Id: containerId }: { Id: string } = await bodyOf(created)
      const started = await post(`/containers/${containerId}/start`)
      if (started.status !== 204) throw new Error(`start: ${started.status} ${await started.text()}`)
      return { containerId, port, sentAt, answeredAt: now() }
    },
    remove: async (containerId) => {
      await docker.client.getContainer(containerId).remove({ force: true, v: true })
    },
  }
}

/** Makes the body of Docker's create call for a container like the example. The example's port is replaced everywhere. */
async function bodyLike(docker: TestDocker, exampleId: string): Promise<(port: number) => string> {
  const { Config, HostConfig } = await docker.client.getContainer(exampleId).inspect()
  const { label } = docker
  const text = JSON.stringify({
    Image: Config.Image,
    Env: Config.Env,
    Labels: { ...Config.Labels, [label.key]: label.value },
    ExposedPorts: Config.ExposedPorts,
    HostConfig: {
      PortBindings: HostConfig.PortBindings,
      RestartPolicy: HostConfig.RestartPolicy,
      LogConfig: HostConfig.LogConfig,
      NetworkMode: HostConfig.NetworkMode,
    },
  })
  const port = Config.Labels['host.http_port']
  if (port === undefined) throw new Error(`the container ${exampleId} does not name its port`)
  return (other) => text.replaceAll(port, String(other))
}

function dockerPost(docker: TestDocker, signal: AbortSignal) {
  const address = parseDockerHost(docker.dockerHost)
  const base = address.kind === 'unix' ? 'http://docker' : `http://${address.host}:${address.port}`
  const socket = address.kind === 'unix' ? { unix: address.path } : {}
  return (path: string, body?: string): Promise<Response> =>
    fetch(`${base}${path}`, {
      method: 'POST',
      signal,
      ...socket,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body }),
    })
}

/** Reads the JSON of a successful answer, without checking its shape. Throws with the body of any other answer. */
export async function bodyOf<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`)
  return response.json() as Promise<T>
}

/** The current time, comparable with the times of Docker's events and finer than `Date.now()`. */
const now = (): number => performance.timeOrigin + performance.now()
