import { setTimeout as delay } from 'node:timers/promises'
import { askDocker, type DockerClient } from './docker-connection.ts'
import { dockerWords, isDockers, isForbiddenByProxy, statusOf } from './docker-failures.ts'
import type { RegistryLogin } from './registry-logins.ts'
import {
  readCreated,
  readNodes,
  readOwnNode,
  readService,
  readServices,
  readTask,
  readTasks,
  readUpdated,
  type ServiceSpec,
  type SwarmNode,
  type SwarmService,
  type SwarmTask,
} from './swarm-answers.ts'
import { isUp } from './swarm-hosts.ts'
import { isHeld } from './swarm-tasks.ts'

/*
 * The calls about services, tasks and nodes. All of them throw what dockerode throws, or NotDockers.
 */

const filtered = (path: string, filters: Readonly<Record<string, readonly string[]>>) => ({
  path: `${path}?`,
  options: { filters: JSON.stringify(filters) },
})

export const serviceOf = async (
  docker: DockerClient,
  id: string,
  abortSignal: AbortSignal,
): Promise<SwarmService> => readService(await askDocker(docker, { path: `/services/${id}`, abortSignal }))

/** The services with this label (`key=value`). */
export const servicesWith = async (
  docker: DockerClient,
  label: string,
  abortSignal: AbortSignal,
): Promise<SwarmService[]> =>
  readServices(await askDocker(docker, { ...filtered('/services', { label: [label] }), abortSignal }))

/** The tasks of one service. */
export const tasksOf = async (
  docker: DockerClient,
  service: string,
  abortSignal: AbortSignal,
): Promise<SwarmTask[]> =>
  readTasks(await askDocker(docker, { ...filtered('/tasks', { service: [service] }), abortSignal }))

/** One task; null if it is gone. */
export async function taskOf(
  docker: DockerClient,
  id: string,
  abortSignal: AbortSignal,
): Promise<SwarmTask | null> {
  try {
    return readTask(await askDocker(docker, { path: `/tasks/${id}`, abortSignal }))
  } catch (error) {
    if (isDockers(error) && statusOf(error) === 404) return null
    throw error
  }
}

/** The tasks of all services that had this label (`key=value`) when the task was made. */
export const tasksWith = async (
  docker: DockerClient,
  label: string,
  abortSignal: AbortSignal,
): Promise<SwarmTask[]> =>
  readTasks(await askDocker(docker, { ...filtered('/tasks', { label: [label] }), abortSignal }))

export const nodesOf = async (docker: DockerClient, abortSignal: AbortSignal): Promise<SwarmNode[]> =>
  readNodes(await askDocker(docker, { path: '/nodes', abortSignal }))

/** The id of the node that we talk to; null if it is in no swarm, or if something in front of Docker forbids the question. */
export async function ownNodeOf(docker: DockerClient, abortSignal: AbortSignal): Promise<string | null> {
  try {
    return readOwnNode(await askDocker(docker, { path: '/info', abortSignal })).Swarm?.NodeID || null
  } catch (error) {
    if (isForbiddenByProxy(error)) return null
    throw error
  }
}

/** How long to wait between two looks at tasks that are to end. */
const LOOK_MS = 100

/** Waits until no task of a service has a container any more, but for those on nodes that are lost. */
export async function tasksEnded(docker: DockerClient, id: string, abortSignal: AbortSignal): Promise<void> {
  for (;;) {
    const [tasks, nodes] = await Promise.all([tasksOf(docker, id, abortSignal), nodesOf(docker, abortSignal)])
    if (!tasks.some((task) => isHeld(task) && isUp(nodes, task.NodeID ?? ''))) return
    await delay(LOOK_MS, undefined, { signal: abortSignal })
  }
}

/** Creates a service, and returns its id. */
export const createService = async (
  docker: DockerClient,
  { spec, login }: { readonly spec: ServiceSpec; readonly login: RegistryLogin | null },
  abortSignal: AbortSignal,
): Promise<string> =>
  readCreated(
    await askDocker(docker, {
      ...{ method: 'POST', path: '/services/create', options: { _query: {}, _body: spec }, abortSignal },
      ...(login && { authconfig: login }),
    }),
  ).ID

/** How often an update is tried that somebody else's update came before, and the rest between two tries. */
const UPDATE_TRIES = 5
const UPDATE_REST_MS = 20

/**
 * Changes a service, which is given as it was just read or by its id, as `change` says. It is read and `change` is asked again
 * if it was changed meanwhile. Does nothing if `change` returns null. Returns the service as it was before.
 */
export async function changeService(
  docker: DockerClient,
  given: SwarmService | string,
  change: (service: SwarmService) => ServiceSpec | null,
  abortSignal: AbortSignal,
): Promise<SwarmService> {
  const id = typeof given === 'string' ? given : given.ID
  for (let tries = 1; ; tries++) {
    const service =
      tries === 1 && typeof given !== 'string' ? given : await serviceOf(docker, id, abortSignal)
    const spec = change(service)
    if (spec === null) return service
    try {
      await updateService(docker, service, spec, abortSignal)
      return service
    } catch (error) {
      if (tries >= UPDATE_TRIES || !/update out of sequence/.test(dockerWords(error))) throw error
      await delay(UPDATE_REST_MS, undefined, { signal: abortSignal })
    }
  }
}

async function updateService(
  docker: DockerClient,
  { ID, Version }: SwarmService,
  spec: ServiceSpec,
  abortSignal: AbortSignal,
): Promise<void> {
  const options = { _query: { version: Version.Index }, _body: spec }
  readUpdated(
    await askDocker(docker, { method: 'POST', path: `/services/${ID}/update?`, options, abortSignal }),
  )
}

/** Removes a service; no error if it is gone already. Its tasks end afterwards. */
export async function removeService(
  docker: DockerClient,
  id: string,
  abortSignal: AbortSignal,
): Promise<void> {
  try {
    await askDocker(docker, { method: 'DELETE', path: `/services/${id}`, abortSignal })
  } catch (error) {
    if (!isNoService(error)) throw error
  }
}

/** Whether Docker says that there is no such service. */
export const isNoService = (error: unknown): boolean =>
  isDockers(error) && statusOf(error) === 404 && /service \S+ not found/.test(dockerWords(error))
