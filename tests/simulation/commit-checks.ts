import type { Books, EngineBook, JournalBook } from './books.ts'
import { type Coverage, count, tally } from './coverage.ts'
import { Fold } from './fold.ts'
import type { Trace } from './trace.ts'
import { short } from './trace.ts'

export interface CommitChecksDeps {
  readonly books: Books
  readonly coverage: Coverage
  readonly trace: Trace
  readonly maxReplicas: () => number
  /** Receives every journal entry in order, before anything else happens. */
  readonly onEntry: (entry: JournalBook) => void
  readonly onViolation: (text: string) => void
}

/** Kinds of journal entries that end an engine. */
const ENDS = ['engine.gone', 'engine.failed', 'provision.failed']

/**
 * Checks what must hold after every commit: journal and tables agree, ports are leased once, the cap holds, breakers count
 * correctly, and ended engines leave nothing behind.
 */
export class CommitChecks {
  readonly #fold = new Fold()
  /** Engines that were adopted unchanged, with a port that another engine may have leased. */
  readonly #adopted = new Set<string>()
  /** By name: the consecutive failures that each breaker had counted. */
  readonly #failures = new Map<string, number>()

  constructor(private readonly deps: CommitChecksDeps) {}

  check(): void {
    const { books } = this.deps
    const entries = books.journalAfter(this.#fold.lastId)
    for (const entry of entries) {
      this.#note(entry)
      this.deps.onEntry(entry)
    }
    const live = books.live()
    if (entries.some(({ kind, engine_id }) => kind === 'provision.started' && engine_id !== null))
      this.#checkCap(live)
    this.#checkFold(live)
    this.#checkPorts(live)
    this.#checkBreakers(entries)
    this.#checkTrials()
    for (const entry of entries) if (ENDS.includes(entry.kind)) this.#checkEnd(entry)
    this.#checkStreams(live)
  }

  /** How many starts of streams were written since the last check, also within a transaction that is not committed yet. */
  startsSince(): number {
    const isStart = ({ kind }: JournalBook): boolean => kind === 'stream.started' || kind === 'stream.failed'
    return this.deps.books.journalAfter(this.#fold.lastId).filter(isStart).length
  }

  #note(entry: JournalBook): void {
    const { coverage, trace } = this.deps
    this.#fold.add(entry)
    if (entry.kind === 'engine.adopted' && entry.engine_id !== null) this.#adopted.add(entry.engine_id)
    trace.note(
      'journal',
      `${entry.kind} ${entry.engine_id?.slice(-4) ?? ''} ${entry.stream_id ?? ''} ${entry.detail}`,
    )
    tally(coverage, `journal ${entry.kind}`)
    const { rule } = JSON.parse(entry.detail) as { rule?: unknown }
    if (typeof rule === 'string') count(coverage.rules, rule, entry.kind)
  }

  #checkCap(live: readonly EngineBook[]): void {
    const max = this.deps.maxReplicas()
    if (live.length > max)
      this.deps.onViolation(`a start makes ${live.length} engines, MAX_REPLICAS is ${max}`)
  }

  #checkFold(live: readonly EngineBook[]): void {
    const { onViolation, books } = this.deps
    for (const { id, status, name } of live) {
      const told = this.#fold.status(id)
      if (told !== status) onViolation(`${name} is ${status} and the journal says ${told ?? 'nothing'}`)
    }
    if (live.length !== this.#fold.live().length)
      onViolation(`${live.length} live engines, and the journal has ${this.#fold.live().length}`)
    const started = books.startedStreams()
    const told = this.#fold.startedStreams()
    const missing = started.find(({ stream_id: id }) => !told.has(id))
    if (missing !== undefined)
      onViolation(`stream ${missing.stream_id} is started and the journal says it is not`)
    else if (started.length !== told.size)
      onViolation(`${started.length} started streams, and the journal has ${told.size}`)
  }

  #checkPorts(live: readonly EngineBook[]): void {
    const { books, onViolation } = this.deps
    const holders = new Map(books.leases().map((lease) => [`${lease.scope}:${lease.port}`, lease.engine_id]))
    const ids = new Set(live.map(({ id }) => id))
    for (const [port, id] of holders)
      if (!ids.has(id)) onViolation(`port ${port} is leased to ${short(id)}, which is history`)
    for (const engine of live) {
      if (this.#adopted.has(engine.id)) continue
      for (const port of portsOf(engine)) {
        const holder = holders.get(`${engine.scope}:${port}`)
        if (holder !== engine.id)
          onViolation(`${engine.name} has ${port} of ${engine.scope}, leased to ${holder ?? 'nobody'}`)
      }
    }
  }

  /** Checks that only the row is left of an ended engine. Leases, trial and streams are checked after every commit. */
  #checkEnd({ kind, engine_id: id }: JournalBook): void {
    const { books, onViolation } = this.deps
    const engine = id === null ? null : books.byId(id)
    if (engine === null) return
    const { name, status, ended_at, reason, container_state, unclaimed_since, claim_key } = engine
    if (ended_at === null || reason === null) onViolation(`${name} is ${status} without a time or a reason`)
    if (container_state !== null) onViolation(`${name} is ${status} and its container ${container_state}`)
    if (unclaimed_since !== null || claim_key !== null) onViolation(`${name} is ${status} and unclaimed`)
    if (kind === 'provision.failed' && books.keysOf(engine.id) > 0)
      onViolation(`an idempotency key stands for ${name}, whose provision failed`)
  }

  #checkStreams(live: readonly EngineBook[]): void {
    const ids = new Set(live.map(({ id }) => id))
    for (const { stream_id, engine_id } of this.deps.books.startedStreams())
      if (engine_id !== null && !ids.has(engine_id))
        this.deps.onViolation(`stream ${stream_id} is started on ${short(engine_id)}, which is history`)
  }

  /** Only engines that are made exactly as the template says may count. */
  #checkBreakers(entries: readonly JournalBook[]): void {
    const { books, onViolation } = this.deps
    for (const { kind, engine_id: id } of entries)
      if (kind.startsWith('breaker.') && id !== null && !this.#isAsTemplate(id))
        onViolation(`${kind} for ${short(id)}, which its caller had made another way`)
    const failed = entries.filter(({ kind }) => ENDS.includes(kind))
    for (const { name, failures } of books.breakers()) {
      const isCounted = failures > (this.#failures.get(name) ?? 0)
      this.#failures.set(name, failures)
      if (isCounted && !failed.some(({ engine_id: id }) => this.#isAsTemplate(id)))
        onViolation(`breaker ${name} counts a fault, and no engine that the template makes has failed`)
    }
  }

  #checkTrials(): void {
    const { books, onViolation } = this.deps
    for (const { name, state, trial_engine_id: trial } of books.breakers()) {
      if (trial === null) continue
      if (!this.#isAsTemplate(trial))
        onViolation(`the trial of breaker ${name} is ${short(trial)}, which its caller had made another way`)
      if (state !== 'half_open') onViolation(`breaker ${name} is ${state} and has a trial`)
      const engine = books.byId(trial)
      const isLive = engine !== null && engine.status !== 'gone' && engine.status !== 'failed'
      if (!isLive || engine.ready_at !== null)
        onViolation(
          `the trial of breaker ${name} is ${engine?.status ?? 'no engine'}: it decides nothing any more`,
        )
    }
  }

  /** Whether the caller changed nothing about how the engine is made. */
  #isAsTemplate(id: string | null): boolean {
    const request = (id === null ? null : this.deps.books.byId(id))?.request ?? '{}'
    const { image, env } = JSON.parse(request) as { image?: string | null; env?: object }
    return (image ?? null) === null && Object.keys(env ?? {}).length === 0
  }
}

/** The ports on the host that are or may be published, or all ports in the network of a VPN node. Each is there only once. */
const portsOf = (engine: EngineBook): readonly (number | null)[] =>
  engine.vpn_node === null
    ? [engine.host_http_port, engine.p2p_port]
    : [engine.http_port, engine.https_port, engine.api_port, engine.p2p_port]
