import type { ContainerState } from '../core/types.ts'

/**
 * The contract of a container engine. `docker.ts` is the real one; the tests hold an in-memory one to the
 * same suite.
 */

/**
 * What a call of the runtime may fail with; the meaning is translated where the library's errors are known.
 */
export type RuntimeFailureCode =
  /** No container of that id. */
  | 'not_found'
  /** The container whose network is to be joined does not exist or does not run. */
  | 'no_network_container'
  /** The name is taken by another container. */
  | 'conflict'
  /** The host refuses a published port: another container or process has it. */
  | 'port_taken'
  /** The image is not on this host. Nothing is ever pulled by these calls. */
  | 'image_missing'
  /** The container engine understood and refused: a bad setting, a command that cannot run. */
  | 'refused'
  /** No answer: not running, not permitted to connect, frozen, or the deadline passed. */
  | 'unreachable'

/** Characters of a failure's message: it is kept as the reason of what it ended, and a container engine may say at length. */
const MESSAGE_MAX = 1_000

/**
 * A failure of a runtime call. For `unreachable`, `effect` says whether the call may have been carried out
 * all the same: `none` when the connection was never made, `unknown` when the question was sent and no answer
 * came.
 */
export class RuntimeFailure extends Error {
  override readonly name = 'RuntimeFailure'

  constructor(
    readonly code: RuntimeFailureCode,
    message: string,
    readonly options: { readonly effect?: 'none' | 'unknown'; readonly cause?: unknown } = {},
  ) {
    super(message.slice(0, MESSAGE_MAX).toWellFormed(), { cause: options.cause })
  }

  get effect(): 'none' | 'unknown' {
    return this.options.effect ?? 'none'
  }
}

/** A port of a container published on the host. */
export interface PublishedPort {
  readonly containerPort: number
  readonly hostPort: number
  readonly protocol: 'tcp' | 'udp'
}

/** Everything needed to create one container. None of its processes can gain privileges (`no-new-privileges`). */
export interface ContainerSpec {
  readonly name: string
  readonly image: string
  readonly env: Readonly<Record<string, string>>
  /** Replaces the image's command where given. */
  readonly command?: readonly string[]
  /** Includes the labels by which we know our own. */
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly PublishedPort[]
  /** Host address that the ports are published on; empty for all addresses. */
  readonly publishAddress: string
  /** A user-defined network, `container:<name or id>`, or null for the engine's default network. */
  readonly network: string | null
  /** Bytes; null for no limit. */
  readonly memoryBytes: number | null
  /** Cores, fractions allowed; null for no limit. */
  readonly cpus: number | null
  /** Most processes and threads at a time; no limit without it. */
  readonly pidsLimit?: number
  /** Capabilities taken from what the container engine gives by itself (`ALL`: all of them), and given beside; without `CAP_`. */
  readonly capDrop?: readonly string[]
  readonly capAdd?: readonly string[]
}

/** `starting`: no verdict yet. */
export type Health = 'starting' | 'healthy' | 'unhealthy'

/** A container as it was seen. Times are epoch milliseconds; null where the container engine gave none. */
export interface ContainerObservation {
  readonly id: string
  /** Without the leading slash. */
  readonly name: string
  readonly image: string
  readonly state: ContainerState
  readonly labels: Readonly<Record<string, string>>
  /** From inspect in every state; in `list` only while it runs, and empty for other states. */
  readonly ports: readonly PublishedPort[]
  /** First address on a network of its own; null when it joins another's namespace, or does not run. */
  readonly address: string | null
  /** Its IPv4 addresses on all networks of its own, `address` first. */
  readonly addresses: readonly string[]
  /** The names of the networks it is attached to; empty for a joined namespace. */
  readonly networks: readonly string[]
  /**
   * The container whose network it uses, as the container engine names it: the id of one that existed when it was created,
   * else the name that was asked for. Null for one with networks of its own.
   */
  readonly joins: string | null
  /** The verdict of its health check, the last one also when it does not run. Null when it has none, and in `list`. */
  readonly health: Health | null
  /**
   * What its health check said last since its start: one line of at most 300 characters. Null when it is healthy or said
   * nothing, and in `list`.
   */
  readonly healthText: string | null
  readonly createdAtMs: number
  /** From inspect only: null in `list`. */
  readonly startedAtMs: number | null
  /** From inspect only: null in `list`, and in every state but exited and dead. */
  readonly exitCode: number | null
  /** How often its restart policy has started it since somebody last did. From inspect only: null in `list`. */
  readonly restarts: number | null
}

/** What a container's own networks have carried since its start, in bytes. */
export interface Traffic {
  readonly receivedBytes: number
  readonly sentBytes: number
}

/** Most of a command's output that is kept, in bytes. */
export const OUTPUT_BYTES_MAX = 64 * 1024

/** What came of a command in a container. */
export interface CommandResult {
  /** 126 or 127 also where there is no such command; 137 where it was killed, as by the end of its container. */
  readonly exitCode: number
  /** The beginning of what it wrote to both its outputs; where it could not run, why. */
  readonly output: string
}

/**
 * One change of a container of ours. Carries enough to hide an engine at once; the truth is looked up
 * afterwards.
 */
export interface ContainerEvent {
  readonly action: 'create' | 'start' | 'die' | 'destroy' | 'pause' | 'unpause'
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly atMs: number
}

export interface EventHandlers {
  readonly onEvent: (event: ContainerEvent) => void
  /** The subscription stands: every change from now on is told. Called once, before any event. */
  readonly onOpen: () => void
}

export interface WatchHandlers {
  /** The subscription stands: every change from now on is told. Called once, before any change. */
  readonly onOpen: () => void
  /** Something about the container changed; what, an inspection has to say. */
  readonly onChange: () => void
}

/**
 * A container engine, seen through the label that names this installation. `list` and `events` tell only of
 * containers that carry it; `watch`, `inspect` and the verbs take any, so the caller checks the labels first.
 *
 * Every call has a deadline of its own and ends with `RuntimeFailure('unreachable')` when it passes; an
 * aborted `signal` ends it the same way. No call retries.
 */
export interface Runtime {
  /** Creates without starting; gives the id. Fails with conflict, image_missing, no_network_container, refused, unreachable. */
  create(spec: ContainerSpec, signal?: AbortSignal): Promise<string>
  /**
   * Starts; no error when it runs already. After `port_taken` the container remains, created and never
   * started. A network container (the one whose namespace is joined) that does not exist or does not run shows here, as `no_network_container`; one that
   * is paused will do.
   */
  start(id: string, signal?: AbortSignal): Promise<void>
  /**
   * Asks to stop, kills after `graceSeconds` (on top of the deadline); no error when it is stopped already.
   */
  stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void>
  /**
   * Kills and removes with its anonymous volumes; no error when it is gone already. Resolves once it is gone.
   */
  destroy(id: string, signal?: AbortSignal): Promise<void>
  /**
   * Like `destroy` for what does not run: where it does by now, or is paused or about to restart, it fails with `refused` and
   * nothing is done.
   */
  discard(id: string, signal?: AbortSignal): Promise<void>
  /** By id, by an unambiguous beginning of it, or by name. */
  inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation>
  /** Null where there are no counters: it does not run, or has no network of its own. Takes a second or two on Docker. */
  traffic(id: string, signal?: AbortSignal): Promise<Traffic | null>
  /**
   * Runs a command once in a container that runs, and waits for its end. That it fails, or that the image has no such
   * command, is in the exit code. Fails with not_found, refused (the container does not run, or is paused), unreachable;
   * a command that is given up runs on.
   */
  exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<CommandResult>
  /** All of ours in every state, never started ones too. */
  list(signal?: AbortSignal): Promise<ContainerObservation[]>
  /**
   * Tells of changes until the stream breaks or `signal` aborts: resolves on abort, rejects with
   * `unreachable` when the stream ended otherwise. Never reconnects: a gap is the caller's to close, by a
   * full look.
   */
  events(handlers: EventHandlers, signal: AbortSignal): Promise<void>
  /**
   * Tells that the container of this name, whoever made it, was created, started, ended, paused or removed, got the name, or
   * that the verdict of its health check changed; also of later containers of that name. That it lost its name by a new one
   * is not told. Ends like `events`.
   */
  watch(name: string, handlers: WatchHandlers, signal: AbortSignal): Promise<void>
  /** A cheap question that only asks whether the engine answers; short deadline. */
  ping(signal?: AbortSignal): Promise<void>
}
