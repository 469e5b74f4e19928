import type { Clock } from '../../src/lib/clock.ts'
import type { Choice } from './acexy.ts'
import type { Books, EngineBook, JournalBook } from './books.ts'
import { type Coverage, tally } from './coverage.ts'
import type { EngineProcess } from './engine-process.ts'
import type { Http } from './http.ts'
import type { Server } from './server.ts'
import type { SimHost } from './sim-host.ts'
import type { HostTrouble, SimSwarm } from './sim-swarm.ts'

/** An engine of `GET /engines`, with the members that this file reads. */
interface ListedRow {
  readonly container_id: string
  readonly container_name: string
  readonly host: string
  readonly port: number
}

export interface HostChecksDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly http: Pick<Http, 'ask'>
  readonly books: Books
  readonly host: SimHost
  readonly server: () => Server
  readonly coverage: Coverage
  /** When the present outage of the manager, or one that has just ended, began. Null without one. */
  readonly outageSinceMs: () => number | null
  /** Whether the database may have refused writes since then. */
  readonly wasStorageFeltSince: (ms: number) => boolean
  readonly onViolation: (text: string) => void
}

/**
 * How long an engine may be listed whose host is lost: the manager takes 15 s to notice, the list of hosts may be asked for
 * in vain, and as many probes as the threshold run into their deadline.
 */
const LISTED_MS = 90_000
/** How long an engine may be kept there: 10 s of grace, and calls and back-offs until its removal was carried out. */
const KEPT_MS = 180_000
/** How long ago a trouble may be that a reason names, while the orchestrator does not know of its end. */
const STALE_MS = 60_000

/** What has to be the matter with a host for each reason. */
const KINDS = { host_lost: 'lost', host_drained: 'drain' } as const

/**
 * Checks what holds on a swarm: nobody is sent to a host that is away, its engines are given up, and an engine ends for its
 * host only if something was the matter with that.
 */
export class HostChecks {
  /** Engines that somebody else had put where they are. */
  readonly #found = new Set<string>()

  constructor(private readonly deps: HostChecksDeps) {}

  /** Looks at all engines. Call this every few seconds. */
  async look(): Promise<void> {
    const { swarm } = this.deps.host
    if (swarm === null) return
    const answer = await this.deps.http.ask({ method: 'GET', path: '/engines' })
    if (answer?.status === 200)
      for (const row of answer.body as readonly ListedRow[]) this.#judgeListed(row, swarm)
    for (const row of this.deps.books.live()) this.#judgeKept(row, swarm)
  }

  /** Receives every journal entry right after its commit. */
  note({ kind, engine_id: id, detail }: JournalBook): void {
    const { swarm } = this.deps.host
    if (swarm === null || id === null) return
    if (kind === 'engine.adopted') this.#found.add(id)
    const { rule, reason } = JSON.parse(detail) as { readonly rule?: string; readonly reason?: string }
    const why = kind === 'stream.ended' ? reason : kind === 'engine.removal_requested' ? rule : undefined
    if (why !== 'host_lost' && why !== 'host_drained') return
    const engine = this.deps.books.byId(id)
    const trouble = swarm.recentTroubleOf(hostOf(engine), KINDS[why], STALE_MS)
    tally(this.deps.coverage, `${kind}: ${why}`)
    const fault = trouble === null ? 'its host was not' : this.#faultOf(trouble, engine)
    if (fault !== null) this.deps.onViolation(`${engine?.name} ended as ${why}, and ${fault}`)
  }

  /**
   * Receives which engine a viewer has reached. What a POST gives is looked for at localhost, so it must be there if we know
   * where the proxies run.
   */
  reached(
    { by, containerId }: Pick<Choice, 'by' | 'containerId'>,
    { containerId: reachedId }: EngineProcess,
  ): void {
    const { host, coverage, books, server } = this.deps
    if (host.swarm === null || reachedId === containerId) return
    tally(coverage, `viewer by ${by} reached another engine`)
    const isMeant =
      by === 'list' || server().running?.config.SWARM_POST_NODE === host.swarm.scenario.proxiesOn
    if (isMeant && host.process(containerId) !== undefined)
      this.deps.onViolation(
        `${books.byContainer(containerId)?.name} was given, and another one reached (${by})`,
      )
  }

  /** Whether the engine's host is lost, or was a moment ago. */
  wasLost(containerId: string): boolean {
    return this.#wasIn('lost', containerId)
  }

  /** Whether the engine's host is drained, or was a moment ago. */
  wasDrained(containerId: string): boolean {
    return this.#wasIn('drain', containerId)
  }

  #wasIn(kind: HostTrouble['kind'], containerId: string): boolean {
    const { host, books } = this.deps
    const hostId = hostOf(books.byContainer(containerId))
    return host.swarm !== null && host.swarm.recentTroubleOf(hostId, kind, STALE_MS) !== null
  }

  /** An engine that answers is not lost: then only the way between its host and the manager is. */
  #faultOf({ kind, answers }: HostTrouble, engine: EngineBook | null): string | null {
    if (kind !== 'lost' || !answers || engine === null || engine.ready_at === null) return null
    const failures = this.deps.server().failuresOf(engine.id)
    const isAnswering = this.deps.host.process(engine.container_id ?? '')?.answers === true
    return isAnswering && failures === 0 ? 'it answers' : null
  }

  #judgeListed({ container_id: id, container_name: name, host, port }: ListedRow, swarm: SimSwarm): void {
    const engine = this.deps.books.byContainer(id)
    const place = swarm.hosts.find((each) => each.id === hostOf(engine))
    if (place?.address !== host || engine?.host_http_port !== port)
      this.deps.onViolation(
        `${name} is listed at ${host}:${port}, and is on ${place?.name} (${place?.address})`,
      )
    if (this.#isAwayFor(engine, swarm, LISTED_MS))
      this.deps.onViolation(`${name} is listed, and its host is away`)
  }

  #judgeKept(engine: EngineBook, swarm: SimSwarm): void {
    const constraints = this.deps.server().running?.config.SWARM_CONSTRAINTS ?? []
    const isAmongWorkers = swarm.workers.some(({ id }) => id === hostOf(engine))
    if (constraints.length > 0 && !isAmongWorkers && !this.#found.has(engine.id))
      this.deps.onViolation(`${engine.name} is not on a worker`)
    const seen = swarm.runtime.containers().find(({ id }) => id === engine.container_id)
    if (seen !== undefined && (seen.host?.id !== hostOf(engine) || engine.scope !== hostOf(engine)))
      this.deps.onViolation(`${engine.name} is on ${seen.host?.id}, its row says ${hostOf(engine)}`)
    if (this.#isAwayFor(engine, swarm, KEPT_MS))
      this.deps.onViolation(`${engine.name} is kept on a host that is away`)
  }

  /** Whether an engine's host has been away for so long, and nothing kept the orchestrator from seeing that. */
  #isAwayFor(engine: EngineBook | null, swarm: SimSwarm, ms: number): boolean {
    const { clock, server, outageSinceMs, wasStorageFeltSince } = this.deps
    const trouble = swarm.troubleOf(hostOf(engine))
    if (engine === null || trouble === null || trouble.kind === 'pause') return false
    if (trouble.kind === 'lost' && trouble.answers) return false
    const sinceMs = Math.max(trouble.sinceMs, engine.created_at, server().lifeSinceMs)
    return clock.now() - sinceMs > ms && outageSinceMs() === null && !wasStorageFeltSince(sinceMs)
  }
}

/** The id of the host in the engine's row. */
export function hostOf(engine: Pick<EngineBook, 'host'> | null): string | null {
  if (engine === null || engine.host === null) return null
  return (JSON.parse(engine.host) as { readonly id: string }).id
}
