import { noFreePort, ProvisionRefused } from '../core/refusal.ts'
import { type Engine, type EngineRequest, isLive } from '../core/types.ts'
import {
  claimableEngine,
  engineById,
  insertEngine,
  takeEngineNumber,
  updateEngine,
} from '../store/engines.ts'
import { bindKey, idempotencyRecord } from '../store/idempotency.ts'
import { appendJournal } from '../store/journal.ts'
import { type Lease, takeLease } from '../store/leases.ts'
import type { Db, Store } from '../store/store.ts'
import { breakerOf, noteStart } from './breaker-notes.ts'
import type { Clock } from './clock.ts'
import { KeyReused } from './errors.ts'
import type { Gate } from './gate.ts'
import { HOST_SCOPE, type PortBook } from './port-book.ts'
import { type EngineTemplate, engineLabels, requestHash, templateHash } from './template.ts'

/** What a caller holds after the first transaction. */
export interface Claim {
  readonly engine: Engine
  /** `new`: to be started. `joined`: another call of the same key. `handed_out`: was unclaimed. */
  readonly kind: 'new' | 'joined' | 'handed_out'
}

export interface ClaimsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly gate: Gate
  readonly ports: PortBook
  readonly template: EngineTemplate
  readonly newId: () => string
  /** Whether its container runs, as far as is known. */
  readonly isRunning: (engine: Engine) => boolean
  /** Whether a caller could be made to wait for the engine's launch. */
  readonly isStarting: (engineId: string) => boolean
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
      const refusal = this.deps.gate.refusal(tx, request, waiting !== undefined)
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
    const refusal = this.deps.gate.refusal(tx, start.request, false, breakerOf(start))
    if (refusal) throw new ProvisionRefused(refusal)
    return this.#begin(tx, { ...start, key: null, handedOutAt: null, detail })
  }

  /** The unclaimed engine that such a caller would get. */
  waiting(db: Db, hash: string, key: string | null): Engine | undefined {
    return claimableEngine(
      db,
      hash,
      key,
      (engine) => this.deps.isRunning(engine) || this.deps.isStarting(engine.id),
    )
  }

  #byKey(tx: Db, key: string, hash: string): Engine | null {
    const record = idempotencyRecord(tx, key)
    if (record === undefined) return null
    if (record.requestHash !== hash) throw new KeyReused()
    const engine = engineById(tx, record.engineId)
    if (engine === undefined || !isLive(engine) || engine.removalRequestedAt !== null) return null
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
    const { clock, gate } = this.deps
    const now = clock.now()
    const number = takeEngineNumber(tx)
    const draft = this.#draft(start, `acestream-${number}`, now)
    const engine = { ...draft, ...this.freePorts(tx, draft, number - 1, now) }
    insertEngine(tx, engine)
    for (const lease of leasesOf(engine)) takeLease(tx, lease, now)
    noteStart(tx, engine, now, gate.breakers())
    const detail = { ...start.detail, name: engine.name, port: engine.hostHttpPort, image: engine.image }
    appendJournal(tx, now, { kind: 'provision.started', engineId: engine.id, detail })
    return engine
  }

  /**
   * Ports for the engine that are free now, and the labels that follow from them. Throws ProvisionRefused when there
   * are none. The HTTPS port needs a lease only where it is published: inside, every container has its own ports.
   */
  freePorts(db: Db, engine: Engine, start: number, nowMs: number): Ports & Pick<Engine, 'labels'> {
    const { ports, template } = this.deps
    const { hostPort } = engine.request
    const http = hostPort ?? ports.free(db, HOST_SCOPE, ports.ranges.host, start, nowMs)
    const https = template.mapHttps
      ? ports.free(db, HOST_SCOPE, ports.ranges.https, start, nowMs)
      : ports.ranges.https.first
    if (http === null) throw new ProvisionRefused(noFreePort('all ports of PORT_RANGE_HOST are taken'))
    if (https === null) throw new ProvisionRefused(noFreePort('all ports of ACE_HTTPS_RANGE are taken'))
    const hostHttpsPort = template.mapHttps ? https : null
    const chosen = { httpPort: http, hostHttpPort: http, httpsPort: https, hostHttpsPort }
    return { ...chosen, labels: engineLabels(template, { ...engine, ...chosen }) }
  }

  #draft(start: Start, name: string, now: number): Engine {
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
      scope: HOST_SCOPE,
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

type Ports = Pick<Engine, 'httpPort' | 'httpsPort' | 'hostHttpPort' | 'hostHttpsPort'>

/** The ports that an engine holds in its scope. */
export function leasesOf(engine: Engine): Lease[] {
  const { id: engineId, scope, hostHttpPort, hostHttpsPort } = engine
  const http: Lease = { scope, port: hostHttpPort, kind: 'http', engineId }
  return hostHttpsPort === null ? [http] : [http, { scope, port: hostHttpsPort, kind: 'https', engineId }]
}

/** What a row holds before its container was seen. */
export const unseen = {
  reason: null,
  containerId: null,
  vpnNode: null,
  forwarded: false,
  httpPort: 0,
  httpsPort: 0,
  apiPort: null,
  p2pPort: null,
  hostHttpPort: 0,
  hostHttpsPort: null,
  labels: {},
  containerState: null,
  address: null,
  networks: [],
  containerStartedAt: null,
  readyAt: null,
  unclaimedSince: null,
  adoptedAt: null,
  removalRequestedAt: null,
  lastStreamAt: null,
  replaces: null,
  drainCause: null,
  drainingSince: null,
  stoppedAt: null,
  stopCause: null,
  restartCount: 0,
  restartsAt: [],
  endedAt: null,
} as const satisfies Partial<Engine>
