import type { Clock } from '../../src/lib/clock.ts'
import type { Verb } from '../support/memory-faults.ts'
import type { Books, JournalBook } from './books.ts'
import { type Session, streamIdOf } from './engine-process.ts'
import type { Orders } from './orders.ts'
import type { Server } from './server.ts'
import type { SimHost } from './sim-host.ts'
import type { Viewers } from './viewers.ts'

/** After this many answers of an engine about a session, anybody can see that its bytes move. */
const ANSWERS_ENOUGH = 2

/**
 * How long a viewer without a stream record may watch unseen: the last look may be this old, and a stream takes time to
 * show.
 */
const UNSEEN_MS = 15_000

export interface EndingChecksDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly books: Books
  readonly host: SimHost
  readonly server: () => Server
  readonly viewers: () => Viewers
  readonly orders: Orders
  readonly failureThreshold: () => number
  /** Whether a container is outside the VPN and must be stopped for that, even with viewers. */
  readonly isForbidden: (containerId: string) => boolean
  /** How long probes and session questions may take to notice a change of an engine. */
  readonly noticeMs: () => number
  readonly onViolation: (text: string) => void
}

/** The verbs that end or remove a container. */
export type Ending = 'stop' | 'destroy' | 'discard'

export const isEnding = (verb: Verb): verb is Ending =>
  verb === 'stop' || verb === 'destroy' || verb === 'discard'

/** Checks promise 4 whenever the orchestrator is about to end a container: our own choice must not cut off a viewer. */
export class EndingChecks {
  constructor(private readonly deps: EndingChecksDeps) {}

  /**
   * Checks a removal when its decision is written. The orchestrator can't know then what happens until the removal is
   * carried out.
   */
  decided({ kind, engine_id: id, detail }: JournalBook): void {
    const { rule } = JSON.parse(detail) as { rule?: string }
    if (kind !== 'engine.removal_requested' || id === null || rule === undefined) return
    const containerId = this.deps.books.byId(id)?.container_id ?? null
    if (containerId !== null && !this.#isNetworkGone(containerId)) this.#judge(containerId, `${rule} decided`)
  }

  /** Checks a container that is about to end. A removal that was decided earlier was checked then. */
  check(verb: Ending, containerId: string, site: string): void {
    // `discard` fails if the container runs by then.
    if (verb === 'discard') return
    const engine = this.deps.books.byContainer(containerId)
    const isDecided = engine !== null && engine.removal_requested_at !== null && engine.status === 'draining'
    if (isDecided || this.#isNetworkGone(containerId)) return
    // The traffic of an engine behind a node is not counted, so viewers without a stream record can't be told from those who
    // get nothing. The engine's own word decides then.
    const isStranded = site.includes('#restart') && this.#saysThatItIsCutOff(containerId)
    if (!isStranded) this.#judge(containerId, `${verb} at ${site}`)
    else if (this.#seenMoving(containerId).length > 0)
      this.deps.onViolation(`${verb} at ${site} of an engine with a session that still moves bytes`)
  }

  /** Whether the container's network is gone. Its viewers lost their stream with the network. */
  #isNetworkGone(containerId: string): boolean {
    const { host } = this.deps
    const seen = host.runtime.containers().find(({ id }) => id === containerId)
    return seen !== undefined && seen.joins !== null && host.nodes.behindOf(seen) === undefined
  }

  #saysThatItIsCutOff(containerId: string): boolean {
    return this.deps.host.process(containerId)?.link?.says === false
  }

  #judge(containerId: string, what: string): void {
    const { host, orders, onViolation } = this.deps
    host.look()
    const process = host.process(containerId)
    if (process === undefined || orders.isDeleted(containerId) || this.deps.isForbidden(containerId)) return
    const why = this.#viewersOf(containerId)
    if (why !== null && !this.#isDead(containerId)) onViolation(`${what} of an engine with ${why}`)
  }

  #viewersOf(containerId: string): string | null {
    const { books, host, viewers, orders } = this.deps
    const engine = books.byContainer(containerId)
    const inBooks = engine === null ? 0 : books.streamsOf(engine.id)
    if (inBooks > 0) return `${inBooks} started streams in the books`
    const [moving] = this.#seenMoving(containerId)
    if (moving !== undefined) return `a session that still moves bytes (${moving.id})`
    const [unreported] = this.#movingForNoBook(containerId)
    if (unreported !== undefined)
      return `a session that no book names and that moves bytes (${unreported.id})`
    if (host.isCrashLoop(containerId)) return null
    // A proxy that just read the list may still be on its way: 2 s of cache and 20 s of getstream. A proxy that was given
    // the engine waits 10 s first, and an operator's order may come in between.
    const arriving = viewers()
      .arrivals()
      .find(({ process }) => process.containerId === containerId && !process.isEnded)
    if (arriving === undefined) return null
    const { how } = arriving.choice
    return how === 'promised' && orders.isDrained(containerId) ? null : `a viewer on the way (${how})`
  }

  /**
   * Whether the engine is dead for its viewers: as many probes failed as the threshold requires, and no visible session
   * moves.
   */
  #isDead(containerId: string): boolean {
    const { books, host, server, failureThreshold } = this.deps
    const engineId = books.byContainer(containerId)?.id ?? ''
    const failures = server().failuresOf(engineId)
    if (failures < failureThreshold() || this.#seenMoving(containerId).length > 0) return false
    // If the engine also has started streams, whose viewers are connected, other viewers show only by the bytes.
    const seen = host.runtime.containers().find(({ id }) => id === containerId)
    const isSeen = books.streamsOf(engineId) === 0 || (seen !== undefined && host.showsBytes(seen))
    return !isSeen || this.#movingForNoBook(containerId).length === 0
  }

  /** Sessions that no proxy reported and that have moved for long enough to be seen from outside. */
  #movingForNoBook(containerId: string): readonly Session[] {
    const { clock, host } = this.deps
    // Nobody can see them in a swarm.
    if (host.isBlind) return []
    const sinceMs = clock.now() - UNSEEN_MS
    const moving = host.process(containerId)?.moving() ?? []
    return moving.filter(
      ({ isReported, movingSinceMs }) => !isReported && movingSinceMs !== null && movingSinceMs <= sinceMs,
    )
  }

  /**
   * Reported sessions that were seen to move or have moved for long enough to be seen. A session that has just started to
   * move again can't be known yet.
   */
  #seenMoving(containerId: string): readonly Session[] {
    const { clock, host, noticeMs } = this.deps
    const sinceMs = clock.now() - noticeMs()
    const moving = host.process(containerId)?.moving() ?? []
    return moving.filter((session) => {
      const { isReported, movingSinceMs, answers } = session
      if (!isReported || movingSinceMs === null || !this.#isAskedAbout(session)) return false
      return movingSinceMs <= sinceMs || answers >= ANSWERS_ENOUGH
    })
  }

  /**
   * Whether the orchestrator can learn of a session. In a swarm it asks engines about the streams of its books and sees nothing
   * else; a report may have been lost with a life in which the disk was full.
   */
  #isAskedAbout(session: Session): boolean {
    const { books, host } = this.deps
    return !host.isBlind || books.newestStream(streamIdOf(session))?.status === 'started'
  }
}
