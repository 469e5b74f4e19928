import { secondLook, stillMs } from '../core/sessions.ts'
import type { ObservedEngine, Policy, Situation } from '../core/situation.ts'
import type { Engine, Stream } from '../core/types.ts'
import { liveEngines } from '../store/engines.ts'
import type { Db, Store } from '../store/store.ts'
import { startedByEngine } from '../store/streams.ts'
import { lastReplacement, scaleOrder } from '../store/wishes.ts'
import { breakerOf } from './breaker-notes.ts'
import type { Clock } from './clock.ts'
import { streamsInDoubt } from './doubts.ts'
import type { Facts } from './facts.ts'
import type { Gate } from './gate.ts'
import { generationOf } from './health-keeper.ts'
import type { OwnStarts } from './own-starts.ts'
import type { SessionFacts } from './session-facts.ts'
import { type EngineTemplate, plainRequest, templateHash } from './template.ts'

/** What of the policy stands in the configuration; `minReplicas` may be overruled by an operator. */
export type PolicySettings = Omit<Policy, 'scaledAtMs'>

export interface SurveyDeps {
  readonly store: Store
  readonly clock: Clock
  readonly facts: Facts
  readonly sessions: SessionFacts
  readonly gate: Gate
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
    return {
      engines: liveEngines(db).map((engine) => this.#observe(db, engine, streams.get(engine.id) ?? 0)),
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

  /** What is known may be out of date while Docker does not answer, and until everything was looked at afterwards. */
  #frozen(): string | null {
    const { facts } = this.deps
    const docker = facts.docker()
    if (docker.state === 'unreachable') return `Docker does not answer: ${docker.error}`
    return facts.watch().isCurrent ? null : 'the containers are being looked at'
  }

  #observe(db: Db, engine: Engine, streams: number): ObservedEngine {
    const { clock, facts, sessions, isInHand } = this.deps
    const nowMs = clock.now()
    const health = facts.health(engine.id, nowMs)
    const inDoubt = streamsInDoubt(db, engine, { isUnhealthy: health.verdict === 'unhealthy', nowMs })
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

  /** Engines of the earlier orchestrator don't say how they were made; that is no reason to replace them. */
  #isOutdated({ configHash, request }: Engine): boolean {
    const { template } = this.deps
    const image = request.image ?? template.image
    const wanted = this.#hashes.get(image) ?? templateHash(template, image)
    this.#hashes.set(image, wanted)
    return configHash !== '' && configHash !== wanted
  }
}
