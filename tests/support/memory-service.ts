import { FORWARDING_VARIABLES } from '../../src/core/vpn/gluetun-settings.ts'
import type { ContainerObservation, ContainerSpec, RuntimeFailure } from '../../src/runtime/runtime.ts'
import type { MemoryHost } from './memory-host.ts'

/** Why the newest task of a service does not run. */
interface Obstacle {
  readonly failure: RuntimeFailure
  /** Whether the scheduler puts it nowhere, and not the host rejects it. */
  readonly isUnplaced: boolean
  readonly sinceMs: number
}

/** A service of one task that is bound to a host. The container of its task has the service's id. */
export interface MemoryService {
  readonly id: string
  readonly spec: ContainerSpec
  /** Undefined for a host that is not in the swarm. */
  readonly host: MemoryHost | undefined
  readonly createdAtMs: number
  /** Whether it is scaled to one. */
  isWanted: boolean
  /** Whether it ever was, but for starts that failed. */
  wasStarted: boolean
  /** Whether its removal has begun. */
  isLeaving: boolean
  /** How often its task was put on the host since a call last scaled it to one. */
  placements: number
  /** The exit code of the last task that no call has stopped. Swarm removes the others. */
  exitCode: number | null
  /** Null if its newest task runs, or may run soon. */
  obstacle: Obstacle | null
  /** What the manager last saw of it before its host was lost. */
  lastSeen: ContainerObservation | null
  /** Counts the timers, so that only the newest one acts. */
  turn: number
}

/** A service that was never started. `number` decides its id. */
export function newService(
  number: number,
  made: Pick<MemoryService, 'spec' | 'host' | 'createdAtMs'>,
): MemoryService {
  return {
    ...made,
    id: serviceId(number),
    isWanted: false,
    wasStarted: false,
    isLeaving: false,
    placements: 0,
    exitCode: null,
    obstacle: null,
    lastSeen: null,
    turn: 0,
  }
}

/** The service as `inspect` shows it, as the adapter for Docker Swarm makes a container of it. */
export function observeService(service: MemoryService): ContainerObservation {
  const { id, spec, host, createdAtMs, lastSeen, placements } = service
  // Swarm wants the task on a host that it takes for down to end, so nobody tells when that was started.
  if (lastSeen !== null) return host?.isUp === false ? { ...lastSeen, startedAtMs: null } : lastSeen
  const task = host?.engine.specOf(id) === undefined ? null : host.engine.look(id)
  const state = stateOf(service)
  const openPorts = spec.ports.filter(({ protocol }) => protocol === 'tcp').map(({ hostPort }) => hostPort)
  const variables = Object.entries(spec.env).filter(([name]) => FORWARDING_VARIABLES.includes(name))
  return {
    ...{ id, name: spec.name, image: spec.image, imageId: null, state, labels: spec.labels },
    variables: Object.fromEntries(variables),
    ports: spec.ports.map(({ hostAddress: _, ...port }) => port),
    openPorts: openPorts.toSorted((a, b) => a - b),
    loopbackPorts: [],
    ...{ address: null, addresses: [], networks: [], gateways: {}, joins: null },
    ...{ health: null, healthText: null },
    host: placeOf(service),
    createdAtMs,
    startedAtMs: state === 'running' ? (task?.startedAtMs ?? null) : null,
    exitCode: state === 'exited' ? service.exitCode : null,
    restarts: state === 'created' ? 0 : Math.max(0, placements - 1),
  }
}

/** A task that its host has paused runs for Swarm. One that is to run and does not is about to, unless it is put nowhere. */
function stateOf({ id, host, isWanted, wasStarted, obstacle }: MemoryService): ContainerObservation['state'] {
  if (host?.runs(id) === true) return 'running'
  if (isWanted) return obstacle?.isUnplaced === true ? 'exited' : 'restarting'
  return wasStarted ? 'exited' : 'created'
}

function placeOf({ spec, host }: MemoryService): ContainerObservation['host'] {
  if (host !== undefined) return { id: host.facts.id, name: host.facts.name, address: host.facts.address }
  return spec.host === undefined ? null : { id: spec.host, name: spec.host, address: null }
}

/** An id as Swarm makes them: 25 letters and digits. */
function serviceId(number: number): string {
  const digest = new Bun.CryptoHasher('sha256').update(`service ${number}`).digest('hex')
  return BigInt(`0x${digest}`).toString(36).slice(0, 25)
}
