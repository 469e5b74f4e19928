import { isEverywhere, isLoopbackAddress } from '../../src/core/host-port.ts'
import type { ContainerState } from '../../src/core/types.ts'
import { FORWARDING_VARIABLES } from '../../src/core/vpn/gluetun-settings.ts'
import type {
  CommandResult,
  ContainerObservation,
  ContainerSpec,
  Health,
  PublishedPort,
  Traffic,
  Usage,
} from '../../src/runtime/runtime.ts'
import type { MemoryLog, Output } from './memory-log.ts'

/** How the process of a container behaves. */
export interface Program {
  readonly onTerm: 'ends' | 'ignores'
  /** When and how the process ends by itself, from its start; null if it runs until it is stopped. */
  readonly endsByItself: { readonly afterMs: number; readonly exitCode: number } | null
  /** Why the container engine cannot run the process; null if it can. */
  readonly refusal: string | null
  /** What the process writes at its start; nothing if missing. */
  readonly says?: Readonly<Partial<Record<Output, string>>>
}

/** A program that runs until it is asked to end. */
export const WAITING: Program = { onTerm: 'ends', endsByItself: null, refusal: null }

/** The result of a command in a container; null if the command runs until its container ends. */
export type Command = CommandResult | null

/** The in-memory container engine's data about one container. */
export interface MemoryContainer {
  readonly id: string
  /** The specification, with the container's current name. */
  spec: ContainerSpec
  /** `container:` with the id of the network container if that existed at creation, otherwise as in the specification. */
  readonly network: string
  readonly program: Program
  readonly imageId: string
  readonly createdAtMs: number
  state: ContainerState
  startedAtMs: number | null
  exitCode: number | null
  /** Null if the container does not run, or joins another's network. */
  address: string | null
  /** The verdict of the health check; null without one. */
  health: Health | null
  healthText: string | null
  /** The bytes received and sent since the container's start. */
  traffic: Traffic
  /** What it has used since its start, beside the network. */
  used: Used
  /** What the container's processes wrote, of all its starts. */
  readonly log: MemoryLog
  /** Called when the container's process ends. */
  readonly onEnd: Set<() => void>
  /** True if the container was stopped or killed by a call. The restart policy leaves it alone until a call starts it. */
  isStoppedByHand: boolean
  /** How often the restart policy has restarted the container since a call, or the engine's own start, started it. */
  restarts: number
  /** How long the policy last waited before a restart; 0 before the first one. */
  restartWaitMs: number
  /** Counts changes of state, so that a delayed action notices that it is out of date. */
  turn: number
}

/** The exit code of a process that was killed. */
export const KILLED = 137
/** What a container uses that a test can set. */
export type Used = Pick<Usage, 'cpuMs' | 'memoryBytes' | 'blocks'>

export const NO_USE: Used = { cpuMs: 0, memoryBytes: 1_000_000, blocks: null }
export const NO_TRAFFIC: Traffic = { receivedBytes: 0, sentBytes: 0 }

const JOINED = 'container:'

/** The gateway of every network in memory. */
export const GATEWAY = '172.17.0.1'

/** The network container as the network's text names it; null for a network of its own. */
export function networkContainerOf(network: string | null): string | null {
  return network?.startsWith(JOINED) ? network.slice(JOINED.length) : null
}

/** The network of a container that joins that of this container. */
export function joinedTo(id: string): string {
  return JOINED + id
}

/** Whether the container has a process, even a paused one. */
export function hasProcess({ state }: MemoryContainer): boolean {
  return state === 'running' || state === 'paused'
}

export function portKey({ protocol, hostPort }: Pick<PublishedPort, 'protocol' | 'hostPort'>): string {
  return `${protocol}:${hostPort}`
}

/**
 * How long the restart policy waits next, as in Docker: 100 ms, doubled each time up to a minute, and 100 ms again for a
 * container that ran for ten seconds.
 */
export function nextRestartWaitMs(
  { restartWaitMs, startedAtMs }: Pick<MemoryContainer, 'restartWaitMs' | 'startedAtMs'>,
  nowMs: number,
): number {
  const isAnew = restartWaitMs === 0 || nowMs - (startedAtMs ?? nowMs) >= 10_000
  return isAnew ? 100 : Math.min(restartWaitMs * 2, 60_000)
}

const portsAt = (
  { ports, publishAddress }: ContainerSpec,
  isMeant: (address: string) => boolean,
): readonly number[] =>
  ports
    .filter(({ protocol }) => protocol === 'tcp')
    .filter(({ hostAddress = publishAddress }) => isMeant(hostAddress))
    .map(({ hostPort }) => hostPort)
    .toSorted((a, b) => a - b)

/** The container as `inspect` shows it. */
export function observe(container: MemoryContainer): ContainerObservation {
  const { id, spec, state, network, address, health, createdAtMs, startedAtMs, restarts } = container
  const joins = networkContainerOf(network)
  return {
    id,
    name: spec.name,
    image: spec.image,
    imageId: container.imageId,
    state,
    labels: spec.labels,
    variables: Object.fromEntries(
      Object.entries(spec.env).filter(([variable]) => FORWARDING_VARIABLES.includes(variable)),
    ),
    ports: spec.ports.map(({ hostAddress: _, ...port }) => port),
    openPorts: portsAt(spec, isEverywhere),
    loopbackPorts: portsAt(spec, isLoopbackAddress),
    address,
    addresses: address === null ? [] : [address],
    networks: joins === null ? [network] : [],
    gateways: joins === null && address !== null ? { [network]: GATEWAY } : {},
    joins,
    // As in Docker, a paused container with a health check is unhealthy.
    health: health !== null && state === 'paused' ? 'unhealthy' : health,
    healthText: health === 'healthy' ? null : container.healthText,
    host: null,
    createdAtMs,
    startedAtMs,
    exitCode: state === 'exited' ? container.exitCode : null,
    restarts,
  }
}

/** Removes what a list does not show, as with Docker. */
export function asListed(container: ContainerObservation): ContainerObservation {
  const hasPorts = container.state === 'running' || container.state === 'paused'
  return {
    ...container,
    ...(hasPorts ? {} : { ports: [], openPorts: [], loopbackPorts: [] }),
    variables: {},
    health: null,
    healthText: null,
    startedAtMs: null,
    exitCode: null,
    restarts: null,
  }
}
