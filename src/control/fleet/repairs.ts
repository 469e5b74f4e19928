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
import { removeAsSeen } from '../containers/checked-removal.ts'
import { present } from '../containers/present.ts'
import { type BreakersSettings, freeTrial } from '../engines/breaker-notes.ts'
import { endEngine, endStreams, type FailedEnd } from '../engines/endings.ts'
import type { InHand } from '../facts/in-hand.ts'
import type { LookQueue } from '../facts/look-queue.ts'
import type { FailureReport, FailureReports } from '../health/failure-reports.ts'
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
  readonly inHand: Pick<InHand, 'during' | 'whileFailing'>
  readonly looks: Pick<LookQueue, 'lookAt'>
  readonly nodes: VpnNodes
  readonly claims: Pick<Claims, 'again'>
  readonly startBackoff: Pick<StartBackoff, 'launch' | 'unreached'>
  readonly reports: Pick<FailureReports, 'of'>
  /** Called for each repair that begins. */
  readonly onAction: (action: Action) => void
}

/** How long an engine has to stop, in seconds. An engine without a network, or in the wrong one, has nothing to finish. */
const STOP_GRACE_S = 2

/** Errors of a start which mean that this container will not run here any more. */
const HOPELESS: ReadonlySet<RuntimeFailure['code']> = new Set([
  'port_taken',
  'no_host',
  'unrunnable',
  'refused',
  'not_found',
  'conflict',
])

/**
 * Starts containers that stopped in an outage, restarts or recreates the containers of engines whose VPN node was restarted
 * or recreated, stops engines outside the VPN, and removes engines that do not work. A repair needs calls to Docker, so it
 * asks for the current plan again before it does anything.
 */
export class Repairs {
  constructor(private readonly deps: RepairsDeps) {}

  /**
   * Does the repair that the current plan asks for, if any. Throws RuntimeFailure if Docker can't be asked; the repair is
   * then tried again later.
   */
  async repair(engineId: string): Promise<void> {
    const { deps } = this
    const before = engineById(deps.store.db, engineId)
    const containerId = before?.containerId ?? null
    const wanted = this.#wanted(engineId)
    if (before === undefined || containerId === null || wanted === undefined) return
    // Once its container is removed, nobody can find out any more why an engine never worked.
    const isNew = wanted.type === 'fail' && before.readyAt === null
    const report = isNew ? await deps.reports.of(before) : NO_REPORT
    const seen = await present(deps.runtime.inspect(containerId))
    // A halted engine has a network of its own, whatever the state of its node.
    if (wanted.type !== 'halt' && !(await this.#isNodeAsKnown(engineId))) return
    const action = this.#wanted(engineId)
    const engine = engineById(deps.store.db, engineId)
    if (action === undefined || engine === undefined) return
    // The container is gone, runs again or has joined another network. The container sync notes that.
    if (seen === null || !isAsDecided(action, seen)) return deps.looks.lookAt(containerId)
    deps.onAction(action)
    try {
      const hold = action.type === 'fail' ? 'whileFailing' : 'during'
      await deps.inHand[hold](engineId, () => this.#mend(engine, action, { seen, report }))
    } finally {
      // Needed even if the repair failed half-way.
      deps.looks.lookAt(containerId)
    }
  }

  /** The repair that the current plan asks for; undefined if there is none. */
  #wanted(engineId: string): RepairAction | undefined {
    const { actions } = plan(this.deps.snapshots.take())
    return actions.filter(isRepairAction).find((action) => action.engineId === engineId)
  }

  async #mend(engine: Engine, action: RepairAction, { seen, report }: Known): Promise<void> {
    switch (action.type) {
      case 'fail':
        return this.#fail(engine, action, { seen, report })
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
   * Whether the engine's VPN node is still as known. A decision about the network must not rest on a node that was restarted
   * since. In that case the VPN monitor finds the restart, and the next plan knows of it.
   */
  async #isNodeAsKnown(engineId: string): Promise<boolean> {
    const { store, runtime, nodes } = this.deps
    const name = engineById(store.db, engineId)?.vpnNode ?? null
    const known = name === null ? null : (nodes.get(name)?.container ?? null)
    if (name === null || known === null) return true
    const seen = await present(runtime.inspect(name))
    return seen?.id === known.id && seen.startedAtMs === known.startedAtMs
  }

  /**
   * Restarts the container, so that it joins the node's network again. The engine is hidden from the first step on. If the
   * repair is interrupted, the next look leads to a start.
   */
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
   * Stops an engine outside the VPN. Its streams are ended in the database first, so that none ends for another reason, and
   * once more afterwards, since a proxy may report a stream meanwhile. The row waits for a place behind the VPN.
   */
  async #halt(engine: Engine, { rule, reason }: Action, seen: ContainerObservation): Promise<void> {
    const { store, clock, runtime, log } = this.deps
    // The container is already stopped; the look that notes it may be late.
    if (hasStopped(seen.state) && startedStreamsOf(store.db, engine.id).length === 0) return
    store.transact((tx) => {
      const now = clock.now()
      // Unknown viewers of an adopted engine lose their streams as well. Nobody knows how long the engine waits, so it can't
      // be a trial.
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

  /** Makes another container for the same engine. The row goes back to `provisioning` with its name and its ports. */
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

  /**
   * Prepares the row for another container. Returns null if there is no port for it any more; the engine has failed then.
   */
  #again(tx: Db, engineId: string): Engine | null {
    const { claims, clock, log } = this.deps
    const engine = engineById(tx, engineId)
    try {
      return engine === undefined ? null : claims.again(tx, engine)
    } catch (error) {
      if (!(error instanceof ProvisionRefused)) throw error
      const { code, message: reason } = error.refusal
      endEngine(tx, engineId, { kind: 'provision_failed', code, reason, fault: null }, clock.now())
      log.warn({ engine: engineId, name: engine?.name, code }, `engine not started again: ${reason}`)
      return null
    }
  }

  /** Starts the container. Returns false if it can't be started here any more; it was removed then. */
  async #startAgain(
    engine: Engine,
    { rule, reason }: Pick<Action, 'rule' | 'reason'>,
    seen: ContainerObservation,
  ): Promise<boolean> {
    try {
      await this.deps.runtime.start(seen.id)
      return true
    } catch (error) {
      if (!(error instanceof RuntimeFailure) || !this.#isHopeless(engine, error)) throw error
      // A refusal by the host is not the engine's fault.
      const why = `${reason}, and it could not be started again: ${error.message}`
      await this.#remove(engine, { rule, reason: why }, seen)
      return false
    }
  }

  /** A node comes back. The container of another network, which no node has, may be gone for good. */
  #isHopeless(engine: Engine, { code }: RuntimeFailure): boolean {
    const isOfNoNode = this.deps.nodes.outside(engine) !== null
    return HOPELESS.has(code) || (code === 'no_network_container' && isOfNoNode)
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

  async #fail(engine: Engine, { rule, reason }: Action, { seen, report }: Known): Promise<void> {
    const why = report.why === '' ? reason : `${reason}: ${report.why}`
    if (report.isBeyondUs) this.deps.startBackoff.unreached()
    const fault = engine.status === 'starting' && !report.isBeyondUs ? this.deps.breakers : null
    await this.#remove(engine, { rule, reason: why, fault, log: report.log }, seen)
  }

  async #remove(
    engine: Engine,
    { log: lines = [], ...why }: Pick<Action, 'rule' | 'reason'> & Partial<Pick<FailedEnd, 'fault' | 'log'>>,
    seen: ContainerObservation,
  ): Promise<void> {
    const { store, clock, runtime, log } = this.deps
    // Somebody may have started the container again.
    if (!(await removeAsSeen(runtime, seen))) return
    const end = { kind: 'failed', fault: null, log: lines, ...why } as const
    store.transact((tx) => endEngine(tx, engine.id, end, clock.now()))
    const excerpt = lines.length === 0 ? {} : { engine_log: lines }
    log.warn({ engine: engine.id, name: engine.name, ...excerpt }, `engine failed: ${why.reason}`)
  }
}

/** What is known before a repair: the container as inspected, and why the engine fails if it never worked. */
interface Known {
  readonly seen: ContainerObservation
  readonly report: FailureReport
}

const NO_REPORT: FailureReport = { why: '', log: [], isBeyondUs: false }

const REPAIRS = ['fail', 'revive', 'restart', 'recreate', 'halt'] as const

/** An action that needs calls to Docker. Plans ask for it until it is done. */
export type RepairAction = ActionOf<(typeof REPAIRS)[number]>

export const isRepairAction = (action: Action): action is RepairAction =>
  REPAIRS.some((type) => type === action.type)

/** Rules that only hold while the container is stopped, and rules that only hold while it has a network of its own. */
const ABOUT_STOP = new Set<PlanRule>(['exited', 'stopped_in_outage', 'moved_behind_vpn'])
const ABOUT_NETWORK = new Set<PlanRule>(['outside_vpn', 'moved_behind_vpn'])

/** Whether the container, as just inspected, is in the state that the rule of the action requires. */
const isAsDecided = ({ rule }: Action, { state, joins }: ContainerObservation): boolean =>
  (hasStopped(state) || !ABOUT_STOP.has(rule)) && (joins === null || !ABOUT_NETWORK.has(rule))
