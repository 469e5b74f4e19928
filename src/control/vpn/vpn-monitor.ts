import { type Engine, generationOf } from '../../core/types.ts'
import { namespaceOf } from '../../core/vpn/namespace.ts'
import { isContradicted, type NodeState } from '../../core/vpn/node-state.ts'
import type { Evidence } from '../../core/vpn/tunnel.ts'
import type { Clock } from '../../lib/clock.ts'
import { guardedAll, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { Loop } from '../../lib/loop.ts'
import { liveEngines, updateEngine } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import { leasesOf, releaseLeases, tryLease } from '../../store/leases.ts'
import type { Db, Store } from '../../store/store.ts'
import { freeTrial } from '../engines/breaker-notes.ts'
import type { FleetRows, Rows } from '../engines/fleet-rows.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { SessionFacts } from '../facts/session-facts.ts'
import type { NodeWarnings } from './node-warnings.ts'
import type { VpnNews, VpnNodes } from './vpn-nodes.ts'
import type { VpnContainerFact, VpnControlFact, VpnHandlers, VpnSource } from './vpn-source.ts'

/** How often all nodes are judged, since time alone can change a verdict. */
const TICK_MS = 1_000

/**
 * Turns facts about VPN nodes, their engines and their streams into verdicts. Writes each change of a verdict to the journal
 * and the log once.
 */
export class VpnMonitor {
  readonly #loop: Loop

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly clock: Clock
      readonly nodes: VpnNodes
      readonly connections: ConnectionFacts
      readonly sessions: SessionFacts
      readonly source: VpnSource
      readonly warnings: Pick<NodeWarnings, 'tell'>
      readonly log: Log
      readonly onError: OnError
    },
  ) {
    const { clock, onError } = deps
    this.#loop = new Loop({ clock, intervalMs: TICK_MS, first: 'now', work: () => this.#judgeAll(), onError })
  }

  /** Starts to watch the nodes. Does nothing if no node is configured. */
  start(): void {
    const { source, nodes, connections, onError } = this.deps
    if (nodes.all().length === 0) return
    // Registered before the reconciler's listener: answers of engines may change the verdict on their node, and a plan needs
    // it.
    connections.onNews((engineIds) => this.#judgeNodesOf(engineIds))
    source.start(
      guardedAll<VpnHandlers>(
        {
          onContainer: (fact) => this.#noteContainer(fact),
          onControl: (fact) => this.#noteControl(fact),
          onLost: () => {
            nodes.forgetAll()
            this.#judgeAll()
          },
        },
        onError,
      ),
    )
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await Promise.all([this.#loop.stop(), this.deps.source.stop()])
  }

  #noteContainer({ node, atMs, container, isMissing, error }: VpnContainerFact): void {
    const { nodes } = this.deps
    if (container !== null || isMissing) nodes.noteContainer(node, container, atMs)
    else nodes.noteDockerError(node, error ?? 'Docker does not answer')
    if (container !== null) this.#findEngines(node, container.id)
    this.#judge([node])
  }

  /**
   * Puts engines behind a node if they have joined its container but their row names no configured node. Engines of the
   * earlier orchestrator may have been adopted before the node's container was known. A node may also have been renamed in
   * the configuration.
   */
  #findEngines(node: string, containerId: string): void {
    const { store, rows, clock, nodes } = this.deps
    const { engines } = rows.read()
    const found = engines.filter(
      ({ vpnNode, networkContainerId }) =>
        networkContainerId === containerId && (vpnNode === null || nodes.get(vpnNode) === undefined),
    )
    if (found.length === 0) return
    store.transact((tx) => {
      for (const engine of found) joinNode(tx, engine, node, clock.now())
    })
  }

  #noteControl({ node, ...sight }: VpnControlFact): void {
    const { nodes } = this.deps
    const news = nodes.noteControl(node, sight)
    for (const each of news) this.#record(node, each)
    this.#judge([node])
  }

  #judgeAll(): void {
    this.#judge(this.deps.nodes.all().map(({ name }) => name))
  }

  #judgeNodesOf(engineIds: ReadonlySet<string>): void {
    const heard = this.deps.rows.read().engines.filter(({ id }) => engineIds.has(id))
    this.#judge(new Set(heard.flatMap(({ vpnNode }) => vpnNode ?? [])))
  }

  /** Judges these nodes, with one reading of the rows. */
  #judge(names: Iterable<string>): void {
    const { nodes, clock } = this.deps
    const rows = this.deps.rows.read()
    for (const name of names) {
      const before = nodes.judge(name, this.#evidence(name, rows), clock.now())
      const after = nodes.get(name)?.verdict
      if (before !== null && after !== undefined && before.state !== after.state)
        this.#tell(name, before, after)
    }
    this.deps.warnings.tell()
  }

  /**
   * What a node's engines and their streams show about its tunnel. Engines whose network is gone, or is not the node's, show
   * nothing.
   */
  #evidence(name: string, rows: Rows): Evidence {
    const { nodes, connections, sessions, clock } = this.deps
    const container = nodes.get(name)?.container ?? null
    const engines = rows.engines.filter(
      (engine) =>
        engine.vpnNode === name &&
        namespaceOf(engine, container) === 'alive' &&
        nodes.outside(engine) === null,
    )
    const streams = engines.flatMap(({ id }) => rows.started.get(id) ?? [])
    return {
      engines: engines.filter((each) => maySpeak(each, clock.now())).length,
      connections: engines.flatMap((engine) => connections.of(engine.id, generationOf(engine)) ?? []),
      flows: streams.flatMap(({ rowId, key }) => {
        const session = sessions.of(rowId)
        // A session that the engine no longer knows has ended. It stands still for that reason, so it is no evidence.
        const isServed = session !== null && session.state !== 'ended'
        return !isServed ? [] : [{ content: key, askedMs: session.askedMs, movedMs: session.movedMs }]
      }),
    }
  }

  #tell(node: string, before: NodeState, after: NodeState): void {
    const { state, reason } = after
    const { store, clock, log } = this.deps
    const kind = VERDICT_KINDS[state]
    const nowMs = clock.now()
    store.transactOrKeep((tx) => {
      if (state === 'down') this.#freeTrials(tx, node)
      appendJournal(tx, nowMs, { kind, detail: { node, reason } })
    })
    const seconds = Math.round((nowMs - before.sinceMs) / 1_000)
    if (state === 'down')
      log.warn(
        { node },
        `VPN down: ${reason}; its engines are hidden, and none starts behind it until it is up`,
      )
    else if (isContradicted(after))
      return // The warning is a line of the log.
    else if (state === 'unknown') log.info({ node }, `VPN not known: ${reason}`)
    else if (before.state === 'down') log.info({ node, seconds }, 'VPN up again')
    else log.info({ node }, 'VPN up')
  }

  /**
   * Frees the trials behind a node that went down. Such an engine cannot become ready, and nobody knows for how long, so
   * another engine elsewhere may be the trial.
   */
  #freeTrials(tx: Db, node: string): void {
    for (const engine of liveEngines(tx))
      if (engine.vpnNode === node) freeTrial(tx, engine, this.deps.clock.now())
  }

  #record(node: string, news: VpnNews): void {
    const { store, clock, nodes, log } = this.deps
    const { kind, ...detail } = news
    const nowMs = clock.now()
    store.transactOrKeep((tx) =>
      appendJournal(tx, nowMs, { kind: `vpn.${kind}`, detail: { node, ...detail } }),
    )
    if (kind === 'reconnected') log.info({ node, ...detail }, 'VPN reconnected')
    // While ports flap, the warning tells better how often they changed than a line for each change.
    else if (nodes.get(node)?.portFlaps === null) log.info({ node, ...detail }, 'forwarded ports changed')
  }
}

/** An engine that boots for longer than this will say nothing more. */
const BOOT_MS = 120_000

/** Whether an engine may say whether it is connected, now or soon. */
const maySpeak = ({ status, containerStartedAt }: Engine, nowMs: number): boolean =>
  status !== 'provisioning' && (status !== 'starting' || nowMs - (containerStartedAt ?? 0) < BOOT_MS)

const VERDICT_KINDS = { up: 'vpn.up', down: 'vpn.down', unknown: 'vpn.unknown' } as const

/**
 * Puts an engine behind its node, which was not known when the engine was adopted. The engine's ports move to the node's
 * scope.
 */
function joinNode(tx: Db, engine: Engine, vpnNode: string, nowMs: number): void {
  const joined = { ...engine, vpnNode, scope: vpnNode }
  updateEngine(tx, engine.id, { vpnNode, scope: vpnNode })
  releaseLeases(tx, engine.id)
  for (const lease of leasesOf(joined)) tryLease(tx, lease, nowMs)
}
