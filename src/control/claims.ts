import type { PortRange } from '../core/ports.ts'
import { noFreePort, ProvisionRefused } from '../core/refusal.ts'
import { type Engine, type EngineRequest, isLive, type PortKind } from '../core/types.ts'
import {
  claimableEngine,
  engineById,
  insertEngine,
  liveEngines,
  takeEngineNumber,
  updateEngine,
} from '../store/engines.ts'
import { bindKey, idempotencyRecord } from '../store/idempotency.ts'
import { appendJournal } from '../store/journal.ts'
import { type Lease, releaseLeases, takeLease } from '../store/leases.ts'
import type { Db, Store } from '../store/store.ts'
import { breakerOf, noteStart } from './breaker-notes.ts'
import type { Clock } from './clock.ts'
import { KeyReused } from './errors.ts'
import type { Gate } from './gate.ts'
import type { Place, Placer } from './placer.ts'
import type { PortBook } from './port-book.ts'
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
  readonly placer: Placer
  readonly template: EngineTemplate
  readonly newId: () => string
  /** Whether a caller could use it, or be made to wait for its launch, as far as is known. */
  readonly isUsable: (engine: Engine) => boolean
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
    return claimableEngine(db, hash, key, this.deps.isUsable)
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
    const place = this.#place(tx, start, now)
    const draft = { ...this.#draft(start, `acestream-${number}`, now), ...place }
    const engine = { ...draft, ...this.#freePorts(tx, draft, number - 1, now) }
    insertEngine(tx, engine)
    for (const lease of leasesOf(engine)) takeLease(tx, lease, now)
    forgetCarriers(tx, engine)
    noteStart(tx, engine, now, gate.breakers())
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

  /** Gives an engine other ports than those that it has, in the caller's transaction; throws ProvisionRefused. */
  moved(tx: Db, engine: Engine, nowMs: number): Ports & Pick<Engine, 'labels'> {
    releaseLeases(tx, engine.id)
    const next = engine.hostHttpPort - this.deps.placer.rangeOf(engine).first + 1
    const change = this.#freePorts(tx, engine, next, nowMs)
    const moved = { ...engine, ...change }
    for (const lease of leasesOf(moved)) takeLease(tx, lease, nowMs)
    forgetCarriers(tx, moved)
    return change
  }

  /**
   * Ports for the engine that are free now in its place, and the labels that follow from them. Throws ProvisionRefused when
   * there are none. Behind a VPN every port inside is one of the node's network, so each needs a lease; else only what is
   * published does, since every container has ports of its own.
   */
  #freePorts(db: Db, engine: Engine, start: number, nowMs: number): Ports & Pick<Engine, 'labels'> {
    const { ports, template, placer } = this.deps
    const { scope, vpnNode } = engine
    const offered = placer.forwardedPort(db, engine)
    const free = (name: string, range: PortRange): number => {
      // A provider may forward any port, also one that lies in a range of ours.
      const port = ports.free(db, scope, range, start, nowMs, offered)
      if (port === null) throw new ProvisionRefused(noFreePort(`all ports of ${name} are taken`))
      return port
    }
    const isShared = vpnNode !== null
    const httpRange = isShared ? 'GLUETUN_PORT_RANGE' : 'PORT_RANGE_HOST'
    const http = engine.request.hostPort ?? free(httpRange, placer.rangeOf(engine))
    const forwarded = offered === http ? null : offered
    const isLeased = isShared || template.mapHttps
    const https = isLeased ? free('ACE_HTTPS_RANGE', ports.ranges.https) : ports.ranges.https.first
    const chosen = {
      httpPort: http,
      hostHttpPort: http,
      httpsPort: https,
      hostHttpsPort: template.mapHttps && !isShared ? https : null,
      apiPort: isShared ? free('ACE_API_RANGE', ports.ranges.api) : null,
      p2pPort: isShared ? (forwarded ?? free('ACE_P2P_RANGE', ports.ranges.p2p)) : null,
      forwarded: forwarded !== null,
    }
    return { ...chosen, labels: engineLabels(template, { ...engine, ...chosen }) }
  }

  /**
   * Makes a row ready for another container in the place of the one that it had, in the caller's transaction: with its ports
   * as far as they are its own, but for the forwarded one, which may have changed, and as new engines are made now. Gives the
   * row as it is then; throws ProvisionRefused where there is no port left.
   */
  again(tx: Db, engine: Engine): Engine {
    const { template, clock } = this.deps
    releaseLeases(tx, engine.id)
    const draft = {
      ...engine,
      ...fresh,
      ...this.#keptPorts(tx, engine),
      configHash: templateHash(template, engine.image),
    }
    const again = { ...draft, labels: engineLabels(template, draft) }
    const { id, status, ...change } = again
    updateEngine(tx, id, change)
    for (const lease of leasesOf(again)) takeLease(tx, lease, clock.now())
    forgetCarriers(tx, again)
    return again
  }

  /** What an adopted engine has may be another's by right, or not known. */
  #keptPorts(tx: Db, engine: Engine): Ports {
    const { ports, placer } = this.deps
    const { scope, hostHttpsPort } = engine
    const offered = placer.forwardedPort(tx, engine)
    const keep = (port: number | null, range: PortRange): number => {
      if (port !== null && port > 0 && !ports.isLeased(tx, scope, port)) return port
      const other = ports.free(tx, scope, range, 0, this.deps.clock.now(), offered)
      if (other === null) throw new ProvisionRefused(noFreePort('none is left behind the VPN'))
      return other
    }
    const httpPort = keep(engine.httpPort, placer.rangeOf(engine))
    const httpsPort = keep(engine.httpsPort, ports.ranges.https)
    const apiPort = keep(engine.apiPort, ports.ranges.api)
    const forwarded = [httpPort, httpsPort, apiPort].includes(offered ?? 0) ? null : offered
    const p2pPort = forwarded ?? keep(engine.p2pPort, ports.ranges.p2p)
    const isCarrier = forwarded !== null || (engine.forwarded && p2pPort === engine.p2pPort)
    return {
      httpPort,
      hostHttpPort: httpPort,
      httpsPort,
      hostHttpsPort,
      apiPort,
      p2pPort,
      forwarded: isCarrier,
    }
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

type Ports = Pick<
  Engine,
  'httpPort' | 'httpsPort' | 'hostHttpPort' | 'hostHttpsPort' | 'apiPort' | 'p2pPort' | 'forwarded'
>

/** A node forwards one port: if this engine has it, those that had an earlier one carry none. */
function forgetCarriers(tx: Db, { id, vpnNode, forwarded }: Engine): void {
  if (!forwarded) return
  const others = liveEngines(tx).filter(
    (each) => each.vpnNode === vpnNode && each.forwarded && each.id !== id,
  )
  for (const other of others) updateEngine(tx, other.id, { forwarded: false })
}

/** The ports that an engine holds in its scope: those published on the host, or all that it has in a node's network. */
export function leasesOf(engine: Engine): Lease[] {
  const { id: engineId, scope, vpnNode } = engine
  const held: readonly (readonly [PortKind, number | null])[] =
    vpnNode === null
      ? [
          ['http', engine.hostHttpPort],
          ['https', engine.hostHttpsPort],
        ]
      : [
          ['http', engine.httpPort],
          ['https', engine.httpsPort],
          ['api', engine.apiPort],
          ['p2p', engine.p2pPort],
        ]
  return held.flatMap(([kind, port]) =>
    port === null || port === 0 ? [] : [{ scope, port, kind, engineId }],
  )
}

/** What is known of a container that is still to be made. */
const fresh = {
  containerId: null,
  containerState: null,
  containerStartedAt: null,
  donorId: null,
  address: null,
  stoppedAt: null,
  stopCause: null,
  restartCount: 0,
  restartsAt: [],
} as const satisfies Partial<Engine>

/** What a row holds before its container was seen. */
export const unseen = {
  ...fresh,
  reason: null,
  forwarded: false,
  httpPort: 0,
  httpsPort: 0,
  apiPort: null,
  p2pPort: null,
  hostHttpPort: 0,
  hostHttpsPort: null,
  labels: {},
  networks: [],
  readyAt: null,
  unclaimedSince: null,
  adoptedAt: null,
  removalRequestedAt: null,
  lastStreamAt: null,
  replaces: null,
  drainCause: null,
  drainingSince: null,
  endedAt: null,
} as const satisfies Partial<Engine>
