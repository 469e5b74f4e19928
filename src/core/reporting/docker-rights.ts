/** The calls that a server makes to a Docker Engine, by what something in front of Docker may forbid. */
export const DOCKER_RIGHTS = [
  'ping',
  'containers',
  'create',
  'start',
  'remove',
  'images',
  'events',
  'exec',
] as const

/** The same for a manager of a swarm. */
export const SWARM_RIGHTS = [
  'ping',
  'services',
  'tasks',
  'nodes',
  'service_create',
  'service_remove',
  'images',
  'registries',
  'events',
  'info',
] as const

export type DockerRight = (typeof DOCKER_RIGHTS)[number] | (typeof SWARM_RIGHTS)[number]

/** What a call needs of a proxy in front of Docker's socket. */
export interface DockerNeed {
  readonly what: string
  /** How the usual socket proxies call it. */
  readonly setting: string
  /** What is missing without it; null if no engine can be run. */
  readonly loss: string | null
}

export const DOCKER_NEEDS: Readonly<Record<DockerRight, DockerNeed>> = {
  ping: { what: 'GET /_ping', setting: 'PING=1', loss: null },
  containers: { what: 'GET /containers', setting: 'CONTAINERS=1', loss: null },
  create: { what: 'POST /containers/create', setting: 'CONTAINERS=1 POST=1', loss: null },
  start: { what: 'POST /containers/{id}/start', setting: 'CONTAINERS=1 POST=1', loss: null },
  remove: { what: 'DELETE /containers/{id}', setting: 'CONTAINERS=1 POST=1', loss: null },
  images: { what: 'GET /images', setting: 'IMAGES=1', loss: 'a missing or new image is not noticed' },
  services: { what: 'GET /services', setting: 'SERVICES=1', loss: null },
  tasks: { what: 'GET /tasks', setting: 'TASKS=1', loss: null },
  nodes: { what: 'GET /nodes', setting: 'NODES=1', loss: null },
  service_create: { what: 'POST /services', setting: 'SERVICES=1 POST=1', loss: null },
  service_remove: { what: 'DELETE /services/{id}', setting: 'SERVICES=1 POST=1', loss: null },
  registries: {
    what: 'GET /distribution',
    setting: 'DISTRIBUTION=1',
    loss: 'an image that only its registry has is not checked before engines start',
  },
  info: { what: 'GET /info', setting: 'INFO=1', loss: 'the host of this server is not known' },
  events: {
    what: 'GET /events',
    setting: 'EVENTS=1',
    loss: 'engines that end are noticed only by the next full pass',
  },
  exec: {
    what: 'POST /exec',
    setting: 'EXEC=1 POST=1',
    loss: 'caches are not emptied, and viewers that nobody reported are found by traffic alone',
  },
}

/** The settings of several needs, each once. */
export const settingsOf = (needs: readonly Pick<DockerNeed, 'setting'>[]): string =>
  [...new Set(needs.flatMap(({ setting }) => setting.split(' ')))].join(' ')

/** Why no engine can be run without these rights, and what to do, as one sentence; null if they are not needed for that. */
export function vitalLoss(address: string, forbidden: readonly DockerRight[]): string | null {
  const vital = forbidden.map((right) => DOCKER_NEEDS[right]).filter(({ loss }) => loss === null)
  if (vital.length === 0) return null
  const calls = vital.map(({ what }) => what).join(', ')
  return `What answers at ${address} forbids ${calls}: allow it there (${settingsOf(vital)}).`
}

/** What is missing without these rights, and what to do; null without any. */
export function rightsWarning(
  address: string,
  forbidden: readonly DockerRight[],
): { readonly message: string; readonly remedy: string } | null {
  const needs = forbidden.map((right) => DOCKER_NEEDS[right])
  if (needs.length === 0) return null
  const calls = needs.map(({ what }) => what).join(', ')
  const losses = needs.some(({ loss }) => loss === null)
    ? 'no engine can be run'
    : needs.map(({ loss }) => loss).join('; ')
  return {
    message: `What answers at ${address} forbids ${calls}: ${losses}.`,
    remedy: `Allow it in the proxy in front of Docker: ${settingsOf(needs)}.`,
  }
}
