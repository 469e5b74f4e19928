import type { Config } from '../../src/config/config.ts'
import type { Books, EngineBook, JournalBook } from './books.ts'
import { EXPECTED_MS } from './choice-checks.ts'
import type { Orders } from './orders.ts'

/** A container with more restarts than this may count as a crash loop. */
const RESTARTS_MAX = 3

export interface DrainChecksDeps {
  readonly books: Books
  readonly orders: Orders
  readonly config: () => Config | undefined
  readonly failuresOf: (engineId: string) => number
  readonly wasNodeInTrouble: (vpnNode: string | null) => boolean
  /** The last reported forwarded ports of the engine's node, which other engines should use. */
  readonly forwardedPorts: (vpnNode: string | null) => readonly number[]
  /** Whether the engine's process ever answered and sent nothing, or was tried with dead contents. */
  readonly mayHavePlayedNothing: (engine: EngineBook) => boolean
  /** How a container is outside the VPN, or null if it is not. */
  readonly outsideOf: (containerId: string | null) => string | null
  /** Whether a viewer may be on the way to the engine, so that it counts as used. */
  readonly mayBeExpected: (containerId: string | null) => boolean
  readonly onViolation: (text: string) => void
}

/**
 * Checks the reason for draining an engine, or for launching one because too few serve, at the moment when it is written.
 */
export class DrainChecks {
  /** By the hash of an engine's configuration: the part of the configuration that differs between lives. */
  readonly #madeFrom = new Map<string, string>()
  /** The last `/scale` order of an operator, if it was not undone. It is void once `MIN_REPLICAS` changed. */
  #order: { readonly atMs: number; readonly replicas: number; readonly minReplicas: number } | null = null

  constructor(private readonly deps: DrainChecksDeps) {}

  /** Receives every journal entry right after its commit. */
  note({ kind, engine_id: id, at, detail }: JournalBook): void {
    const config = this.deps.config()
    if (kind === 'fleet.scaled' && config !== undefined) {
      const { requested } = JSON.parse(detail) as { requested: number }
      // The order counts even if its answer was lost.
      this.deps.orders.scale(requested)
      this.#order = { atMs: at, replicas: requested, minReplicas: config.MIN_REPLICAS }
    }
    if (kind === 'fleet.scale_undone') {
      this.deps.orders.unscale()
      this.#order = null
    }
    const engine = id === null ? null : this.deps.books.byId(id)
    if (engine === null || config === undefined) return
    const { cause = '', rule } = JSON.parse(detail) as { cause?: string; rule?: string }
    if (kind === 'provision.started') this.#madeFrom.set(engine.config_hash, generation(config))
    if (kind === 'provision.started' && rule === 'below_wanted') this.#checkStart(config, at)
    if (kind !== 'engine.draining') return
    const fault = this.#faults[cause]?.(engine, config, at)
    if (fault !== null) this.deps.onViolation(`${engine.name} drains, ${cause}: ${fault ?? 'no cause'}`)
  }

  readonly #faults: Readonly<
    Record<string, (engine: EngineBook, config: Config, atMs: number) => string | null>
  > = {
    surplus: (engine, config, atMs) => {
      const idleMs = atMs - idleSince(engine)
      if (idleMs < config.ENGINE_GRACE_PERIOD_S * 1_000) return `it was idle for ${idleMs} ms only`
      const isAllowed = config.AUTO_DELETE || this.#serving().length >= config.MAX_REPLICAS
      return isAllowed ? this.#surplusFault(engine, config) : 'AUTO_DELETE is off'
    },
    scaled_down: (engine, config) => {
      const order = this.#orderIn(config)
      if (order === null) return 'nobody scaled'
      if (engine.created_at > order.atMs) return 'it was made after the order'
      return this.#surplusFault(engine, config)
    },
    outdated: (engine, config) => {
      const busy = this.#busyFault(engine)
      const isAsNow = this.#madeFrom.get(engine.config_hash) === generation(config)
      const ports = this.deps.forwardedPorts(engine.vpn_node)
      const isForPort = ports.some((port) => port !== engine.p2p_port)
      const isMisplaced = this.deps.outsideOf(engine.container_id) !== null
      return busy ?? (isAsNow && !isForPort && !isMisplaced ? 'it is not' : null)
    },
    unhealthy: (engine, config) => {
      const failures = this.deps.failuresOf(engine.id)
      return failures < config.HEALTH_FAILURE_THRESHOLD ? `only ${failures} probes failed` : null
    },
    plays_nothing: (engine) =>
      this.deps.mayHavePlayedNothing(engine) ? this.#busyFault(engine) : 'it has always played',
    vpn_lost: (engine) =>
      this.deps.wasNodeInTrouble(engine.vpn_node) ? this.#busyFault(engine) : 'its node was well',
    operator: (engine) =>
      this.deps.orders.isDrained(engine.container_id ?? '') || this.deps.orders.isDrained(engine.id)
        ? null
        : 'nobody asked',
  }

  /** Checks that a launch does not make more engines than wanted. Counts only engines that certainly serve. */
  #checkStart(config: Config, atMs: number): void {
    const { books, wasNodeInTrouble, onViolation } = this.deps
    const live = books.live()
    const serving = live.filter(
      (row) => isInService(row) && !isFailing(row) && !wasNodeInTrouble(row.vpn_node),
    )
    const ids = new Set(live.filter(isInService).map(({ id }) => id))
    const counted = serving.filter(({ status, replaces }) => status === 'ready' || !ids.has(replaces ?? ''))
    const expected = live.filter((row) => this.#isExpected(row, atMs)).length
    const wanted = Math.min(this.#wanted(live, config) + expected, config.MAX_REPLICAS)
    if (counted.length > wanted) onViolation(`a start makes ${counted.length} engines, ${wanted} are wanted`)
  }

  /** The number of wanted engines, with the viewers that these engines have. */
  #wanted(engines: readonly EngineBook[], config: Config): number {
    const { books } = this.deps
    const busy = engines.filter(({ id, adopted_at }) => adopted_at !== null || books.streamsOf(id) > 0)
    const minimum = this.#orderIn(config)?.replicas ?? config.MIN_REPLICAS
    return Math.min(Math.max(minimum, busy.length + config.MIN_FREE_REPLICAS), config.MAX_REPLICAS)
  }

  /** An engine that is handed out may still wait for its start. */
  #isExpected({ id, adopted_at, container_id, handed_out_at }: EngineBook, atMs: number): boolean {
    const { books, mayBeExpected } = this.deps
    const isGiven = handed_out_at !== null && atMs - handed_out_at < EXPECTED_MS
    return adopted_at === null && books.streamsOf(id) === 0 && (isGiven || mayBeExpected(container_id))
  }

  #surplusFault(engine: EngineBook, config: Config): string | null {
    const left = this.#serving()
    const wanted = this.#wanted(left, config)
    if (left.length < wanted) return `${left.length} are left and ${wanted} are wanted`
    return this.#busyFault(engine)
  }

  #orderIn({ MIN_REPLICAS }: Config) {
    return this.#order?.minReplicas === MIN_REPLICAS ? this.#order : null
  }

  #busyFault({ id, adopted_at, unclaimed_since }: EngineBook): string | null {
    if (this.deps.books.streamsOf(id) > 0) return 'it has a stream'
    if (adopted_at !== null) return 'it may have viewers from before its adoption'
    return unclaimed_since === null ? null : 'somebody may come back for it'
  }

  /**
   * Engines that are in use or can be used. A replacement that is not ready does not count beside the ready engine that it
   * replaces.
   */
  #serving(): readonly EngineBook[] {
    const live = this.deps.books.live()
    const ready = new Set(live.flatMap(({ id, status }) => (status === 'ready' ? [id] : [])))
    return live.filter(({ status, removal_requested_at: removal, replaces }) => {
      const isPendingReplacement = status !== 'ready' && replaces !== null && ready.has(replaces)
      return status !== 'draining' && removal === null && !isPendingReplacement
    })
  }
}

const isInService = ({ status, removal_requested_at: removal }: EngineBook): boolean =>
  status !== 'draining' && removal === null

/**
 * Whether a replacement may be launched before the engine is removed. An engine that was never ready is first reported to
 * the breaker.
 */
const isFailing = ({
  status,
  ready_at,
  container_state: state,
  restarts_at: restarts,
}: EngineBook): boolean =>
  ready_at !== null &&
  (status === 'starting' ||
    state === 'exited' ||
    state === 'dead' ||
    JSON.parse(restarts).length > RESTARTS_MAX)

const generation = ({ ENGINE_ENV }: Config): string => JSON.stringify(ENGINE_ENV)

const idleSince = ({ ready_at, created_at, handed_out_at, last_stream_at }: EngineBook): number =>
  Math.max(ready_at ?? created_at, handed_out_at ?? 0, last_stream_at ?? 0)
