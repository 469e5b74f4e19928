/** The words of the domain, shared by every layer. Times are epoch milliseconds. */

/** Life of an engine; `gone` and `failed` are history. See `LIVE_STATUSES`. */
export type EngineStatus = 'provisioning' | 'starting' | 'ready' | 'draining' | 'gone' | 'failed'

/** The statuses that hold leases, count against `MAX_REPLICAS` and appear in `GET /engines?status=all`. */
export const LIVE_STATUSES = [
  'provisioning',
  'starting',
  'ready',
  'draining',
] as const satisfies EngineStatus[]

export type LiveStatus = (typeof LIVE_STATUSES)[number]

/** A host and port as they stand in a URL. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** The container's state as last seen, null until it was seen for the first time. `created` means created and never started. */
export type ContainerState = 'created' | 'running' | 'restarting' | 'paused' | 'exited' | 'removing' | 'dead'

/** Which of an engine's ports a lease holds. */
export type PortKind = 'http' | 'https' | 'api' | 'p2p'

/**
 * Why an engine drains. All but the last and `unhealthy` are our own policy, and a stream that arrives meanwhile keeps the engine.
 */
export type DrainCause = 'surplus' | 'scaled_down' | 'outdated' | 'unhealthy' | 'vpn_lost' | 'operator'

/**
 * How a container came to stand still: `exit` while the container engine was watched; `outage` when nobody saw it, as
 * through a daemon's end or a host's reboot.
 */
export type StopCause = 'exit' | 'outage'

/** What a caller asked for. Equal requests may share an unclaimed engine, so this is all that a request may vary. */
export interface EngineRequest {
  readonly image: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly hostPort: number | null
}

/** One managed engine: its row, as stored. */
export interface Engine {
  /** Random, never reused; the label `roundhouse.engine` of its container. */
  readonly id: string
  readonly status: EngineStatus
  /** Why it failed, is gone or drains; null otherwise. */
  readonly reason: string | null
  readonly name: string
  readonly containerId: string | null
  readonly image: string
  readonly request: EngineRequest
  readonly requestHash: string
  /** Hash of image, template and limits; a different one means that the engine is outdated. */
  readonly configHash: string
  /** Where its ports are unique: `host`, or a VPN node's name. */
  readonly scope: string
  readonly vpnNode: string | null
  /** Its peer-to-peer port is one that its node had forwarded to it; see `carriesForwardedPort`. */
  readonly forwarded: boolean
  /** Ports inside the container. */
  readonly httpPort: number
  readonly httpsPort: number
  readonly apiPort: number | null
  readonly p2pPort: number | null
  /** Ports published on the host. */
  readonly hostHttpPort: number
  readonly hostHttpsPort: number | null
  readonly labels: Readonly<Record<string, string>>
  readonly containerState: ContainerState | null
  /** The container whose network it has joined, by id, or by name where it was made before that; null for a network of its own. */
  readonly networkContainerId: string | null
  /** The container's address and networks as last seen. */
  readonly address: string | null
  readonly networks: readonly string[]
  readonly createdAt: number
  /** When the container was last seen to have started, by the container engine's clock. */
  readonly containerStartedAt: number | null
  /** Latest step to `ready`; null if it never was. */
  readonly readyAt: number | null
  /** When a caller got it. */
  readonly handedOutAt: number | null
  /** Set while its answer reached nobody; hidden until claimed or turned into a spare. */
  readonly unclaimedSince: number | null
  /** The only idempotency key that may claim it while it is unclaimed; null for any caller. */
  readonly claimKey: string | null
  /** Set when it was found without a row and taken over, until it is known that it has no viewer we don't know of. */
  readonly adoptedAt: number | null
  readonly removalRequestedAt: number | null
  readonly lastStreamAt: number | null
  /** The engine that it was started to replace; null for most. */
  readonly replaces: string | null
  readonly drainCause: DrainCause | null
  /** Since when it is hidden in order to be stopped; null when it does not drain. */
  readonly drainingSince: number | null
  /** Since when its container is known to stand still; null while it runs, or is paused or restarting. */
  readonly stoppedAt: number | null
  readonly stopCause: StopCause | null
  /** The container engine's count of restarts by its policy, as last seen. */
  readonly restartCount: number
  /** When those restarts were, as far as was seen, the newest last and no more than matter. */
  readonly restartsAt: readonly number[]
  readonly endedAt: number | null
  /** When a proxy last failed to start a stream on it. */
  readonly failedAttemptAt: number | null
  /** When its cache was last emptied, and how much was in it then; null when it never was. */
  readonly cacheCleanedAt: number | null
  readonly cacheSizeBytes: number | null
}

/** One stream in the books. `rowId` is our own key; `streamId` is the proxy's, which it may use again. */
export interface Stream {
  readonly rowId: number
  readonly streamId: string
  readonly engineId: string | null
  /** The engine's container at the time of the start; null without a match. */
  readonly containerId: string | null
  readonly keyType: string
  readonly key: string
  readonly playbackSessionId: string
  readonly statUrl: string
  readonly commandUrl: string
  readonly isLive: boolean
  readonly status: 'started' | 'ended'
  readonly startedAt: number
  readonly endedAt: number | null
  readonly endReason: string | null
}

/** What is known of the container engine. */
export type DockerState = 'unknown' | 'reachable' | 'unreachable'

/** Life is what `LIVE_STATUSES` says. */
export const isLive = (engine: Pick<Engine, 'status'>): boolean =>
  engine.status !== 'gone' && engine.status !== 'failed'

/** True when the container runs as far as we know; a paused one answers nobody. */
export const isRunning = (engine: Pick<Engine, 'containerState'>): boolean =>
  engine.containerState === 'running'

/** Whether it is asked how it is; before its container is known to run there is nothing to ask. */
export const isProbed = (engine: Engine): boolean => engine.status !== 'provisioning' && isRunning(engine)

/** True for a container that stands still and does not come back by itself. A dead one could not be removed. */
export const hasStopped = (state: ContainerState | null): boolean => state === 'exited' || state === 'dead'

/** Starts of one container are told apart by their time; before the first look it is not known. */
export const generationOf = (engine: Pick<Engine, 'containerStartedAt'>): number =>
  engine.containerStartedAt ?? 0
