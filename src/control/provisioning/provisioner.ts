import {
  inProgress,
  ProvisionRefused,
  permanent,
  storageUnavailable,
} from '../../core/provisioning/refusal.ts'
import { type Engine, type EngineRequest, isLive } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { engineById, liveEngines, updateEngine } from '../../store/engines.ts'
import { forgetKeysOf } from '../../store/idempotency.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Db, Store } from '../../store/store.ts'
import { CallerGone } from '../errors.ts'
import type { InHand } from '../facts/in-hand.ts'
import type { LookQueue } from '../facts/look-queue.ts'
import type { Claims } from './claims.ts'
import type { Checkpoint, LaunchEnd, Launcher } from './launcher.ts'
import type { Launch, Launches } from './launches.ts'

export interface ProvisionerDeps {
  readonly store: Store
  readonly clock: Clock
  readonly claims: Claims
  readonly launcher: Launcher
  readonly log: Log
  readonly checkpoint: Checkpoint
  /** How long a caller waits for its engine. */
  readonly deadlineMs: number
  /** How long an engine whose caller got no answer is kept for the next equal request. */
  readonly unclaimedTtlMs: number
  readonly launches: Launches
  readonly inHand: InHand
  readonly looks: Pick<LookQueue, 'changed' | 'lookAt' | 'passSoon'>
  readonly onError: OnError
}

/**
 * Starts engines for callers.
 *
 * INVARIANTS: an engine is committed before its caller learns of it. If a caller disconnects or gives up, its engine becomes
 * unclaimed and is kept for the next equal request; the launch itself goes on. There is one launch per row. An engine has
 * one caller, unless several calls came with the same idempotency key.
 */
export class Provisioner {
  readonly #expiries = new Map<string, () => void>()

  constructor(private readonly deps: ProvisionerDeps) {}

  /**
   * Returns an engine that runs and is listed. Throws ProvisionRefused (with `provisioning_in_progress` if it takes longer
   * than the deadline), KeyReused, or CallerGone if `signal` was aborted.
   */
  async provision(request: EngineRequest, key: string | null, signal: AbortSignal): Promise<Engine> {
    if (signal.aborted) throw new CallerGone()
    const { engine, kind } = this.deps.claims.claim(request, key)
    if (kind === 'new') this.#launch(engine)
    const launch = this.deps.launches.of(engine.id)
    if (launch !== undefined) await this.#wait(engine.id, launch, signal)
    const found = engineById(this.deps.store.db, engine.id)
    if (found === undefined || !isLive(found) || found.removalRequestedAt !== null)
      throw this.#deleted(engine.id, key)
    if (found.status === 'provisioning') throw new ProvisionRefused(inProgress)
    this.deps.checkpoint('before_reply')
    return found
  }

  /** Launches an engine that no caller asked for. Returns how the launch ends. */
  start(engine: Engine): Promise<LaunchEnd> {
    return this.#launch(engine).end
  }

  /**
   * Turns unclaimed engines whose time is over into spares, and sets timers for the others. Call this at the start and after
   * every full pass.
   */
  sweepUnclaimed(): void {
    const { store, clock, unclaimedTtlMs } = this.deps
    const now = clock.now()
    for (const { id, unclaimedSince } of liveEngines(store.db)) {
      if (unclaimedSince === null) continue
      if (unclaimedSince + unclaimedTtlMs <= now) this.#toSpare(id)
      else if (!this.#expiries.has(id)) this.#expireAfter(id, unclaimedSince + unclaimedTtlMs - now)
    }
  }

  /** Cancels the timers. Launches in progress are settled by the container sync of the next start. */
  stop(): void {
    for (const cancel of this.#expiries.values()) cancel()
    this.#expiries.clear()
  }

  /** The refusal for a caller whose engine was deleted. A failure is not kept, so the next call with the key tries anew. */
  #deleted(engineId: string, key: string | null): ProvisionRefused {
    if (key !== null) this.deps.store.transact((tx) => forgetKeysOf(tx, engineId))
    return new ProvisionRefused(permanent('the engine was deleted while it was started'))
  }

  #launch(engine: Engine): Launch {
    const { launches, launcher, inHand } = this.deps
    const launch = launches.begin(engine.id)
    inHand
      .during(engine.id, () => launcher.launch(engine))
      .then(
        (outcome) => this.#ended(engine.id, outcome),
        (error: unknown) => this.#brokeOff(engine, launch, error),
      )
    return launch
  }

  /**
   * Handles a launch that threw an error. If its outcome could not be written, the row stays as it is, and is settled when
   * the database takes writes again.
   */
  #brokeOff(engine: Engine, launch: Launch, error: unknown): void {
    const { store, log } = this.deps
    const failure = store.failed(error)
    if (failure === null)
      log.error({ engine: engine.id, name: engine.name, err: error }, 'a launch broke off: this is a defect')
    else launch.refuse(storageUnavailable(failure.message))
    this.#ended(engine.id, { kind: 'unknown' })
  }

  /**
   * Handles the end of a launch, and settles it if its outcome is known. Unless the launch failed, requests a look at its
   * container, or at all containers if it is not known which one that is.
   */
  #ended(engineId: string, outcome: LaunchEnd): void {
    const { store, launches, looks } = this.deps
    if (outcome.kind !== 'unknown') launches.settled(engineId, outcome)
    if (outcome.kind === 'failed') return
    const containerId = engineById(store.db, engineId)?.containerId ?? null
    if (containerId === null) {
      looks.passSoon()
    } else {
      looks.changed(containerId)
      looks.lookAt(containerId)
    }
  }

  async #wait(engineId: string, launch: Launch, signal: AbortSignal): Promise<void> {
    const { clock, deadlineMs } = this.deps
    const patience = new AbortController()
    const giveUp = () => patience.abort()
    signal.addEventListener('abort', giveUp)
    launch.waiters++
    const refused = launch.refused.then((refusal) => ({ kind: 'refused' as const, refusal }))
    const end = await Promise.race([launch.end, refused, clock.sleep(deadlineMs, patience.signal)])
    launch.waiters--
    signal.removeEventListener('abort', giveUp)
    giveUp()
    if (end?.kind === 'failed') throw new ProvisionRefused(end.refusal)
    if (end !== undefined && end.kind !== 'refused' && !signal.aborted) return
    if (launch.waiters === 0) this.#unclaim(engineId)
    if (signal.aborted) throw new CallerGone()
    throw new ProvisionRefused(end?.kind === 'refused' ? end.refusal : inProgress)
  }

  #unclaim(engineId: string): void {
    const { store, clock, unclaimedTtlMs } = this.deps
    const now = clock.now()
    const marked = store.transactOrKeep((tx) => {
      const engine = engineById(tx, engineId)
      if (engine === undefined || !isLive(engine)) return false
      updateEngine(tx, engineId, { unclaimedSince: now })
      appendJournal(tx, now, { kind: 'engine.unclaimed', engineId })
      return true
    })
    if (marked) this.#expireAfter(engineId, unclaimedTtlMs)
  }

  #expireAfter(engineId: string, ms: number): void {
    this.#expiries.get(engineId)?.()
    this.#expiries.set(
      engineId,
      this.deps.clock.after(
        ms,
        guarded(() => {
          this.#expiries.delete(engineId)
          this.sweepUnclaimed()
        }, this.deps.onError),
      ),
    )
  }

  #toSpare(engineId: string): void {
    const { store, clock } = this.deps
    this.#expiries.get(engineId)?.()
    this.#expiries.delete(engineId)
    store.transact((tx: Db) => {
      updateEngine(tx, engineId, { unclaimedSince: null, claimKey: null })
      appendJournal(tx, clock.now(), { kind: 'engine.spare', engineId })
    })
  }
}
