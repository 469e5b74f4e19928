import { parseDockerHost } from '../../src/runtime/docker-connection.ts'
import type { TestDocker } from '../../tests/support/docker.ts'
import type { PortRange } from '../../tests/support/ports.ts'
import type { TestServer } from '../../tests/support/server.ts'

/** A container that was started, and when: epoch milliseconds, with fractions. */
export interface Launch {
  readonly containerId: string
  /** The port of the host on which it answers. */
  readonly port: number
  readonly sentAt: number
  readonly answeredAt: number
}

/** One of the two ways to a running container that are compared. */
export interface Launcher {
  readonly name: string
  launch(): Promise<Launch>
  /** Removes the container and resolves when it is gone. */
  remove(containerId: string): Promise<void>
}

interface RawDockerOptions {
  readonly exampleId: string
  /** Used in turn. */
  readonly ports: PortRange
  readonly signal: AbortSignal
}

/** Through the orchestrator: `POST /provision/acestream` with acexy's empty body. */
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
 * Past the orchestrator: Docker's create and start over its socket by plain HTTP, of the same container as the example
 * but for name, port and the label of the installation, so that the orchestrator does not take it for its own.
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

/** The body of Docker's create call for a container like the example, with another port in all places that name it. */
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

/** The JSON of a good answer, taken to have the shape that the caller expects; throws with the words of any other. */
export async function bodyOf<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`)
  return response.json() as Promise<T>
}

/** Comparable with the times of Docker's events, and finer than `Date.now()`. */
const now = (): number => performance.timeOrigin + performance.now()
