import type { DockerRight } from '../core/reporting/docker-rights.ts'
import type { ContainerState, EngineHost } from '../core/types.ts'

/**
 * The contract of a container engine. `docker.ts` implements it for Docker. The tests check an in-memory implementation with
 * the same suite.
 */

/** The ways in which a call of the runtime may fail. The implementation translates the errors of its library into these. */
export type RuntimeFailureCode =
  /** There is no container with that id. */
  | 'not_found'
  /** The network container does not exist or does not run. */
  | 'no_network_container'
  /** Another container has the name. */
  | 'conflict'
  /** The host refuses a published port, because another container or process has it. */
  | 'port_taken'
  /** The image is not on this host. No call but `pull` gets one. */
  | 'image_missing'
  /** The host that the container is bound to is not there, or takes no containers. */
  | 'no_host'
  /** The container's image or command cannot run here. No setting of the host changes that. */
  | 'unrunnable'
  /**
   * The container engine understood the call and refused it, because of a bad setting, of something that its host lacks or
   * forbids, or of an image that a registry does not give.
   */
  | 'refused'
  /**
   * There was no answer: the container engine does not run, forbids the connection or is frozen, or the deadline passed. In
   * a `pull` also: the container engine cannot reach the registry.
   */
  | 'unreachable'

/**
 * The number of characters of a failure's message. It is bounded because the message is stored as a reason, and the text of
 * a container engine may be long.
 */
const MESSAGE_MAX = 1_000

/**
 * A failure of a runtime call. For `unreachable`, `effect` says whether the call may have been carried out anyway: `none` if
 * no connection was made, `unknown` if the call was sent and no answer came.
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

/** A port of a container that is published on the host. */
export interface PublishedPort {
  readonly containerPort: number
  readonly hostPort: number
  readonly protocol: 'tcp' | 'udp'
}

/** A port that is to be published. */
export interface WantedPort extends PublishedPort {
  /** The host address for this port, in place of `publishAddress`; empty for all addresses. */
  readonly hostAddress?: string
}

/** Everything that is needed to create one container. Its processes cannot gain privileges (`no-new-privileges`). */
export interface ContainerSpec {
  readonly name: string
  readonly image: string
  readonly env: Readonly<Record<string, string>>
  /** Replaces the command of the image. */
  readonly command?: readonly string[]
  /** Includes the labels by which we recognise our own containers. */
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly WantedPort[]
  /** The host address that the ports are published on; empty for all addresses. */
  readonly publishAddress: string
  /** A user-defined network, `container:<name or id>`, or null for the container engine's default network. */
  readonly network: string | null
  /** The id of the host that the container is bound to. Only where there are several (`Hosts`), and necessary there. */
  readonly host?: string
  /** In bytes; null for no limit. */
  readonly memoryBytes: number | null
  /** The number of cores, fractions allowed; null for no limit. */
  readonly cpus: number | null
  /** The number of processes and threads at a time; no limit if missing. */
  readonly pidsLimit?: number
  /**
   * Capabilities to take from the container engine's default set (`ALL` for all of them), and capabilities to add; without
   * `CAP_`.
   */
  readonly capDrop?: readonly string[]
  readonly capAdd?: readonly string[]
  /** Whether a small init process is the first one in the container: it passes signals on and reaps zombies. */
  readonly init?: boolean
  /** `none` turns the image's own health check off. */
  readonly healthCheck?: 'image' | 'none'
  /** Volumes and folders of the host, as `source:target` or `source:target:options`. */
  readonly volumes?: readonly string[]
  /** Folders in memory: the path in the container, and the mount options (empty for none). */
  readonly tmpfs?: Readonly<Record<string, string>>
  /** The size of `/dev/shm` in bytes; the container engine's default (64 MB) if missing. */
  readonly shmBytes?: number
  /** Name servers. Not possible for a container that joins another's network. */
  readonly dns?: readonly string[]
  /** Further security options beside `no-new-privileges`, such as `seccomp=unconfined`. */
  readonly securityOpt?: readonly string[]
}

/** `starting` means that there is no verdict yet. */
export type Health = 'starting' | 'healthy' | 'unhealthy'

/** A container as an inspection or a list shows it. Times are epoch milliseconds; null if the container engine gave none. */
export interface ContainerObservation {
  readonly id: string
  /** The name without its leading slash. */
  readonly name: string
  readonly image: string
  /** The id of the image that the container was made from, whatever its name stands for now; null if none was given. */
  readonly imageId: string | null
  readonly state: ContainerState
  readonly labels: Readonly<Record<string, string>>
  /** Those of its variables that `FORWARDING_VARIABLES` names. From inspections only; empty in `list`. */
  readonly variables: Readonly<Record<string, string>>
  /** `inspect` gives the ports in every state; `list` gives them only while the container runs. */
  readonly ports: readonly PublishedPort[]
  /** Those of the host ports (TCP) that are published on all addresses of the host, in ascending order. */
  readonly openPorts: readonly number[]
  /** Those that are published on loopback addresses of the host and on no other, in ascending order. */
  readonly loopbackPorts: readonly number[]
  /** The first address on a network of its own; null if the container joins another's network namespace or does not run. */
  readonly address: string | null
  /** The addresses on all networks of its own, beginning with `address`: IPv4, then global IPv6 of networks without IPv4. */
  readonly addresses: readonly string[]
  /** The names of the networks that the container is attached to; empty for a joined network namespace. */
  readonly networks: readonly string[]
  /** The address of the gateway of each of these networks that has one, by its name. */
  readonly gateways: Readonly<Record<string, string>>
  /**
   * The network container, as the container engine names it: its id if it existed when this container was created, otherwise
   * the name that was asked for. Null for a container with networks of its own.
   */
  readonly joins: string | null
  /** The verdict of the health check; after an exit, the last one. Null without a health check, and in `list`. */
  readonly health: Health | null
  /**
   * The last output of the health check since the container's start: one line of at most 300 characters. Null if the
   * container is healthy, if there was no output, and in `list`.
   */
  readonly healthText: string | null
  /** The host that it is bound to; null where there is one host. */
  readonly host: EngineHost | null
  readonly createdAtMs: number
  /** From inspections only; null in `list`. */
  readonly startedAtMs: number | null
  /** From inspections only; null in `list`, and in every state but exited and dead. */
  readonly exitCode: number | null
  /**
   * How often the restart policy has started the container since it was last started by a call. From inspections only; null
   * in `list`.
   */
  readonly restarts: number | null
}

/** How many bytes a container's own networks have carried since its start. */
export interface Traffic {
  readonly receivedBytes: number
  readonly sentBytes: number
}

/** What a running container has used since its start, as the container engine counts it; null for what it does not count. */
export interface Usage {
  /** When this was counted, in epoch milliseconds of the container engine's clock. */
  readonly atMs: number
  /** Processor time on all cores together, in milliseconds. */
  readonly cpuMs: number | null
  /** What the container occupies now, without the part of the page cache that it would give back. */
  readonly memoryBytes: number | null
  /** What its networks have carried; those of the other container if it joins another's. */
  readonly network: Traffic | null
  /** What it has read from devices and written to them. */
  readonly blocks: { readonly readBytes: number; readonly writtenBytes: number } | null
}

/** How many bytes of a command's output are kept at most. */
export const OUTPUT_BYTES_MAX = 64 * 1024

/** The result of a command in a container. */
export interface CommandResult {
  /** 126 or 127 also if there is no such command; 137 if the command was killed, for example by the end of its container. */
  readonly exitCode: number
  /** The beginning of stdout and stderr together; if the command could not run, the reason. */
  readonly output: string
}

/**
 * An image on this host; where hosts get their images by themselves, also one that their registry has. Operating systems and
 * architectures have Go's names, such as `linux`, `amd64` and `arm64`.
 */
export interface ImageFacts {
  /** `sha256:…`; the same for every name of the image, and another one for every other content. */
  readonly id: string
  readonly os: string
  readonly architecture: string
  /** The kind of an architecture, such as `v7` of `arm`; null if the image does not say. */
  readonly variant: string | null
  /** 0 if only a registry has it. */
  readonly sizeBytes: number
}

/** The host of the container engine, in Go's names like those of an image. */
export interface HostFacts {
  readonly os: string
  readonly architecture: string
  /** The version of the container engine. */
  readonly version: string
}

/** One of several hosts of a container engine. */
export interface HostObservation extends EngineHost {
  /** Whether its agent answers the container engine. */
  readonly isUp: boolean
  /** Whether its operator lets it take further containers (`active`), keeps those that it has (`pause`), or wants it empty. */
  readonly availability: 'active' | 'pause' | 'drain'
  readonly role: 'manager' | 'worker'
  /** Whether the container engine that we talk to is this host's. */
  readonly isOurs: boolean
  readonly labels: Readonly<Record<string, string>>
  /** In Go's names, like those of an image; empty if it did not say. */
  readonly os: string
  readonly architecture: string
}

/**
 * How much of an image has come, as far as its layers are known: all numbers may still grow. A layer whose download has not
 * begun counts as a layer, and not in the bytes.
 */
export interface PullProgress {
  readonly currentBytes: number
  readonly totalBytes: number
  /** Layers that are here, those that were here before among them, and all layers. */
  readonly layersDone: number
  readonly layers: number
}

/** Which lines of a container's log are read. */
export interface LogPart {
  /** The number of lines that are read at most, the newest ones. */
  readonly lines: number
  /** Only lines from this time on, in epoch milliseconds of the container engine's clock; from the first one if missing. */
  readonly sinceMs?: number
  /**
   * Whether the time of each line is followed by its output, `stdout` or `stderr`, and a blank. Only lines with a time have
   * it, and those of a terminal, which is both, have none.
   */
  readonly isNamed?: boolean
}

/** How much of a container's log is read at most. */
export interface LogBounds extends LogPart {
  /** As UTF-8. */
  readonly bytes: number
  /** Whether each line begins with its time (RFC 3339, with nanoseconds, in UTC) and a blank. */
  readonly isTimed?: boolean
}

/** How many bytes of a line are kept at most where a log is followed. The rest of such a line is left out. */
export const LOG_LINE_BYTES_MAX = 8 * 1024

export interface LogHandlers {
  /** The log is read from here on. Called once, before any line. */
  readonly onOpen: () => void
  /**
   * Lines as they are written, without the newline, each with its time in front of it (see `LogBounds`). More are read only
   * when the promise has resolved, so a slow receiver holds the container engine up and fills no memory. It has to resolve
   * when the signal aborts.
   */
  readonly onLines: (lines: readonly string[]) => Promise<void>
}

/**
 * One change of one of our containers. The event is enough to hide an engine at once; an inspection then finds out the
 * actual state.
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
  /** The subscription stands: every later change is reported. Called once, before any event. */
  readonly onOpen: () => void
}

export interface WatchHandlers {
  /** The subscription stands: every later change is reported. Called once, before any change. */
  readonly onOpen: () => void
  /** Something about the container changed. An inspection has to find out what. */
  readonly onChange: () => void
}

/**
 * A container engine, seen through the label that names this installation. `list` and `events` report only containers with
 * that label. The other calls accept any container, so the caller checks the labels first.
 *
 * Every call has a deadline of its own, and fails with `RuntimeFailure('unreachable')` when it passes. An aborted `signal`
 * ends a call in the same way. No call retries.
 */
export interface Runtime {
  /**
   * Creates a container without starting it, and returns its id. Fails with conflict, image_missing, no_network_container,
   * refused or unreachable; where a port belongs to all hosts, also with port_taken.
   */
  create(spec: ContainerSpec, signal?: AbortSignal): Promise<string>
  /**
   * Starts a container; no error if it already runs. After `port_taken` the container remains, created and never started. A
   * network container that does not exist or does not run is reported here as `no_network_container`; a paused one is
   * accepted. Where there are several hosts, fails with `no_host`, too, and the container remains.
   */
  start(id: string, signal?: AbortSignal): Promise<void>
  /**
   * Asks the container to stop, and kills it after `graceSeconds` (added to the deadline). No error if it is already
   * stopped.
   */
  stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void>
  /** Kills and removes a container with its anonymous volumes; no error if it is already gone. Resolves when it is gone. */
  destroy(id: string, signal?: AbortSignal): Promise<void>
  /**
   * Removes a container that does not run, like `destroy`. If the container runs by then, is paused or is about to restart,
   * fails with `refused` and does nothing.
   */
  discard(id: string, signal?: AbortSignal): Promise<void>
  /** Looks a container up by its id, by an unambiguous beginning of the id, or by its name. */
  inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation>
  /**
   * The last lines that a container wrote to stdout and stderr since it was created, running or not, in the order in which
   * they were written. If they have too many bytes, the newest remain, from the start of a line if there is one. Terminal
   * sequences and control characters except newline and tab are left out; what is not UTF-8 is replaced. The values of
   * variables of the container whose names say that they are secret are masked. Fails with not_found, refused (the
   * container's log driver gives no log back) or unreachable.
   */
  logs(id: string, bounds: LogBounds, signal?: AbortSignal): Promise<string>
  /**
   * The same lines, and then every further one as it is written. Resolves when the container has ended, at once if it does
   * not run, and when `signal` aborts. Fails like `logs`, before `onOpen`; rejects with `unreachable` if the log breaks off
   * later. Has no deadline of its own from `onOpen` on.
   */
  followLog(id: string, part: LogPart, handlers: LogHandlers, signal: AbortSignal): Promise<void>
  /** Looks an image up by its name or id. Fails with image_missing or unreachable. */
  image(reference: string, signal?: AbortSignal): Promise<ImageFacts>
  /** Asks the container engine which platform it runs on. */
  host(signal?: AbortSignal): Promise<HostFacts>
  /** Lists all our containers in every state, including those that were never started. */
  list(signal?: AbortSignal): Promise<ContainerObservation[]>
  /**
   * Reports changes until the stream breaks or `signal` aborts. Resolves on abort, and rejects with `unreachable` if the
   * stream ended in any other way. Never reconnects: the caller closes a gap with a full pass.
   */
  events(handlers: EventHandlers, signal: AbortSignal): Promise<void>
  /**
   * Which calls something in front of the container engine forbids. Asks questions that change nothing, one for each right.
   * Fails with unreachable.
   */
  forbidden(signal?: AbortSignal): Promise<readonly DockerRight[]>
  /** Asks only whether the container engine answers; cheap, with a short deadline. */
  ping(signal?: AbortSignal): Promise<void>
  /** Null if commands cannot be run in containers. */
  readonly commands: Commands | null
  /** Null if nothing counts what containers use. */
  readonly meters: Meters | null
  /** Null if containers are only seen by their labels, not by their name or address, whoever made them. */
  readonly neighbours: Neighbours | null
  /** Null if the hosts get their images by themselves. */
  readonly registry: Registry | null
  /** Null if there is one host, which needs no name. */
  readonly hosts: Hosts | null
}

/*
 * What only some container engines can do. Whoever needs an ability asks whether it is there. The calls keep the rules of
 * `Runtime`: a deadline, a failure, no retry.
 */

/** A container engine on one host, which can do everything. */
export interface SingleHostRuntime extends Runtime {
  readonly commands: Commands
  readonly meters: Meters
  readonly neighbours: Neighbours
  readonly registry: Registry
  readonly hosts: null
}

/** Runs commands in containers. */
export interface Commands {
  /**
   * Runs a command once in a running container and waits for its end. The exit code tells if the command failed or does not
   * exist in the image. Fails with not_found, refused (the container does not run, or is paused) or unreachable. A command
   * that is given up runs on.
   */
  exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<CommandResult>
}

/** Counts what containers use. */
export interface Meters {
  /**
   * Reads the traffic counters. Null if there are none, because the container does not run or has no network of its own.
   * Takes one or two seconds on Docker.
   */
  traffic(id: string, signal?: AbortSignal): Promise<Traffic | null>
  /**
   * Counts what a container uses. Null if it does not run. Cheap for Docker, which may let the caller wait for the next tick
   * of its clock, for a second at most.
   */
  usage(id: string, signal?: AbortSignal): Promise<Usage | null>
}

/** Sees containers that are not ours. */
export interface Neighbours {
  /**
   * Finds the running container, ours or not, that has this address (IPv4 or global IPv6) on a network of its own, as `list`
   * shows it. Null if none has it, and if several have it, because then nobody can tell which one is meant.
   */
  containerAt(address: string, signal?: AbortSignal): Promise<ContainerObservation | null>
  /**
   * Reports that the container of this name (ours or not) was created, started, ended, paused or removed, was renamed to
   * this name, or has a new health verdict; later containers of that name too. Does not report that the container lost its
   * name by a renaming. Ends like `events`.
   */
  watch(name: string, handlers: WatchHandlers, signal: AbortSignal): Promise<void>
}

/** Gets images. */
export interface Registry {
  /**
   * Gets an image from its registry, or makes sure that the one on this host is the registry's; a name without tag and
   * digest means `latest`. `onProgress` (must not throw) is called at most a few times a second and once at the end, or
   * never if every layer is here. Has no deadline for the whole: only silence for too long is `unreachable`. Fails with
   * refused (the registry does not give the image, or there is no room for it) or unreachable (nor is the registry); the
   * message has the container engine's own words. A pull that is given up ends. Does not log in to registries.
   */
  pull(reference: string, onProgress: (progress: PullProgress) => void, signal?: AbortSignal): Promise<void>
}

/** Knows the hosts that containers can be put on. */
export interface Hosts {
  /** All hosts that belong to the container engine, in no fixed order. Fails with unreachable. */
  list(signal?: AbortSignal): Promise<HostObservation[]>
  /**
   * Reports that something about a host may have changed; `list` says what. Ends like `events`.
   */
  watch(handlers: WatchHandlers, signal: AbortSignal): Promise<void>
}
