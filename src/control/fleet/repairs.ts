import type { Action, ActionOf, PlanRule } from '../../core/plan/fleet-snapshot.ts'
import { plan } from '../../core/plan/plan.ts'
import { ProvisionRefused } from '../../core/provisioning/refusal.ts'
import { type Engine, hasStopped } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { type ContainerObservation, type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import { engineById, transition, updateEngine } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Db, Store } from '../../store/store.ts'
import { startedStreamsOf } from '../../store/streams.ts'
import { present } from '../containers/present.ts'
import { removeAsSeen } from '../containers/removal.ts'
import { type BreakersSettings, freeTrial } from '../engines/breaker-notes.ts'
import { endEngine, endStreams } from '../engines/endings.ts'
import type { InHand } from '../facts/in-hand.ts'
import type { LookQueue } from '../facts/look-queue.ts'
import type { Claims } from '../provisioning/claims.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'
import type { FleetSnapshots } from './fleet-snapshots.ts'
import type { StartBackoff } from './start-backoff.ts'

export interface RepairsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly runtime: Runtime
  readonly log: Log
  readonly breakers: BreakersSettings
  readonly snapshots: Pick<FleetSnapshots, 'take'>
  readonly inHand: Pick<InHand, 'during'>
  readonly looks: Pick<LookQueue, 'lookAt'>
  readonly nodes: VpnNodes
  readonly claims: Pick<Claims, 'again'>
  readonly startBackoff: Pick<StartBackoff, 'launch'>
  /** Called for each repair that is begun. */
  readonly onAction: (action: Action) => void
}

/** An engine without a network, or outside the one that it should be in, has nobody to say goodbye to. */
const STOP_GRACE_S = 2

/** Failures of a start that say that this container will not run here any more. */
const HOPELESS = new Set<RuntimeFailure['code']>(['port_taken', 'refused', 'not_found', 'conflict'])

/**
 * Starts containers that stopped in an outage, brings those back whose VPN node was restarted or made anew, stops those that
 * are outside the VPN, and removes engines that do not work. Each takes questions to the container engine, so what is wanted
 * is asked for anew before anything is done.
 */
export class Repairs {
  constructor(private readonly deps: RepairsDeps) {}

  /** Throws RuntimeFailure when Docker can't be asked; nothing is written then. */
  async repair(engineId: string): Promise<void> {
    const { deps } = this
    const containerId = engineById(deps.store.db, engineId)?.containerId ?? null
    const wanted = this.#wanted(engineId)
    if (containerId === null || wanted === undefined) return
    const seen = await present(deps.runtime.inspect(containerId))
    // That it has a network of its own is true however its node is.
    if (wanted.type !== 'halt' && !(await this.#isNodeAsKnown(engineId))) return
    const action = this.#wanted(engineId)
    const engine = engineById(deps.store.db, engineId)
    if (action === undefined || engine === undefined) return
    // What is gone, runs again, or is elsewhere than was known, is noted by the container sync.
    if (seen === null || !isAsDecided(action, seen)) return deps.looks.lookAt(containerId)
    deps.onAction(action)
    try {
      await deps.inHand.during(engineId, () => this.#mend(engine, action, seen))
    } finally {
      // Also where it failed half-way.
      deps.looks.lookAt(containerId)
    }
  }

  /** The repair that the plan of this moment wants of the engine. */
  #wanted(engineId: string): RepairAction | undefined {
    const { actions } = plan(this.deps.snapshots.take())
    return actions.filter(isRepairAction).find((action) => action.engineId === engineId)
  }

  async #mend(engine: Engine, action: RepairAction, seen: ContainerObservation): Promise<void> {
    switch (action.type) {
      case 'fail':
        return this.#remove(engine, action, seen, engine.status === 'starting')
      case 'revive':
        return this.#revive(engine, action, seen)
      case 'restart':
        return this.#restart(engine, action, seen)
      case 'recreate':
        return this.#recreate(engine, action, seen)
      case 'halt':
        return this.#halt(engine, action, seen)
    }
  }

  /**
   * Whether the engine's VPN node is the one that is known: what is decided about its network must not rest on a node that
   * was restarted since. If it was, its watch hears of it, and the next plan knows.
   */
  async #isNodeAsKnown(engineId: string): Promise<boolean> {
    const { store, runtime, nodes } = this.deps
    const name = engineById(store.db, engineId)?.vpnNode ?? null
    const known = name === null ? null : (nodes.get(name)?.container ?? null)
    if (name === null || known === null) return true
    const seen = await present(runtime.inspect(name))
    return seen?.id === known.id && seen.startedAtMs === known.startedAtMs
  }

  /** Joins the node's network anew. Hidden from the first step on; cut off in between, it is started by the next look. */
  async #restart(engine: Engine, { rule, reason }: Action, seen: ContainerObservation): Promise<void> {
    const { store, clock, runtime, log } = this.deps
    store.transact((tx) => {
      const now = clock.now()
      updateEngine(tx, engine.id, { containerState: 'restarting' })
      endStreams(tx, engine.id, 'vpn_lost', now)
      appendJournal(tx, now, { kind: 'engine.restarting', engineId: engine.id, detail: { rule, reason } })
    })
    log.info({ engine: engine.id, name: engine.name, rule }, `engine restarts: ${reason}`)
    if (!hasStopped(seen.state)) await runtime.stop(seen.id, STOP_GRACE_S)
    await this.#startAgain(engine, { rule, reason }, seen)
  }

  /**
   * Ends what it serves, by its books first, so that none of it ends for another reason; once more afterwards, since a proxy may
   * report a stream meanwhile. The row waits for a place behind the VPN.
   */
  async #halt(engine: Engine, { rule, reason }: Action, seen: ContainerObservation): Promise<void> {
    const { store, clock, runtime, log } = this.deps
    // It is done, and the look that notes it may be late.
    if (hasStopped(seen.state) && startedStreamsOf(store.db, engine.id).length === 0) return
    store.transact((tx) => {
      const now = clock.now()
      // Whoever used it before it was taken over loses it too, and nobody knows how long it waits.
      updateEngine(tx, engine.id, { adoptedAt: null })
      freeTrial(tx, engine, now)
      const streams = endStreams(tx, engine.id, 'outside_vpn', now)
      const detail = { rule, reason, streams }
      appendJournal(tx, now, { kind: 'engine.outside_vpn', engineId: engine.id, detail })
    })
    log.warn({ engine: engine.id, name: engine.name, rule }, `engine is stopped: ${reason}`)
    if (hasStopped(seen.state)) return
    await runtime.stop(seen.id, STOP_GRACE_S)
    store.transact((tx) => void endStreams(tx, engine.id, 'outside_vpn', clock.now()))
  }

  /** The same engine in another container: the row goes back to the beginning of its life, with its name and its ports. */
  async #recreate(engine: Engine, { rule, reason }: Action, seen: ContainerObservation): Promise<void> {
    const { store, clock, runtime, startBackoff, log } = this.deps
    await runtime.destroy(seen.id)
    const again = store.transact((tx) => {
      const now = clock.now()
      if (!transition(tx, engine.id, ['starting', 'ready'], 'provisioning')) return null
      endStreams(tx, engine.id, 'vpn_lost', now)
      const detail = { rule, reason, container_id: seen.id }
      appendJournal(tx, now, { kind: 'engine.recreating', engineId: engine.id, detail })
      return this.#again(tx, engine.id)
    })
    if (again === null) return
    log.info({ engine: engine.id, name: engine.name, rule }, `engine is made anew: ${reason}`)
    startBackoff.launch(again)
  }

  /** Null when there is no port for it any more: then it has failed. */
  #again(tx: Db, engineId: string): Engine | null {
    const { claims, clock, log } = this.deps
    const engine = engineById(tx, engineId)
    try {
      return engine === undefined ? null : claims.again(tx, engine)
    } catch (error) {
      if (!(error instanceof ProvisionRefused)) throw error
      const { code, message: reason } = error.refusal
      endEngine(tx, engineId, { kind: 'provision_failed', code, reason, fault: null }, clock.now())
      log.warn({ engine: engineId, code }, reason)
      return null
    }
  }

  /** False when it can't be started here any more, and was removed. */
  async #startAgain(
    engine: Engine,
    { rule, reason }: Pick<Action, 'rule' | 'reason'>,
    seen: ContainerObservation,
  ): Promise<boolean> {
    try {
      await this.deps.runtime.start(seen.id)
      return true
    } catch (error) {
      if (!(error instanceof RuntimeFailure) || !HOPELESS.has(error.code)) throw error
      // A host that refuses is no fault of the engine.
      const why = `${reason}, and it could not be started again: ${error.message}`
      await this.#remove(engine, { rule, reason: why }, seen)
      return false
    }
  }

  async #revive(engine: Engine, action: Action, seen: ContainerObservation): Promise<void> {
    const { store, clock, log } = this.deps
    const { rule, reason } = action
    if (!(await this.#startAgain(engine, action, seen))) return
    store.transact((tx) =>
      appendJournal(tx, clock.now(), {
        kind: 'engine.revived',
        engineId: engine.id,
        detail: { rule, reason },
      }),
    )
    log.info({ engine: engine.id, name: engine.name }, `engine started again: ${reason}`)
  }

  async #remove(
    engine: Engine,
    { rule, reason }: Pick<Action, 'rule' | 'reason'>,
    seen: ContainerObservation,
    isFault = false,
  ): Promise<void> {
    const { store, clock, runtime, breakers, log } = this.deps
    // Somebody may have started it again.
    if (!(await removeAsSeen(runtime, seen))) return
    const end = { kind: 'failed', rule, reason, fault: isFault ? breakers : null } as const
    store.transact((tx) => endEngine(tx, engine.id, end, clock.now()))
    log.warn({ engine: engine.id, name: engine.name }, `engine failed: ${reason}`)
  }
}

const REPAIRS = ['fail', 'revive', 'restart', 'recreate', 'halt'] as const

/** An action that takes questions to the container engine, and is asked for again until it is done. */
export type RepairAction = ActionOf<(typeof REPAIRS)[number]>

export const isRepairAction = (action: Action): action is RepairAction =>
  REPAIRS.some((type) => type === action.type)

/** Rules that hold only as long as the container stands still, and only as long as its network is its own. */
const ABOUT_STOP = new Set<PlanRule>(['exited', 'stopped_in_outage', 'moved_behind_vpn'])
const ABOUT_NETWORK = new Set<PlanRule>(['outside_vpn', 'moved_behind_vpn'])

/** Whether the container, looked at just now, is as the decision has it. */
const isAsDecided = ({ rule }: Action, { state, joins }: ContainerObservation): boolean =>
  (hasStopped(state) || !ABOUT_STOP.has(rule)) && (joins === null || !ABOUT_NETWORK.has(rule))
