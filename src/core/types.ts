/** The types of the domain, shared by every layer. Times are epoch milliseconds. */

/** The status of an engine; `gone` and `failed` are history. See `LIVE_STATUSES`. */
export type EngineStatus = 'provisioning' | 'starting' | 'ready' | 'draining' | 'gone' | 'failed'

/** The statuses that hold leases, count against `MAX_REPLICAS` and appear in `GET /engines?status=all`. */
export const LIVE_STATUSES = [
  'provisioning',
  'starting',
  'ready',
  'draining',
] as const satisfies EngineStatus[]

export type LiveStatus = (typeof LIVE_STATUSES)[number]

/** A host and port as in a URL. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** One of several hosts that containers run on. */
export interface EngineHost {
  /** The container engine's id for it, which no other host ever has. */
  readonly id: string
  /** Its hostname, which may be that of another host as well. */
  readonly name: string
  /** The address under which other hosts reach it; null if the container engine gave none. */
  readonly address: string | null
}

/** The container's state at the last look; null before the first look. `created` means created and never started. */
export type ContainerState = 'created' | 'running' | 'restarting' | 'paused' | 'exited' | 'removing' | 'dead'

/** Which of an engine's ports a lease holds. */
export type PortKind = 'http' | 'https' | 'api' | 'p2p'

/**
 * Why an engine drains. `operator` is an order, `unhealthy` and `plays_nothing` are the engine's own fault, and the other
 * causes are our policy. A stream that arrives meanwhile puts the engine back into service, unless the cause is `operator`
 * or the engine is unhealthy.
 */
export type DrainCause =
  | 'surplus'
  | 'scaled_down'
  | 'outdated'
  | 'unhealthy'
  | 'plays_nothing'
  | 'vpn_lost'
  | 'operator'

/**
 * How a container stopped: `exit` if a `die` event arrived and the event stream was not interrupted since; `outage` if
 * nobody saw the stop, for example because the daemon ended or the host rebooted.
 */
export type StopCause = 'exit' | 'outage'

/**
 * What a caller requested. Equal requests may share an unclaimed engine, so requests differ in nothing but these members.
 */
export interface EngineRequest {
  readonly image: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly hostPort: number | null
}

/** One managed engine: its stored row. */
export interface Engine {
  /** A random id that is never reused; it is the value of the container's label `roundhouse.engine`. */
  readonly id: string
  readonly status: EngineStatus
  /** Why the engine failed, is gone or drains; null otherwise. */
  readonly reason: string | null
  readonly name: string
  readonly containerId: string | null
  readonly image: string
  /** The id of the image that the container was made from, which its name may have led to then; null before the first look. */
  readonly imageId: string | null
  readonly request: EngineRequest
  readonly requestHash: string
  /** A hash of image, template and limits. An engine whose hash differs from that of new engines is outdated. */
  readonly configHash: string
  /** The scope in which the engine's ports are unique: `host`, the name of a VPN node, or the id of one of several hosts. */
  readonly scope: string
  readonly vpnNode: string | null
  /** The host that the engine was put on; null on a container engine with one host. */
  readonly host: EngineHost | null
  /**
   * Whether the peer-to-peer port is one that was forwarded to the node when the engine got it; see `carriesForwardedPort`.
   */
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
  /**
   * The network container whose network the engine has joined: its id, or its name if the engine was created before it. Null
   * for an engine with its own network.
   */
  readonly networkContainerId: string | null
  /** The container's address and networks at the last look. */
  readonly address: string | null
  readonly networks: readonly string[]
  readonly createdAt: number
  /** When the container was last started, as observed, by the clock of the container engine. */
  readonly containerStartedAt: number | null
  /** When the engine last became `ready`; null if it never did. */
  readonly readyAt: number | null
  /** When a caller received the engine. */
  readonly handedOutAt: number | null
  /**
   * Since when the engine is unclaimed, because its answer reached no caller. It is hidden until it is claimed or becomes a
   * spare.
   */
  readonly unclaimedSince: number | null
  /** The only idempotency key that may claim the engine while it is unclaimed; null if any caller may. */
  readonly claimKey: string | null
  /** Started for viewers that proxies were about to send to the other free engines, and not used since. */
  readonly startedAhead: boolean
  /** Set when the engine is adopted (it was found without a row), and cleared when it is known to have no unknown viewer. */
  readonly adoptedAt: number | null
  readonly removalRequestedAt: number | null
  readonly lastStreamAt: number | null
  /** The id of the engine that this one was started to replace; null for most engines. */
  readonly replaces: string | null
  readonly drainCause: DrainCause | null
  /** Since when the engine is hidden in order to be stopped; null if it does not drain. */
  readonly drainingSince: number | null
  /** Since when the container is known to stand still; null while it runs, is paused or restarts. */
  readonly stoppedAt: number | null
  readonly stopCause: StopCause | null
  /** The number of restarts by the restart policy, as last observed at the container engine. */
  readonly restartCount: number
  /**
   * When those restarts happened, as far as they were observed, the newest last; older ones that do not matter are dropped.
   */
  readonly restartsAt: readonly number[]
  readonly endedAt: number | null
  /** When a proxy last failed to start a stream on the engine. */
  readonly failedAttemptAt: number | null
  /** When the engine's cache was last emptied, and its size then; null if it never was. */
  readonly cacheCleanedAt: number | null
  readonly cacheSizeBytes: number | null
}

/** One stored stream. `rowId` is our own key; `streamId` is the proxy's, which may use it again. */
export interface Stream {
  readonly rowId: number
  readonly streamId: string
  readonly engineId: string | null
  /** The engine's container when the stream started; null if no engine matched. */
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

/** Whether the container engine answers, as far as is known. */
export type DockerState = 'unknown' | 'reachable' | 'unreachable'

/** Whether the engine's status is one of `LIVE_STATUSES`. */
export const isLive = (engine: Pick<Engine, 'status'>): boolean =>
  engine.status !== 'gone' && engine.status !== 'failed'

/** Whether the container runs, as far as is known. A paused container answers nobody. */
export const isRunning = (engine: Pick<Engine, 'containerState'>): boolean =>
  engine.containerState === 'running'

/** Whether the engine is probed. Before its container is known to run, there is nothing to probe. */
export const isProbed = (engine: Engine): boolean => engine.status !== 'provisioning' && isRunning(engine)

/**
 * Whether the container stands still and does not come back by itself. A dead container is one that could not be removed.
 */
export const hasStopped = (state: ContainerState | null): boolean => state === 'exited' || state === 'dead'

/** Identifies one start of an engine's container by the time of the start; 0 before the first look. */
export const generationOf = (engine: Pick<Engine, 'containerStartedAt'>): number =>
  engine.containerStartedAt ?? 0
