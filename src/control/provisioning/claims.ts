import { noFreePort, ProvisionRefused } from '../../core/provisioning/refusal.ts'
import { type Engine, type EngineRequest, isLive } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import {
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
import type { VpnNodes } from '../vpn/vpn-nodes.ts'
import type { Admission } from './admission.ts'
import type { EnginePorts } from './engine-ports.ts'
import type { Launches } from './launches.ts'
import type { Place, Placer } from './placer.ts'

/** What a caller holds after the first transaction. */
export interface Claim {
  readonly engine: Engine
  /** `new`: to be started. `joined`: another call of the same key. `handed_out`: was unclaimed. */
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
}

/** The first transaction of a provision: idempotency key, unclaimed engine, admission, leases, row, journal. */
export class Claims {
  constructor(private readonly deps: ClaimsDeps) {}

  /** Decides and commits, or throws ProvisionRefused or KeyReused with nothing changed. */
  claim(request: EngineRequest, key: string | null): Claim {
    return this.deps.store.transact((tx): Claim => {
      const hash = requestHash(request)
      const known = key === null ? null : this.#byKey(tx, key, hash)
      if (known) return { engine: known, kind: 'joined' }
      const waiting = this.waiting(tx, hash, key)
      const refusal = this.deps.admission.refusal(tx, request, waiting !== undefined)
      if (refusal) throw new ProvisionRefused(refusal)
      const claim: Claim = waiting
        ? { engine: this.#handOut(tx, waiting, key), kind: 'handed_out' }
        : { engine: this.#begin(tx, { request, key, handedOutAt: this.deps.clock.now() }), kind: 'new' }
      if (key !== null)
        bindKey(tx, { key, requestHash: hash, engineId: claim.engine.id }, this.deps.clock.now())
      return claim
    })
  }

  /**
   * Begins an engine of our own accord, in the caller's transaction: the same admission, and nobody waits for it. `detail`
   * goes into the journal. Throws ProvisionRefused.
   */
  own(
    tx: Db,
    start: Pick<Engine, 'request' | 'replaces'>,
    detail: Readonly<Record<string, unknown>>,
  ): Engine {
    const refusal = this.deps.admission.refusal(tx, start.request, false, breakerOf(start))
    if (refusal) throw new ProvisionRefused(refusal)
    return this.#begin(tx, { ...start, key: null, handedOutAt: null, detail })
  }

  /** The unclaimed engine that such a caller would get. */
  waiting(db: Db, hash: string, key: string | null): Engine | undefined {
    return claimableEngine(db, hash, key, (engine) => this.#isUsable(engine))
  }

  /** Whether a caller could use it, or be made to wait for its launch, as far as is known. */
  #isUsable(engine: Engine): boolean {
    const { facts, launches, nodes } = this.deps
    return (facts.isRunning(engine) || launches.isPending(engine.id)) && !nodes.isInWayOf(engine)
  }

  #byKey(tx: Db, key: string, hash: string): Engine | null {
    const record = idempotencyRecord(tx, key)
    if (record === undefined) return null
    if (record.requestHash !== hash) throw new KeyReused()
    const engine = engineById(tx, record.engineId)
    if (engine === undefined || !isLive(engine) || engine.removalRequestedAt !== null) return null
    // No proxy is told of one that is outside the VPN: the caller gets another.
    if (this.deps.nodes.outside(engine) !== null) return null
    // The caller is back for it, so it is not unclaimed any more.
    return engine.unclaimedSince === null ? engine : this.#handOut(tx, engine, key)
  }

  /** The key stays with it: if its caller gives up again, it waits for that caller alone. */
  #handOut(tx: Db, engine: Engine, key: string | null): Engine {
    const now = this.deps.clock.now()
    const change = { unclaimedSince: null, claimKey: key, handedOutAt: now }
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

  /** An engine that takes another's place goes where that one is, if it may. */
  #place(tx: Db, { request, replaces = null }: Start, nowMs: number): Place {
    const preferred = replaces === null ? null : (engineById(tx, replaces)?.vpnNode ?? null)
    const place = this.deps.placer.place(tx, request, preferred, nowMs)
    // Admission has let it through, and nothing can have changed since.
    if (place === null) throw new ProvisionRefused(noFreePort('no VPN node has one'))
    return place
  }

  /**
   * Makes a row ready for another container in the place of the one that it had, in the caller's transaction: with its ports
   * as far as they are its own, but for the forwarded one, which may have changed, and as new engines are made now. One whose
   * place is none any more gets another, and ports there. Gives the row as it is then; throws ProvisionRefused where there is
   * no port left.
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

  /** Another place for an engine, with ports there; the one that its caller asked for is let go where it can't be had. */
  #elsewhere(tx: Db, engine: Engine) {
    const { placer, enginePorts, admission, clock } = this.deps
    const now = clock.now()
    for (const hostPort of new Set([engine.request.hostPort, null])) {
      const request = { ...engine.request, hostPort }
      const place = placer.place(tx, request, null, now)
      if (place === null) continue
      const ports = enginePorts.free(tx, { ...engine, ...place, request }, 0, now)
      return { ...place, ...ports, request, requestHash: requestHash(request) }
    }
    // Asked as for an engine that is there already, it names the VPN or nothing.
    throw new ProvisionRefused(
      admission.refusal(tx, plainRequest, true) ?? noFreePort('none is left behind the VPN'),
    )
  }

  #draft(start: Start, name: string, now: number): Omit<Engine, keyof Place> {
    const { template, newId } = this.deps
    const { request, key, handedOutAt, replaces = null } = start
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
      // Known before Docker says so, and it decides which address the first listing gives.
      networks: template.network === null ? [] : [template.network],
    }
  }
}

/** A beginning: for a caller, or of our own accord. */
interface Start {
  readonly request: EngineRequest
  readonly key: string | null
  readonly handedOutAt: number | null
  readonly replaces?: string | null
  readonly detail?: Readonly<Record<string, unknown>>
}
