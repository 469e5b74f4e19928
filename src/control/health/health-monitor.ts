import { type Engine, generationOf, isProbed } from '../../core/types.ts'
import { Batches } from '../../lib/batches.ts'
import type { Clock } from '../../lib/clock.ts'
import { guarded, guardedAll, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { Throttle } from '../../lib/throttle.ts'
import { engineById, transition } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Db, Store } from '../../store/store.ts'
import type { Addresses } from '../engines/addresses.ts'
import { type BreakersSettings, noteSuccess } from '../engines/breaker-notes.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { BootFacts } from '../facts/boot-facts.ts'
import type { ConnectionFacts, NetworkFact } from '../facts/connection-facts.ts'
import type { Facts } from '../facts/facts.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { SessionFacts } from '../facts/session-facts.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'
import { sessionsAsked, streamsInDoubt } from './asked-sessions.ts'
import type {
  HealthFact,
  HealthHandlers,
  HealthSource,
  HealthTarget,
  SessionTarget,
} from './health-source.ts'
import { networkIntervals } from './network-intervals.ts'
import type { SessionMonitor } from './session-monitor.ts'

/**
 * Tells the source which engines to probe, whenever that changes. Turns the facts of the source into verdicts, and moves
 * engines from `starting` to `ready`.
 */
export class HealthMonitor {
  #sent = ''
  #isScheduled = false
  #isStopped = false
  readonly #throttle = new Throttle()
  #cancel: () => void = () => undefined
  /** The engines that gave their first answer. After a start all do so at nearly the same time. */
  readonly #answered: Batches<Engine>

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly clock: Clock
      readonly facts: Facts
      readonly boots: BootFacts
      readonly sessions: SessionFacts
      readonly sessionMonitor: SessionMonitor
      readonly connections: ConnectionFacts
      readonly nodes: VpnNodes
      readonly hosts: Pick<HostFacts, 'of' | 'onNews'>
      readonly addresses: Addresses
      /** Tells when our own networks are others, with which some addresses come and go. */
      readonly places: { readonly onNews: (listener: () => void) => void }
      readonly breakers: BreakersSettings
      readonly source: HealthSource
      readonly log: Log
      /** The time within which every engine is probed once. */
      readonly intervalMs: number
      readonly onError: OnError
    },
  ) {
    this.#answered = new Batches(deps.clock, (engines) => this.#ready(engines))
  }

  start(): void {
    const { source, store, facts, boots, sessions, sessionMonitor, onError } = this.deps
    const { connections, nodes, hosts, places } = this.deps
    const handlers: HealthHandlers = {
      onFact: (fact) => this.#note(fact),
      onUnasked: ({ engineId, generation, atMs }) => facts.notAsked(engineId, generation, atMs),
      onBoot: (fact) => boots.note(fact),
      onSessions: (answers) => sessionMonitor.note(answers),
      onNetwork: (answers) => this.#noteNetwork(answers),
      onLost: () => {
        facts.forgetAllHealth()
        sessions.forgetAll()
        connections.forgetAll()
        // A new worker has no targets yet.
        this.#sent = ''
        this.#schedule()
      },
    }
    source.start(guardedAll<HealthHandlers>(handlers, onError))
    store.onCommit(() => this.#schedule())
    // Verdicts also decide which sessions are asked about.
    facts.onNews(() => this.#schedule())
    nodes.onNews(() => this.#schedule())
    hosts.onNews(() => this.#schedule())
    places.onNews(() => this.#schedule())
    connections.onNews(() => this.#schedule())
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.deps.source.stop()
  }

  /**
   * Schedules new targets after a change. A burst of changes is handled together and later, since each run reads all
   * engines.
   */
  #schedule(): void {
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    const look = guarded((): void => {
      this.#isScheduled = false
      if (!this.#isStopped) this.#send()
    }, this.deps.onError)
    const waitMs = this.#throttle.waitMs(this.deps.clock.now())
    if (waitMs === 0) queueMicrotask(look)
    else this.#cancel = this.deps.clock.after(waitMs, look)
  }

  #send(): void {
    const { store, rows, source, facts, boots, sessions, connections, clock } = this.deps
    const { engines, started } = rows.read()
    const intervalOf = networkIntervals(engines, this.deps, clock.now())
    facts.keepOnly(engines)
    const probed = engines.filter(isProbed)
    const inDoubt = streamsInDoubt(store.db, { engines: probed, started }, this.deps, clock.now())
    const targets = probed.map((engine) => {
      const sessions = sessionsAsked(started.get(engine.id) ?? [], inDoubt.get(engine.id) ?? [])
      return this.#target(engine, sessions, intervalOf(engine))
    })
    for (const { engineId, generation } of targets) facts.setProbed(engineId, generation, clock.now())
    const asked = targets.flatMap((target) => target.sessions.map(({ streamRowId }) => streamRowId))
    sessions.keepOnly(new Set(asked))
    const engineIds = new Set(engines.map(({ id }) => id))
    connections.keepOnly(engineIds)
    boots.keepOnly(engineIds)
    const text = JSON.stringify(targets)
    if (text === this.#sent) return
    this.#sent = text
    source.setTargets(targets)
  }

  #target(engine: Engine, sessions: SessionTarget[], networkIntervalMs: number | null): HealthTarget {
    return {
      engineId: engine.id,
      generation: generationOf(engine),
      addresses: this.deps.addresses.probed(engine),
      isBooting: engine.status === 'starting',
      isInDoubt: this.deps.hosts.of(engine)?.condition === 'lost',
      sessions,
      networkIntervalMs,
    }
  }

  #noteNetwork(answers: readonly NetworkFact[]): void {
    this.deps.connections.note(answers.filter((answer) => this.#current(answer) !== undefined))
  }

  /** The engine of a fact; undefined if the fact is about an earlier start, which says nothing about the current one. */
  #current({ engineId, generation }: Pick<HealthFact, 'engineId' | 'generation'>): Engine | undefined {
    const engine = engineById(this.deps.store.db, engineId)
    const isCurrent = engine !== undefined && isProbed(engine) && generationOf(engine) === generation
    return isCurrent ? engine : undefined
  }

  #note(fact: HealthFact): void {
    const { engineId, ok, atMs, error } = fact
    const { facts, log } = this.deps
    const engine = this.#current(fact)
    if (engine === undefined) return
    // Before the fact is told, so that the plan which the fact asks for finds the engine ready.
    if (ok && engine.status === 'starting') this.#answered.add(engine).catch(this.deps.onError)
    const before = facts.health(engineId, atMs).verdict
    facts.addProbe(engineId, { ok, atMs, error })
    const after = facts.health(engineId, atMs).verdict
    if (after === 'unhealthy' && before !== after)
      log.warn({ engine: engineId, name: engine.name }, `engine is unhealthy: ${error}`)
  }

  #ready(engines: readonly Engine[]): void {
    const { store, clock, log } = this.deps
    const now = clock.now()
    const ready = store.transact((tx) => engines.filter((engine) => this.#isMadeReady(tx, engine, now)))
    for (const { id, name, createdAt } of ready) {
      const seconds = Math.round((now - createdAt) / 100) / 10
      log.info({ engine: id, name, seconds }, 'engine ready')
    }
  }

  /** Returns false if the engine was started anew since it answered, or is ready already. */
  #isMadeReady(tx: Db, { id, ...answered }: Engine, nowMs: number): boolean {
    const engine = engineById(tx, id)
    if (engine === undefined || generationOf(engine) !== generationOf(answered)) return false
    if (!transition(tx, id, ['starting'], 'ready', { readyAt: nowMs })) return false
    noteSuccess(tx, engine, nowMs, this.deps.breakers)
    const detail = { after_ms: nowMs - engine.createdAt }
    appendJournal(tx, nowMs, { kind: 'engine.ready', engineId: id, detail })
    return true
  }
}
