import { randomBytes } from 'node:crypto'
import type { DockerRight } from '../core/reporting/docker-rights.ts'
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
    services: { method: 'GET', path: `/services/${none}` },
    tasks: { method: 'GET', path: `/tasks/${none}` },
    nodes: { method: 'GET', path: `/nodes/${none}` },
    service_create: { method: 'POST', path: '/services/create' },
    service_remove: { method: 'DELETE', path: `/services/${none}` },
    // The registry is asked nothing: nobody listens at this port.
    registries: { method: 'GET', path: '/distribution/127.0.0.1:1/none/json' },
    info: { method: 'GET', path: '/info' },
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

/** Those of the rights that something in front of Docker does not give. Throws what dockerode throws if there is no answer. */
export async function forbiddenRights(
  docker: DockerClient,
  rights: readonly DockerRight[],
  signal: AbortSignal,
): Promise<DockerRight[]> {
  const asked = rights.map(async (right) => [right, await isAllowed(docker, right, signal)] as const)
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
