import { asShownBy } from '../../core/hosts/host-state.ts'
import type { EngineNode, FleetSnapshot, ObservedEngine, Policy } from '../../core/plan/fleet-snapshot.ts'
import type { ScaleOverride } from '../../core/reporting/scale-override.ts'
import { secondLook, stillMs } from '../../core/streams/sessions.ts'
import { type Engine, generationOf, type Stream } from '../../core/types.ts'
import { renewedForPorts } from '../../core/vpn/forwarded-port.ts'
import { namespaceOf } from '../../core/vpn/namespace.ts'
import { isContradicted } from '../../core/vpn/node-state.ts'
import { type Connection, strandedSinceMs } from '../../core/vpn/tunnel.ts'
import type { Clock } from '../../lib/clock.ts'
import { lastReplacement, scaleOrder } from '../../store/fleet-orders.ts'
import type { Store } from '../../store/store.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import { type EngineTemplate, plainRequest, templateHash } from '../engines/template.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { ExpectedStreams } from '../facts/expected-streams.ts'
import type { Facts } from '../facts/facts.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { ImageFacts } from '../facts/image-facts.ts'
import type { InHand } from '../facts/in-hand.ts'
import type { PlaybackFacts } from '../facts/playback-facts.ts'
import type { ReachFacts } from '../facts/reach-facts.ts'
import type { SessionFacts } from '../facts/session-facts.ts'
import { streamsInDoubt } from '../health/asked-sessions.ts'
import type { Admission } from '../provisioning/admission.ts'
import type { ViewerWatch } from '../viewers/viewer-watch.ts'
import type { VpnNode, VpnNodes } from '../vpn/vpn-nodes.ts'
import type { StartBackoff } from './start-backoff.ts'

/** The policy as configured. An operator may override `minReplicas`. */
export type PolicySettings = Omit<Policy, 'scaledAtMs'>

/** A node with the engines behind it. */
interface Neighbourhood {
  readonly node: VpnNode
  readonly engines: readonly Engine[]
  /**
   * The two engines that were connected last. That is enough to tell for each engine whether another was connected later.
   */
  readonly lastConnected: readonly { readonly engineId: string; readonly connection: Connection }[]
}

export interface FleetSnapshotsDeps {
  readonly store: Store
  readonly rows: FleetRows
  readonly clock: Clock
  readonly facts: Facts
  readonly sessions: SessionFacts
  readonly admission: Admission
  readonly nodes: VpnNodes
  readonly connections: ConnectionFacts
  readonly playback: Pick<PlaybackFacts, 'playsNothing'>
  readonly expected: Pick<ExpectedStreams, 'of'>
  readonly viewers: Pick<ViewerWatch, 'sightOf'>
  readonly images: Pick<ImageFacts, 'state'>
  readonly outOfReach: Pick<ReachFacts, 'of'>
  readonly hosts: Pick<HostFacts, 'of'>
  readonly template: EngineTemplate
  readonly settings: PolicySettings
  readonly inHand: Pick<InHand, 'has' | 'isFailing'>
  readonly startBackoff: Pick<StartBackoff, 'heldUntilMs' | 'hasFailed'>
}

/**
 * Collects everything that a plan looks at, from the store and memory, at one moment. Waits for nothing. Each row is read
 * once, so twice as many engines take twice as long, and no longer.
 */
export class FleetSnapshots {
  /** Template hashes by image. The template never changes, and there are few images. */
  readonly #hashes = new Map<string, string>()

  constructor(private readonly deps: FleetSnapshotsDeps) {}

  take(): FleetSnapshot {
    const { store, clock, facts, admission, startBackoff } = this.deps
    const { db } = store
    const rows = this.deps.rows.read()
    const { engines, started } = rows
    const inDoubt = streamsInDoubt(db, rows, this.deps, clock.now())
    const generalBreaker = admission.breaker(db, 'general')
    const nodes = this.#neighbourhoods(engines)
    const renewed = renewedIn([...nodes.values()], (id) => started.has(id), clock.now())
    return {
      engines: engines.map((engine) => {
        const streams = started.get(engine.id)?.length ?? 0
        const observed = this.#observe(engine, streams, inDoubt.get(engine.id) ?? [])
        const outdated = observed.outdated ?? (renewed.has(engine.id) ? 'port' : null)
        const outside = this.#outsideOf(engine)
        // An engine outside the VPN has no node, whatever its row says.
        const node = outside === null ? this.#nodeOf(engine, nodes) : null
        return { ...observed, outdated, outside, node }
      }),
      policy: this.policy(),
      nowMs: clock.now(),
      frozen: this.#frozen(),
      watchedSinceMs: facts.watch().sinceMs,
      ...admission.ownRefusals(db, plainRequest),
      isStartTrial: generalBreaker.state === 'half_open' || startBackoff.hasFailed(),
      startsHeldUntilMs: startBackoff.heldUntilMs(),
      replacement: lastReplacement(db),
    }
  }

  /** The policy in force. An operator's `/scale` replaces `MIN_REPLICAS`. */
  policy(): Policy {
    const { store, settings } = this.deps
    const order = scaleOrder(store.db, settings.minReplicas)
    const minReplicas = Math.min(order?.replicas ?? settings.minReplicas, settings.maxReplicas)
    return { ...settings, minReplicas, scaledAtMs: order?.atMs ?? null }
  }

  /** The operator's order that makes `policy` another than the settings; null if there is none. */
  override(): ScaleOverride | null {
    const { store, settings } = this.deps
    const order = scaleOrder(store.db, settings.minReplicas)
    const replicas = this.policy().minReplicas
    const isOther = replicas !== Math.min(settings.minReplicas, settings.maxReplicas)
    return isOther && order !== null ? { ...order, replicas } : null
  }

  /**
   * Why nothing may be decided now; null if decisions are allowed. The facts may be out of date while Docker does not
   * answer, and then until everything was looked at. While the database takes no writes, nothing can be begun.
   */
  #frozen(): string | null {
    const { store, facts } = this.deps
    const storage = store.failure()
    if (storage !== null) return `the database takes no writes: ${storage.message}`
    const docker = facts.docker()
    if (docker.state === 'unreachable') return `Docker does not answer: ${docker.error}`
    return facts.watch().isCurrent ? null : 'the containers are being looked at'
  }

  #observe(
    engine: Engine,
    streams: number,
    inDoubt: readonly Stream[],
  ): Omit<ObservedEngine, 'node' | 'outside'> {
    const { clock, facts, sessions, playback, expected, viewers, inHand } = this.deps
    const outOfReach = this.deps.outOfReach.of(engine)
    const nowMs = clock.now()
    const health = facts.health(engine.id, nowMs)
    const said = (streams: readonly Stream[]) => streams.map(({ rowId }) => sessions.of(rowId))
    const ended = inDoubt.filter(({ status }) => status === 'ended')
    return {
      engine,
      host: asShownBy(health, this.deps.hosts.of(engine)),
      isRunning: facts.isRunning(engine),
      isInHand: inHand.has(engine.id),
      isFailing: inHand.isFailing(engine.id),
      streams,
      expected: expected.of(engine),
      health,
      probedSinceMs: facts.probedSinceMs(engine.id, generationOf(engine)),
      stillMs: stillMs(said(inDoubt)),
      sight: viewers.sightOf(engine),
      look: secondLook(said(ended), engine.drainingSince ?? engine.containerStartedAt ?? 0, nowMs),
      outdated: this.#outdated(engine) ?? (outOfReach?.isMoving ? 'unreached' : null),
      outOfReach,
      playsNothing: playback.playsNothing(engine.id, generationOf(engine))?.reason ?? null,
    }
  }

  /**
   * The node of an engine; null without one. A node that is no longer in the configuration is not watched, so it counts as
   * none.
   */
  #nodeOf(engine: Engine, nodes: ReadonlyMap<string | null, Neighbourhood>): EngineNode | null {
    const found = nodes.get(engine.vpnNode)
    if (found === undefined) return null
    const { node, lastConnected } = found
    const { state, sinceMs, isSettled, recoveredMs, doubt } = node.verdict
    const others = lastConnected.flatMap((each) => (each.engineId === engine.id ? [] : each.connection))
    return {
      state,
      sinceMs,
      isSettled,
      isWorking: state === 'up' || isContradicted(node.verdict),
      doubtedSinceMs: doubt?.needsProof ? doubt.sinceMs : null,
      namespace: namespaceOf(engine, node.container),
      strandedSinceMs: strandedSinceMs(this.#connectionOf(engine), others, recoveredMs),
    }
  }

  /**
   * How an engine is outside the VPN; null if it is not. An engine whose row names a node goes back behind that node. Any
   * other engine may go behind any node.
   */
  #outsideOf(engine: Engine): ObservedEngine['outside'] {
    const { nodes } = this.deps
    const kind = nodes.outside(engine)
    if (kind === null) return null
    const own = engine.vpnNode === null ? undefined : nodes.get(engine.vpnNode)
    const places = own === undefined ? nodes.all() : [own]
    return { kind, isNodeUp: places.some(({ verdict }) => verdict.state === 'up') }
  }

  #connectionOf(engine: Engine): Connection | null {
    return this.deps.connections.of(engine.id, generationOf(engine))
  }

  #neighbourhoods(engines: readonly Engine[]): ReadonlyMap<string | null, Neighbourhood> {
    const behind = Map.groupBy(engines, ({ vpnNode }) => vpnNode)
    return new Map(
      this.deps.nodes.all().map((node) => {
        const neighbours = behind.get(node.name) ?? []
        return [node.name, { node, engines: neighbours, lastConnected: this.#lastConnected(neighbours) }]
      }),
    )
  }

  #lastConnected(engines: readonly Engine[]): Neighbourhood['lastConnected'] {
    return engines
      .flatMap((engine) => {
        const connection = this.#connectionOf(engine)
        return connection === null ? [] : [{ engineId: engine.id, connection }]
      })
      .toSorted((a, b) => (b.connection.connectedMs ?? 0) - (a.connection.connectedMs ?? 0))
      .slice(0, 2)
  }

  /** Whether an engine is outside the VPN, or behind a node although no VPN is configured any more. */
  #isMisplaced(engine: Engine): boolean {
    const { nodes } = this.deps
    return nodes.all().length > 0 ? nodes.outside(engine) !== null : engine.vpnNode !== null
  }

  /**
   * Whether an engine is placed or made differently from new ones. Engines of the earlier orchestrator do not say how they
   * were made, which is no reason to replace them.
   */
  #outdated(engine: Engine): 'placed' | 'made' | null {
    const { template } = this.deps
    const { configHash, request } = engine
    if (this.#isMisplaced(engine)) return 'placed'
    const image = request.image ?? template.image
    const wanted = this.#hashes.get(image) ?? templateHash(template, image)
    this.#hashes.set(image, wanted)
    const isOther = configHash !== wanted || this.#hasOldImage(engine)
    return configHash !== '' && isOther ? 'made' : null
  }

  /** Whether the name of the template's image has led to another image since the engine was made. */
  #hasOldImage({ image, imageId, createdAt }: Engine): boolean {
    const { images, template } = this.deps
    const now = images.state()
    if (now.kind !== 'present' || imageId === null || image !== template.image) return false
    // The image may have changed after the last look, and the engine be newer than that.
    return imageId !== now.id && createdAt < now.lookedAtMs
  }
}

/** The ids of engines to replace, so that an engine carries each port that is forwarded to their node. */
function renewedIn(
  nodes: readonly Neighbourhood[],
  hasStream: (engineId: string) => boolean,
  nowMs: number,
): ReadonlySet<string> {
  const renewed = nodes.flatMap(({ node, engines }) => {
    const adopted = new Set(engines.flatMap(({ id, adoptedAt }) => (adoptedAt === null ? [] : [id])))
    return renewedForPorts(engines, node, (id) => adopted.has(id) || hasStream(id), nowMs)
  })
  return new Set(renewed)
}
