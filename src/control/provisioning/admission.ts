import { isSameImage } from '../../core/engines/image.ts'
import { type AdmissionFacts, admission } from '../../core/provisioning/admission.ts'
import { type Breaker, breakerAt, openForSeconds } from '../../core/provisioning/breaker.ts'
import { PULL_ETA_S, type Refusal } from '../../core/provisioning/refusal.ts'
import type { EngineRequest } from '../../core/types.ts'
import { bestOf, isContradicted, isLasting } from '../../core/vpn/node-state.ts'
import type { Clock } from '../../lib/clock.ts'
import { type BreakerName, breakerNamed } from '../../store/breakers.ts'
import { countLiveEngines } from '../../store/engines.ts'
import type { Db, Store } from '../../store/store.ts'
import type { BreakersSettings } from '../engines/breaker-notes.ts'
import type { Facts } from '../facts/facts.ts'
import type { ImageFacts } from '../facts/image-facts.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'
import type { Placer } from './placer.ts'

export interface AdmissionSettings {
  readonly targetImage: string
  /** Whether a missing image is pulled. */
  readonly pullsImage: boolean
  readonly maxReplicas: number
  readonly autoDelete: boolean
  readonly graceSeconds: number
  readonly breakers: BreakersSettings
}

/** The ETA for callers at the capacity limit if nothing says when there may be room. */
const CAPACITY_ETA_S = 30

/**
 * Collects the facts for admission, from the store and memory, and asks `core/provisioning/admission`. Waits for nothing.
 */
export class Admission {
  constructor(
    private readonly deps: {
      readonly store: Pick<Store, 'failure'>
      readonly clock: Clock
      readonly facts: Facts
      readonly placer: Placer
      readonly nodes: VpnNodes
      readonly images: Pick<ImageFacts, 'state'>
      readonly settings: AdmissionSettings
    },
  ) {}

  /**
   * Why a request is refused now; null if it could be served. `unclaimed` says that an unclaimed engine is available for it.
   * `own` is the breaker of a start of our own, and null if a caller asks.
   */
  refusal(
    db: Db,
    request: EngineRequest,
    unclaimed: boolean,
    own: BreakerName | null = null,
  ): Refusal | null {
    return admission(this.#facts(db, request, unclaimed, own))
  }

  /** Why the reconciler could not start an engine now, and why it could not start a replacement; each null if it could. */
  ownRefusals(
    db: Db,
    request: EngineRequest,
  ): { readonly startRefusal: Refusal | null; readonly replacementRefusal: Refusal | null } {
    const facts = this.#facts(db, request, false, 'general')
    const breakerOpenForSeconds = this.#openForSeconds(db, 'replacement')
    return {
      startRefusal: admission(facts),
      replacementRefusal: admission({ ...facts, breakerOpenForSeconds }),
    }
  }

  /** The state of the VPN for admission; null without a VPN. No engine is started against the word of a health check. */
  vpn(): AdmissionFacts['vpn'] {
    const nowMs = this.deps.clock.now()
    const verdicts = this.deps.nodes
      .all()
      .map(({ verdict }) => (isContradicted(verdict) ? { ...verdict, state: 'down' as const } : verdict))
    if (verdicts.length === 0) return null
    const { state, reason, etaSeconds } = bestOf(verdicts)
    const isShort = verdicts.some((each) => each.state === 'unknown' && !isLasting(each, nowMs))
    return { state, isShort, why: reason ?? '', etaSeconds }
  }

  breaker(db: Db, name: BreakerName): Breaker {
    return breakerAt(breakerNamed(db, name), this.deps.clock.now(), this.deps.settings.breakers[name])
  }

  #openForSeconds(db: Db, name: BreakerName): number | null {
    const { clock, settings } = this.deps
    return openForSeconds(breakerNamed(db, name), clock.now(), settings.breakers[name])
  }

  #facts(db: Db, request: EngineRequest, unclaimed: boolean, own: BreakerName | null): AdmissionFacts {
    const { store, clock, facts, placer, settings } = this.deps
    const now = clock.now()
    const docker = facts.docker()
    const asking = { request, isOwn: own !== null }
    return {
      storageFailure: store.failure()?.message ?? null,
      vpn: this.vpn(),
      breakerOpenForSeconds: this.#openForSeconds(db, own ?? 'general'),
      engines: countLiveEngines(db),
      maxReplicas: settings.maxReplicas,
      capacityEtaSeconds: settings.autoDelete ? Math.ceil(settings.graceSeconds) : CAPACITY_ETA_S,
      unclaimed,
      noHost: placer.noHost(db, asking, now),
      portsTaken: placer.taken(db, asking, now),
      docker: docker.state,
      dockerError: docker.error,
      image: this.#imageOf(request),
    }
  }

  /** Only the template's image is looked at. Whether another one is here shows when Docker is asked to use it. */
  #imageOf({ image }: EngineRequest): AdmissionFacts['image'] {
    const { images, settings } = this.deps
    if (image !== null && !isSameImage(image, settings.targetImage)) return { name: image, state: 'unknown' }
    const state = images.state()
    const name = settings.targetImage
    if (state.kind === 'pulling') return { name, state: { pullingEtaSeconds: state.etaSeconds } }
    if (state.kind !== 'missing') return { name, state: state.kind }
    // The pull begins in a moment.
    if (settings.pullsImage && state.pullError === null)
      return { name, state: { pullingEtaSeconds: PULL_ETA_S } }
    return { name, state: { missing: true, pullError: state.pullError } }
  }
}
