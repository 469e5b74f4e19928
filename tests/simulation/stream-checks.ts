import type { SessionFact } from '../../src/control/facts/session-facts.ts'
import type { Books, JournalBook } from './books.ts'
import { type Coverage, tally } from './coverage.ts'
import type { Orders } from './orders.ts'
import type { SimHost } from './sim-host.ts'

/** So many denials in a row are no slip. */
const DENIALS = 3

/** What one start of an engine has said of one session in a row; silence says nothing. */
interface Denials {
  readonly generation: number
  readonly n: number
}

/** Why streams end: never without a reason that is true, and not later than it is known. */
export class StreamChecks {
  #denials = new Map<number, Denials>()

  constructor(
    private readonly deps: {
      readonly books: Books
      readonly host: SimHost
      readonly orders: Orders
      readonly coverage: Coverage
      /** Whether the database may be taking no writes right now; then it ends later. */
      readonly isStorageFelt: () => boolean
      readonly isForbidden: (containerId: string | null) => boolean
      readonly onViolation: (text: string) => void
    },
  ) {}

  /** Nobody knows any more what was said: another life of the orchestrator, or of its worker, begins. */
  forget(): void {
    this.#denials.clear()
  }

  /** These answers are about to be told to the orchestrator. */
  telling(facts: readonly SessionFact[]): void {
    // Who was not asked in this round is asked anew, if ever.
    const said = new Map<number, Denials>()
    for (const { streamRowId, generation, state } of facts) {
      const before = this.#denials.get(streamRowId)
      const n = before?.generation === generation ? before.n : 0
      said.set(streamRowId, { generation, n: state === 'serves' ? 0 : state === 'ended' ? n + 1 : n })
    }
    this.#denials = said
  }

  /** They were told: what is dead by them has ended by now. */
  told(): void {
    const { books, isStorageFelt, onViolation } = this.deps
    if (isStorageFelt()) return
    for (const { row_id, stream_id, engine_id } of books.startedStreams()) {
      const denials = this.#denials.get(row_id)
      if (denials === undefined || denials.n < DENIALS || engine_id === null) continue
      const engine = books.byId(engine_id)
      const isOfNow = engine?.container_started_at === denials.generation && engine.status !== 'provisioning'
      if (isOfNow && engine.container_state === 'running')
        onViolation(`stream ${stream_id} was denied ${denials.n} times and is started`)
    }
  }

  /** An entry of the journal, before anything else has happened. */
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

  /** Of a container that has just been removed nothing is known any more. */
  #wasForbidden(containerId: string | null): boolean {
    const isThere = this.deps.host.runtime.containers().some(({ id }) => id === containerId)
    return !isThere || this.deps.isForbidden(containerId)
  }

  #judgeDead(streamId: string, { row_id, container_id, playback_session_id }: NewestStream): void {
    const { host, onViolation } = this.deps
    const n = this.#denials.get(row_id)?.n ?? 0
    if (n < DENIALS) onViolation(`stream ${streamId} ended as unknown after ${n} denials`)
    const session = host.process(container_id ?? '')?.session(playback_session_id)
    if (session !== undefined) onViolation(`stream ${streamId} ended as unknown, and its engine knows it`)
  }
}

type NewestStream = NonNullable<ReturnType<Books['newestStream']>>
