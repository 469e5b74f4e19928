import type { ContainerState } from '../../src/core/types.ts'
import type {
  CommandResult,
  ContainerObservation,
  ContainerSpec,
  Health,
  PublishedPort,
  Traffic,
} from '../../src/runtime/runtime.ts'

/** How the process of a container behaves. */
export interface Program {
  readonly onTerm: 'ends' | 'ignores'
  /** Ends by itself that long after its start; null: runs until it is stopped. */
  readonly endsByItself: { readonly afterMs: number; readonly exitCode: number } | null
  /** The container engine cannot run it, in these words; null: it can. */
  readonly refusal: string | null
}

/** A program that runs until it is asked to end. */
export const WAITING: Program = { onTerm: 'ends', endsByItself: null, refusal: null }

/** What a command in a container comes to; null: it runs until its container ends. */
export type Command = CommandResult | null

/** What the in-memory container engine keeps of one container. */
export interface MemoryContainer {
  readonly id: string
  /** With the name that it has now. */
  spec: ContainerSpec
  /** `container:` with the id of the network container where it existed at creation, else as in the specification. */
  readonly network: string
  readonly program: Program
  readonly createdAtMs: number
  state: ContainerState
  startedAtMs: number | null
  exitCode: number | null
  /** Null when it does not run, and when its network is not its own. */
  address: string | null
  /** What its health check says; null when it has none. */
  health: Health | null
  healthText: string | null
  /** What came and went since its start. */
  traffic: Traffic
  /** Told when its process ends. */
  readonly onEnd: Set<() => void>
  /** Somebody stopped or killed it: the restart policy leaves it alone until somebody starts it. */
  isStoppedByHand: boolean
  /** How often the restart policy has brought it back since somebody or a new engine started it. */
  restarts: number
  /** How long the policy last waited before it did; 0 before the first time. */
  restartWaitMs: number
  /** Counts the changes of state, so that what was to happen later sees that it is out of date. */
  turn: number
}

/** The exit code of a process that was killed. */
export const KILLED = 137
export const NO_TRAFFIC: Traffic = { receivedBytes: 0, sentBytes: 0 }

const JOINED = 'container:'

/** The container whose network it joins, as it was named; null for one with a network of its own. */
export function donorOf(network: string | null): string | null {
  return network?.startsWith(JOINED) ? network.slice(JOINED.length) : null
}

/** The network of one that joins that of this container. */
export function joinedTo(id: string): string {
  return JOINED + id
}

/** Whether its process is there, be it paused. */
export function hasProcess({ state }: MemoryContainer): boolean {
  return state === 'running' || state === 'paused'
}

export function portKey({ protocol, hostPort }: Pick<PublishedPort, 'protocol' | 'hostPort'>): string {
  return `${protocol}:${hostPort}`
}

/** As Docker waits: 100 ms, doubled each time up to a minute, and anew for one that ran for ten seconds. */
export function nextRestartWaitMs(
  { restartWaitMs, startedAtMs }: Pick<MemoryContainer, 'restartWaitMs' | 'startedAtMs'>,
  nowMs: number,
): number {
  const isAnew = restartWaitMs === 0 || nowMs - (startedAtMs ?? nowMs) >= 10_000
  return isAnew ? 100 : Math.min(restartWaitMs * 2, 60_000)
}

/** What `inspect` sees of it. */
export function observe(container: MemoryContainer): ContainerObservation {
  const { id, spec, state, network, address, health, createdAtMs, startedAtMs, restarts } = container
  const joins = donorOf(network)
  return {
    id,
    name: spec.name,
    image: spec.image,
    state,
    labels: spec.labels,
    ports: spec.ports,
    address,
    addresses: address === null ? [] : [address],
    networks: joins === null ? [network] : [],
    joins,
    // As Docker has it of one that is paused.
    health: health !== null && state === 'paused' ? 'unhealthy' : health,
    healthText: health === 'healthy' ? null : container.healthText,
    createdAtMs,
    startedAtMs,
    exitCode: state === 'exited' ? container.exitCode : null,
    restarts,
  }
}
