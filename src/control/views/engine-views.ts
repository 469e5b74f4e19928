import type { Verdict } from '../../core/engines/health.ts'
import { type Engine, generationOf } from '../../core/types.ts'
import {
  FAILED_ATTEMPT_MS,
  inOrder,
  isFirst,
  type Listing,
  listing,
  shownHealth,
  turnsOf,
  type VpnTrouble,
} from '../../core/views/listing.ts'
import { carriesForwardedPort } from '../../core/vpn/forwarded-port.ts'
import { namespaceOf } from '../../core/vpn/namespace.ts'
import { cutOffSinceMs } from '../../core/vpn/tunnel.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Store } from '../../store/store.ts'
import type { Addresses } from '../engines/addresses.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import { engineNamed } from '../engines/references.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { Facts } from '../facts/facts.ts'
import type { PlaybackFacts } from '../facts/playback-facts.ts'
import type { VpnNode, VpnNodes } from '../vpn/vpn-nodes.ts'
import { iso, isoOrNull } from './iso.ts'
import type { StreamViews } from './stream-views.ts'

/** A live engine with its id, as JSON text. */
interface EngineRecord {
  readonly id: string
  readonly json: string
}

interface Snapshot {
  readonly version: number
  /** When time alone changes the order of the list. */
  readonly untilMs: number
  readonly listed: readonly { readonly json: string; readonly isFirst: boolean }[]
  readonly turns: number
  /** The list in the order of each turn, encoded when it is first asked for. */
  readonly bodies: Map<number, Uint8Array<ArrayBuffer>>
  readonly all: string
  readonly records: readonly EngineRecord[]
}

/**
 * The answers about engines, from the store and memory. They are rendered once per version of the state and kept as text,
 * because proxies ask far more often than anything changes.
 */
export class EngineViews {
  #snapshot: Snapshot | null = null
  #turn = 0

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly facts: Facts
      readonly clock: Clock
      readonly addresses: Addresses
      readonly nodes: VpnNodes
      readonly connections: ConnectionFacts
      readonly playback: Pick<PlaybackFacts, 'version' | 'standing' | 'playsNothing'>
      readonly streamViews: StreamViews
    },
  ) {}

  /** The engines that a proxy may use, as encoded JSON. Engines of equal rank are in another order at every call. */
  listedJson(): Uint8Array<ArrayBuffer> {
    const { listed, turns, bodies } = this.#current()
    const turn = this.#turn++ % turns
    const known = bodies.get(turn)
    if (known !== undefined) return known
    const body = new TextEncoder().encode(array(inOrder(listed, ({ isFirst }) => isFirst, turn)))
    bodies.set(turn, body)
    return body
  }

  /** The number of engines that a proxy may use. */
  listedCount(): number {
    return this.#current().listed.length
  }

  /** All live engines as JSON text. Hidden engines have the reason. */
  allJson(): string {
    return this.#current().all
  }

  /** All live engines, each as a JSON text of its own. */
  records(): readonly EngineRecord[] {
    return this.#current().records
  }

  /**
   * One live engine with its started streams; null if no engine has this id or name. Throws InvalidRequest if the id is too
   * short or ambiguous.
   */
  one(idOrName: string) {
    const { store, rows } = this.deps
    const engine = engineNamed(store.db, idOrName)
    if (engine === undefined) return null
    const streams = rows.read().started.get(engine.id) ?? []
    return {
      engine: this.#view(
        engine,
        streams.map(({ streamId }) => streamId),
      ),
      streams: streams.map((stream) => this.deps.streamViews.view(stream)),
    }
  }

  /**
   * One engine in the form that proxies expect. Times are RFC 3339 in UTC, because acexy's decoder rejects a time without a
   * zone.
   */
  #view(engine: Engine, streamIds: readonly string[]) {
    const { facts, clock, addresses, playback } = this.deps
    const health = facts.health(engine.id, clock.now())
    const { listed, reason } = this.#listing(engine)
    return {
      container_id: engine.containerId,
      container_name: engine.name,
      ...addresses.advertised(engine),
      labels: { ...engine.labels },
      forwarded: carriesForwardedPort(engine, this.#nodeOf(engine)),
      vpn_container: engine.vpnNode,
      first_seen: iso(engine.createdAt),
      last_seen: iso(facts.lastSeen(engine.id) ?? engine.containerStartedAt ?? engine.createdAt),
      streams: [...streamIds],
      health_status: this.#shownHealth(engine),
      plays_nothing_since: isoOrNull(playback.playsNothing(engine.id, generationOf(engine))?.sinceMs ?? null),
      last_health_check: isoOrNull(health.lastProbeMs),
      // A proxy prefers the engine whose last use was longest ago. A failed attempt counts as a use.
      last_stream_usage: isoOrNull(latest(engine.lastStreamAt, engine.failedAttemptAt)),
      last_cache_cleanup: isoOrNull(engine.cacheCleanedAt),
      cache_size_bytes: engine.cacheSizeBytes,
      status: engine.status,
      listed,
      reason,
    }
  }

  #shownHealth(engine: Engine): Verdict {
    const { facts, clock, playback } = this.deps
    const isDoubtful = playback.standing(engine.id, generationOf(engine)) !== null
    return shownHealth(facts.health(engine.id, clock.now()).verdict, isDoubtful)
  }

  #listing(engine: Engine): Listing {
    const { facts, clock } = this.deps
    return listing({
      engine,
      isRunning: facts.isRunning(engine),
      verdict: facts.health(engine.id, clock.now()).verdict,
      vpnTrouble: this.#vpnTrouble(engine),
    })
  }

  #vpnTrouble(engine: Engine): VpnTrouble {
    if (this.deps.nodes.outside(engine) !== null) return 'outside'
    const node = this.#nodeOf(engine)
    if (node === null) return 'none'
    if (node.verdict.state === 'down') return 'node_down'
    if (namespaceOf(engine, node.container) !== 'alive') return 'network_gone'
    const connection = this.deps.connections.of(engine.id, generationOf(engine))
    return node.verdict.state === 'up' && cutOffSinceMs(connection) !== null ? 'cut_off' : 'none'
  }

  #nodeOf({ vpnNode }: Engine): VpnNode | null {
    return vpnNode === null ? null : (this.deps.nodes.get(vpnNode) ?? null)
  }

  #version(): number {
    const { store, facts, nodes, connections, playback } = this.deps
    return [store, facts, nodes, connections, playback].reduce((sum, source) => sum + source.version(), 0)
  }

  #current(): Snapshot {
    const { rows: fleet, clock } = this.deps
    const version = this.#version()
    const nowMs = clock.now()
    if (this.#snapshot?.version === version && nowMs < this.#snapshot.untilMs) return this.#snapshot
    const { engines, started } = fleet.read()
    const rows = engines.map((engine) => {
      const view = this.#view(
        engine,
        (started.get(engine.id) ?? []).map(({ streamId }) => streamId),
      )
      const comesFirst = isFirst(engine, this.#shownHealth(engine), nowMs)
      return { id: engine.id, json: JSON.stringify(view), isFirst: comesFirst, isListed: view.listed }
    })
    const listed = rows.filter(({ isListed }) => isListed)
    const firsts = listed.filter(({ isFirst }) => isFirst).length
    const turns = turnsOf(firsts, listed.length - firsts)
    const ends = engines.map(({ failedAttemptAt }) => (failedAttemptAt ?? 0) + FAILED_ATTEMPT_MS)
    const untilMs = Math.min(Number.POSITIVE_INFINITY, ...ends.filter((ms) => ms > nowMs))
    this.#snapshot = { version, untilMs, listed, turns, bodies: new Map(), all: array(rows), records: rows }
    return this.#snapshot
  }
}

const array = (rows: readonly { readonly json: string }[]): string =>
  `[${rows.map(({ json }) => json).join(',')}]`

const latest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b)
