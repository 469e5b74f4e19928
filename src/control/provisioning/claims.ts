import { noFreePort, ProvisionRefused, type Refusal } from '../../core/provisioning/refusal.ts'
import { type Engine, type EngineRequest, isLive } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import {
  bootingEngine,
  claimableEngine,
  engineById,
  insertEngine,
  takeEngineNumber,
  updateEngine,
} from '../../store/engines.ts'
import { bindKey, idempotencyRecord } from '../../store/idempotency.ts'
import { appendJournal } from '../../store/journal.ts'
import { releaseLeases } from '../../store/leases.ts'
import type { Db, Store } from '../../store/store.ts'
import { type BreakersSettings, breakerOf, noteStart } from '../engines/breaker-notes.ts'
import { fresh, unseen } from '../engines/engine-row.ts'
import {
  type EngineTemplate,
  engineLabels,
  plainRequest,
  requestHash,
  templateHash,
} from '../engines/template.ts'
import { KeyReused } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { ReachFacts } from '../facts/reach-facts.ts'
import type { FreeEngines } from '../proxies/free-engines.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'
import type { Admission } from './admission.ts'
import type { EnginePorts } from './engine-ports.ts'
import type { Launches } from './launches.ts'
import type { Place, Placer } from './placer.ts'

const PLAIN_HASH = requestHash(plainRequest)

/** What a caller has after the first transaction. */
export interface Claim {
  readonly engine: Engine
  /**
   * `new`: the engine is still to be launched. `joined`: another call used the same key. `handed_out`: the engine was
   * unclaimed, Roundhouse was already starting it by itself, or it became free while the caller waited.
   */
  readonly kind: 'new' | 'joined' | 'handed_out'
}

export interface ClaimsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly admission: Admission
  readonly breakers: BreakersSettings
  readonly placer: Placer
  readonly enginePorts: EnginePorts
  readonly template: EngineTemplate
  readonly newId: () => string
  readonly facts: Pick<Facts, 'isRunning'>
  readonly launches: Pick<Launches, 'isPending'>
  readonly nodes: Pick<VpnNodes, 'outside' | 'isInWayOf'>
  readonly outOfReach: Pick<ReachFacts, 'of'>
  readonly freeEngines: Pick<FreeEngines, 'find'>
  /** How long a proxy waits and asks again after a refusal. */
  readonly viewerWaitMs: number
}

/** The first transaction of a provision: idempotency key, unclaimed engine, admission, leases, row, journal. */
export class Claims {
  /** When a plain request was last refused because the maximum is reached. */
  #fullMs = Number.NEGATIVE_INFINITY

  constructor(private readonly deps: ClaimsDeps) {}

  /** Decides and commits. Throws ProvisionRefused or KeyReused with nothing changed. */
  claim(request: EngineRequest, key: string | null): Claim {
    return this.deps.store.transact((tx): Claim => {
      const hash = requestHash(request)
      const known = key === null ? null : this.#byKey(tx, key, hash)
      if (known) return { engine: known, kind: 'joined' }
      const waiting = this.waiting(tx, hash, key)
      const refusal = this.deps.admission.refusal(tx, request, waiting !== undefined)
      // A refusal that comes in spite of a waiting engine, for the storage or the VPN, is never for the maximum.
      const freed = refusal === null ? undefined : this.freed(tx, hash, refusal)
      if (refusal && freed === undefined) throw this.#refused(refusal, hash)
      const given = waiting ?? freed
      const claim: Claim = given
        ? { engine: this.#handOut(tx, given, key), kind: 'handed_out' }
        : { engine: this.#begin(tx, { request, key, handedOutAt: this.deps.clock.now() }), kind: 'new' }
      if (key !== null)
        bindKey(tx, { key, requestHash: hash, engineId: claim.engine.id }, this.deps.clock.now())
      return claim
    })
  }

  /**
   * Begins an engine that no caller asked for, in the given transaction and with the same admission. `detail` goes into the
   * journal. Throws ProvisionRefused.
   */
  own(
    tx: Db,
    start: Pick<Engine, 'request' | 'replaces' | 'startedAhead'>,
    detail: Readonly<Record<string, unknown>>,
  ): Engine {
    const refusal = this.deps.admission.refusal(tx, start.request, false, breakerOf(start))
    if (refusal) throw new ProvisionRefused(refusal)
    return this.#begin(tx, { ...start, key: null, handedOutAt: null, detail })
  }

  /**
   * The engine that a caller with this request and key would get without another start: an unclaimed one, or else, for the
   * request that acexy sends, one that Roundhouse is starting by itself. That one is hidden until it answers, so it is of use
   * to nobody else meanwhile. None of these while the breaker is not closed.
   */
  waiting(db: Db, hash: string, key: string | null): Engine | undefined {
    const isUsable = (engine: Engine): boolean => this.#isUsable(engine)
    const unclaimed = claimableEngine(db, hash, key, isUsable)
    if (unclaimed !== undefined || hash !== PLAIN_HASH) return unclaimed
    // While starts fail, nobody waits for one: the engine may be the trial.
    if (this.deps.admission.breaker(db, 'general').state !== 'closed') return undefined
    return bootingEngine(db, { requestHash: hash, configHash: this.deps.breakers.templateHash }, isUsable)
  }

  /**
   * The listed engine that a caller with this request gets although it is refused because the maximum is reached: one that
   * is free now, if a plain request was refused so a moment ago. Its caller waits and asks for nothing but an engine: a proxy
   * does not look at the list again. Undefined for every other request or refusal, and if no engine is free.
   */
  freed(db: Db, hash: string, { code }: Refusal): Engine | undefined {
    const { clock, viewerWaitMs, freeEngines, placer } = this.deps
    const isAskedAgain = hash === PLAIN_HASH && clock.now() - this.#fullMs <= viewerWaitMs
    if (code !== 'max_capacity' || !isAskedAgain) return undefined
    return freeEngines.find(db, (engine) => placer.isForCallers(engine))
  }

  #refused(refusal: Refusal, hash: string): ProvisionRefused {
    if (refusal.code === 'max_capacity' && hash === PLAIN_HASH) this.#fullMs = this.deps.clock.now()
    return new ProvisionRefused(refusal)
  }

  /** Whether a caller could use the engine, or could wait for its launch, as far as is known. */
  #isUsable(engine: Engine): boolean {
    const { facts, launches, nodes, outOfReach, placer } = this.deps
    if (!placer.isForCallers(engine)) return false
    if (outOfReach.of(engine)?.isMoving) return false
    return (facts.isRunning(engine) || launches.isPending(engine.id)) && !nodes.isInWayOf(engine)
  }

  #byKey(tx: Db, key: string, hash: string): Engine | null {
    const record = idempotencyRecord(tx, key)
    if (record === undefined) return null
    if (record.requestHash !== hash) throw new KeyReused()
    const engine = engineById(tx, record.engineId)
    if (engine === undefined || !isLive(engine) || engine.removalRequestedAt !== null) return null
    // No proxy may get an engine outside the VPN, so the caller gets another one.
    if (this.deps.nodes.outside(engine) !== null) return null
    // The caller is back for the engine, so it is no longer unclaimed.
    return engine.unclaimedSince === null ? this.#giveAgain(tx, engine) : this.#handOut(tx, engine, key)
  }

  /** Gives a caller once more what its key was given before. The caller's stream is expected from now on. */
  #giveAgain(tx: Db, engine: Engine): Engine {
    const change = { handedOutAt: this.deps.clock.now() }
    updateEngine(tx, engine.id, change)
    return { ...engine, ...change }
  }

  /**
   * Hands an engine that exists to a caller. The key stays with the engine: if the caller gives up again, the engine waits for
   * that caller alone.
   */
  #handOut(tx: Db, engine: Engine, key: string | null): Engine {
    const now = this.deps.clock.now()
    const change = { unclaimedSince: null, claimKey: key, handedOutAt: now, startedAhead: false }
    updateEngine(tx, engine.id, change)
    appendJournal(tx, now, { kind: 'engine.handed_out', engineId: engine.id })
    return { ...engine, ...change }
  }

  #begin(tx: Db, start: Start): Engine {
    const { clock, breakers, enginePorts } = this.deps
    const now = clock.now()
    const number = takeEngineNumber(tx)
    const place = this.#place(tx, start, now)
    const draft = { ...this.#draft(start, `acestream-${number}`, now), ...place }
    const engine = { ...draft, ...enginePorts.free(tx, draft, number - 1, now) }
    insertEngine(tx, engine)
    enginePorts.take(tx, engine, now)
    noteStart(tx, engine, now, breakers)
    const detail = { ...start.detail, name: engine.name, port: engine.hostHttpPort, image: engine.image }
    appendJournal(tx, now, { kind: 'provision.started', engineId: engine.id, detail })
    return engine
  }

  /** The place of a new engine. A replacement goes where the replaced engine is, if it may. */
  #place(tx: Db, { request, handedOutAt, replaces = null }: Start, nowMs: number): Place {
    const replaced = replaces === null ? undefined : engineById(tx, replaces)
    const preferred = replaced?.vpnNode ?? replaced?.host?.id ?? null
    const asking = { request, isOwn: handedOutAt === null }
    const place = this.deps.placer.place(tx, asking, preferred, nowMs)
    // Admission accepted the request, and nothing can have changed since.
    if (place === null) throw new ProvisionRefused(noFreePort('no node has one'))
    return place
  }

  /**
   * Prepares a row for another container in place of its old one, in the given transaction. The row keeps the ports that are
   * its own, except the forwarded port, which may have changed. Everything else is as for new engines. If the place of the
   * engine no longer exists, it gets another place and ports there. Returns the new row. Throws ProvisionRefused if no port
   * is left.
   */
  again(tx: Db, engine: Engine): Engine {
    const { template, enginePorts, placer, clock } = this.deps
    releaseLeases(tx, engine.id)
    const draft = {
      ...engine,
      ...fresh,
      ...(placer.isPlace(engine) ? enginePorts.kept(tx, engine, clock.now()) : this.#elsewhere(tx, engine)),
      configHash: templateHash(template, engine.image),
    }
    const again = { ...draft, labels: engineLabels(template, draft) }
    const { id, status, ...change } = again
    updateEngine(tx, id, change)
    enginePorts.take(tx, again, clock.now())
    return again
  }

  /** Another place for an engine, with ports there. The port that its caller asked for is dropped if it is not available. */
  #elsewhere(tx: Db, engine: Engine) {
    const { placer, enginePorts, admission, clock } = this.deps
    const now = clock.now()
    for (const hostPort of new Set([engine.request.hostPort, null])) {
      const request = { ...engine.request, hostPort }
      const place = placer.place(tx, { request, isOwn: true }, null, now)
      if (place === null) continue
      const ports = enginePorts.free(tx, { ...engine, ...place, request }, 0, now)
      return { ...place, ...ports, request, requestHash: requestHash(request) }
    }
    // With `unclaimed` set, admission refuses for the storage or the VPN, and for nothing else.
    throw new ProvisionRefused(
      admission.refusal(tx, plainRequest, true) ?? noFreePort('none is left behind the VPN'),
    )
  }

  #draft(start: Start, name: string, now: number): Omit<Engine, keyof Place> {
    const { template, newId } = this.deps
    const { request, key, handedOutAt, replaces = null, startedAhead = false } = start
    const image = request.image ?? template.image
    return {
      ...unseen,
      id: newId(),
      name,
      status: 'provisioning',
      image,
      request,
      requestHash: requestHash(request),
      configHash: templateHash(template, image),
      createdAt: now,
      handedOutAt,
      claimKey: key,
      replaces,
      startedAhead,
      // The networks are known before Docker reports them, and they decide which address the first list gives.
      networks: template.network === null ? [] : [template.network],
    }
  }
}

/** What an engine is begun with, for a caller or for the reconciler. */
interface Start {
  readonly request: EngineRequest
  readonly key: string | null
  readonly handedOutAt: number | null
  readonly replaces?: string | null
  readonly startedAhead?: boolean
  readonly detail?: Readonly<Record<string, unknown>>
}
