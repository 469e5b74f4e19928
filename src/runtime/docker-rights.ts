import { randomBytes } from 'node:crypto'
import { DOCKER_RIGHTS, type DockerRight } from '../core/reporting/docker-rights.ts'
import { askDocker, type DockerClient } from './docker-connection.ts'
import { isDockers, isForbidden, statusOf } from './docker-failures.ts'

interface Probe {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly options?: Readonly<Record<string, string | number>>
}

/**
 * Questions that need the same right as the calls of a server, and change nothing: `none` is the id of no container, and a
 * creation without a body is refused.
 */
function probeOf(right: DockerRight): Probe {
  const none = randomBytes(32).toString('hex')
  const probes: Readonly<Record<DockerRight, Probe>> = {
    ping: { method: 'GET', path: '/_ping' },
    containers: { method: 'GET', path: '/containers/json?', options: { limit: 1 } },
    create: { method: 'POST', path: '/containers/create' },
    start: { method: 'POST', path: `/containers/${none}/start` },
    remove: { method: 'DELETE', path: `/containers/${none}` },
    exec: { method: 'POST', path: `/exec/${none}/start` },
    events: { method: 'GET', path: '/events?', options: { since: 1, until: 1 } },
    images: { method: 'GET', path: `/images/${none}/json` },
  }
  return probes[right]
}

/** Whether a call is allowed; null if the answer does not say. Throws what dockerode throws if there is no answer. */
export function isAllowed(
  docker: DockerClient,
  right: DockerRight,
  abortSignal: AbortSignal,
): Promise<boolean | null> {
  return askDocker(docker, { ...probeOf(right), abortSignal }).then(() => true, allowanceIn)
}

/** The rights that something in front of Docker does not give. Throws what dockerode throws if there is no answer. */
export async function forbiddenRights(docker: DockerClient, signal: AbortSignal): Promise<DockerRight[]> {
  const asked = DOCKER_RIGHTS.map(async (right) => [right, await isAllowed(docker, right, signal)] as const)
  return (await Promise.all(asked)).flatMap(([right, allowed]) => (allowed === false ? [right] : []))
}

/** Docker may refuse an allowed call for its content. */
function allowanceIn(error: unknown): boolean | null {
  const status = statusOf(error)
  if (status === null) throw error
  if (isForbidden(status)) return false
  if (isDockers(error)) return true
  return status === 404 ? false : null
}
