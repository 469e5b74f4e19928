import { renewedForPort } from '../core/forwarded-port.ts'
import { namespaceOf } from '../core/namespace.ts'
import { secondLook, stillMs } from '../core/sessions.ts'
import type { EngineNode, ObservedEngine, Policy, Situation } from '../core/situation.ts'
import { type Connection, cutOffSinceMs, strandedSinceMs } from '../core/tunnel.ts'
import { type Engine, generationOf, type Stream } from '../core/types.ts'
import type { Clock } from '../lib/clock.ts'
import { liveEngines } from '../store/engines.ts'
import type { Db, Store } from '../store/store.ts'
import { startedByEngine } from '../store/streams.ts'
import { lastReplacement, scaleOrder } from '../store/wishes.ts'
import { breakerOf } from './breaker-notes.ts'
import type { ConnectionFacts } from './connection-facts.ts'
import { streamsInDoubt } from './doubts.ts'
import type { Facts } from './facts.ts'
import type { Gate } from './gate.ts'
import type { OwnStarts } from './own-starts.ts'
import type { SessionFacts } from './session-facts.ts'
import { type EngineTemplate, plainRequest, templateHash } from './template.ts'
import type { VpnNodes } from './vpn-nodes.ts'

/** What of the policy stands in the configuration; `minReplicas` may be overruled by an operator. */
export type PolicySettings = Omit<Policy, 'scaledAtMs'>

export interface SurveyDeps {
  readonly store: Store
  readonly clock: Clock
  readonly facts: Facts
  readonly sessions: SessionFacts
  readonly gate: Gate
  readonly nodes: VpnNodes
  readonly connections: ConnectionFacts
  readonly template: EngineTemplate
  readonly settings: PolicySettings
  readonly isInHand: (engineId: string) => boolean
  readonly starts: Pick<OwnStarts, 'heldUntilMs' | 'hasFailed'>
}

/** Collects all that a plan looks at, from the store and from memory, at one moment. Waits for nothing. */
export class Survey {
  /** By image; the template never changes, and there are few images. */
  readonly #hashes = new Map<string, string>()

  constructor(private readonly deps: SurveyDeps) {}

  take(): Situation {
    const { store, clock, facts, gate, starts } = this.deps
    const { db } = store
    const streams = startedByEngine(db)
    const generalBreaker = gate.breaker(db, 'general')
    const engines = liveEngines(db)
    const renewed = this.#renewedForPort(engines, streams)
    return {
      engines: engines.map((engine) => {
        const observed = this.#observe(db, engine, streams.get(engine.id) ?? 0)
        const isOutdated = observed.isOutdated || renewed.has(engine.id)
        return { ...observed, isOutdated, node: this.#nodeOf(engine, engines) }
      }),
      policy: this.policy(),
      nowMs: clock.now(),
      frozen: this.#frozen(),
      watchedSinceMs: facts.watch().sinceMs,
      startRefusal: gate.refusal(db, plainRequest, false),
      replacementRefusal: gate.refusal(db, plainRequest, false, breakerOf({ replaces: 'another' })),
      isStartTrial: generalBreaker.state === 'half_open' || starts.hasFailed(),
      startsHeldUntilMs: starts.heldUntilMs(),
      replacement: lastReplacement(db),
    }
  }

  /** The policy in force: an operator's `/scale` stands in place of `MIN_REPLICAS`. */
  policy(): Policy {
    const { store, settings } = this.deps
    const order = scaleOrder(store.db, settings.minReplicas)
    const minReplicas = Math.min(order?.replicas ?? settings.minReplicas, settings.maxReplicas)
    return { ...settings, minReplicas, scaledAtMs: order?.atMs ?? null }
  }

  /**
   * What is known may be out of date while Docker does not answer, and until everything was looked at afterwards; and while
   * the database takes no writes nothing can be begun.
   */
  #frozen(): string | null {
    const { store, facts } = this.deps
    const storage = store.failure()
    if (storage !== null) return `the database takes no writes: ${storage.message}`
    const docker = facts.docker()
    if (docker.state === 'unreachable') return `Docker does not answer: ${docker.error}`
    return facts.watch().isCurrent ? null : 'the containers are being looked at'
  }

  #observe(db: Db, engine: Engine, streams: number): Omit<ObservedEngine, 'node'> {
    const { clock, facts, sessions, isInHand } = this.deps
    const nowMs = clock.now()
    const health = facts.health(engine.id, nowMs)
    const isUnhealthy = health.verdict === 'unhealthy'
    const isCutOff = cutOffSinceMs(this.#connectionOf(engine)) !== null
    const inDoubt = streamsInDoubt(db, engine, { isUnhealthy, isCutOff, nowMs })
    const said = (streams: readonly Stream[]) => streams.map(({ rowId }) => sessions.of(rowId))
    const ended = inDoubt.filter(({ status }) => status === 'ended')
    return {
      engine,
      isRunning: facts.isRunning(engine),
      isInHand: isInHand(engine.id),
      streams,
      health,
      probedSinceMs: facts.probedSinceMs(engine.id, generationOf(engine)),
      stillMs: stillMs(said(inDoubt)),
      look: secondLook(said(ended), engine.drainingSince ?? engine.containerStartedAt ?? 0, nowMs),
      isOutdated: this.#isOutdated(engine),
    }
  }

  /** A node that is not in the configuration any more is none that is watched. */
  #nodeOf(engine: Engine, all: readonly Engine[]): EngineNode | null {
    const { nodes } = this.deps
    const node = engine.vpnNode === null ? undefined : nodes.get(engine.vpnNode)
    if (node === undefined) return null
    const { state, sinceMs, isSettled, recoveredMs } = node.verdict
    const behind = all.filter(({ id, vpnNode }) => vpnNode === node.name && id !== engine.id)
    const others = behind.flatMap((each) => this.#connectionOf(each) ?? [])
    return {
      state,
      sinceMs,
      isSettled,
      namespace: namespaceOf(engine, node.container),
      strandedSinceMs: strandedSinceMs(this.#connectionOf(engine), others, recoveredMs),
    }
  }

  #connectionOf(engine: Engine): Connection | null {
    return this.deps.connections.of(engine.id, generationOf(engine))
  }

  /** Engines to be replaced so that the port forwarded to their node is carried by one. */
  #renewedForPort(
    engines: readonly Engine[],
    streams: ReadonlyMap<string | null, number>,
  ): ReadonlySet<string> {
    const renewed = this.deps.nodes.all().flatMap((node) => {
      const behind = engines.filter(({ vpnNode }) => vpnNode === node.name)
      const adopted = new Set(behind.flatMap(({ id, adoptedAt }) => (adoptedAt === null ? [] : [id])))
      return renewedForPort(behind, node, (id) => adopted.has(id) || (streams.get(id) ?? 0) > 0)
    })
    return new Set(renewed)
  }

  /** The configuration has VPN nodes, and it is behind none of them; or it is behind one that the configuration has not. */
  #isMisplaced({ vpnNode, donorId }: Engine): boolean {
    const { nodes } = this.deps
    if (vpnNode !== null) return nodes.get(vpnNode) === undefined
    // The network of another container may turn out to be that of a node.
    return nodes.all().length > 0 && donorId === null
  }

  /** Engines of the earlier orchestrator don't say how they were made; that is no reason to replace them. */
  #isOutdated(engine: Engine): boolean {
    const { template } = this.deps
    const { configHash, request } = engine
    if (this.#isMisplaced(engine)) return true
    const image = request.image ?? template.image
    const wanted = this.#hashes.get(image) ?? templateHash(template, image)
    this.#hashes.set(image, wanted)
    return configHash !== '' && configHash !== wanted
  }
}
