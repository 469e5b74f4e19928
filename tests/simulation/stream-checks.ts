import type { SessionFact } from '../../src/control/facts/session-facts.ts'
import type { Books, JournalBook } from './books.ts'
import { type Coverage, tally } from './coverage.ts'
import type { Orders } from './orders.ts'
import type { SimHost } from './sim-host.ts'

/** After this many denials in a row, a session is certainly unknown. */
const DENIALS = 3

/**
 * After this many a stream must have ended. They are counted anew when the engine was not asked for a moment, because its
 * container was believed to be paused.
 */
const DENIALS_MAX = 2 * DENIALS

/** The consecutive denials of one session: by one start of its engine, and by all. Silence changes nothing. */
interface Denials {
  readonly generation: number
  readonly n: number
  readonly all: number
}

/** Checks the ends of streams: each has a true reason, and none comes later than necessary. */
export class StreamChecks {
  #denials = new Map<number, Denials>()

  constructor(
    private readonly deps: {
      readonly books: Books
      readonly host: SimHost
      readonly orders: Orders
      readonly coverage: Coverage
      /** Whether the database may refuse writes now; then streams end later. */
      readonly isStorageFelt: () => boolean
      readonly isForbidden: (containerId: string | null) => boolean
      readonly onViolation: (text: string) => void
    },
  ) {}

  /** Forgets all answers, because another life of the orchestrator or of its worker begins. */
  forget(): void {
    this.#denials.clear()
  }

  /** Receives answers that are about to be reported to the orchestrator. */
  telling(facts: readonly SessionFact[]): void {
    // A stream that was not asked about in this round starts again from zero.
    const said = new Map<number, Denials>()
    for (const { streamRowId, generation, state } of facts) {
      const before = this.#denials.get(streamRowId)
      const after = (n: number): number => (state === 'serves' ? 0 : state === 'ended' ? n + 1 : n)
      const n = after(before?.generation === generation ? before.n : 0)
      said.set(streamRowId, { generation, n, all: after(before?.all ?? 0) })
    }
    this.#denials = said
  }

  /** Call this after the report: streams that are dead by these answers must have ended. */
  told(): void {
    const { books, isStorageFelt, onViolation } = this.deps
    if (isStorageFelt()) return
    for (const { row_id, stream_id, engine_id } of books.startedStreams()) {
      const denials = this.#denials.get(row_id)
      if (denials === undefined || denials.n < DENIALS_MAX || engine_id === null) continue
      const engine = books.byId(engine_id)
      const isOfNow = engine?.container_started_at === denials.generation && engine.status !== 'provisioning'
      if (isOfNow && engine.container_state === 'running')
        onViolation(`stream ${stream_id} was denied ${denials.n} times and is started`)
    }
  }

  /** Call this when a report was answered: it must be in the books by then, unless the database may refuse writes. */
  answered(streamId: string, isEnd: boolean): void {
    const { books, isStorageFelt, onViolation } = this.deps
    const stream = books.newestStream(streamId)
    if (isStorageFelt() || (stream !== null && (!isEnd || stream.status === 'ended'))) return
    onViolation(`the ${isEnd ? 'end' : 'start'} of ${streamId} was answered and is not in the books`)
  }

  /** Checks a journal entry before anything else happens. */
  note({ kind, stream_id: streamId, detail }: JournalBook): void {
    if (kind !== 'stream.ended' || streamId === null) return
    const { reason } = JSON.parse(detail) as { reason: string }
    tally(this.deps.coverage, `stream ended: ${reason}`)
    const stream = this.deps.books.newestStream(streamId)
    if (stream === null) this.deps.onViolation(`stream ${streamId} ended and is not in the books`)
    else if (reason === 'session_unknown') this.#judgeDead(streamId, stream)
    if (reason === 'outside_vpn' && !this.#wasForbidden(stream?.container_id ?? null))
      this.deps.onViolation(`stream ${streamId} ended as outside the VPN, and its engine is not`)
    if (reason === 'stopped_by_operator' && !this.deps.orders.isStopped(streamId))
      this.deps.onViolation(`stream ${streamId} ended as if an operator had stopped it`)
  }

  /** Nothing is known any more about a container that was just removed. */
  #wasForbidden(containerId: string | null): boolean {
    const isThere = this.deps.host.runtime.containers().some(({ id }) => id === containerId)
    return !isThere || this.deps.isForbidden(containerId)
  }

  #judgeDead(streamId: string, { row_id, container_id, playback_session_id }: NewestStream): void {
    const { host, onViolation } = this.deps
    // No session outlives its process, and a restart is noticed late while Docker is away.
    const n = this.#denials.get(row_id)?.all ?? 0
    if (n < DENIALS) onViolation(`stream ${streamId} ended as unknown after ${n} denials`)
    const session = host.process(container_id ?? '')?.session(playback_session_id)
    if (session !== undefined) onViolation(`stream ${streamId} ended as unknown, and its engine knows it`)
  }
}

type NewestStream = NonNullable<ReturnType<Books['newestStream']>>
