import type { Clock } from '../../src/lib/clock.ts'
import type { Candidate } from '../support/acexy-selection.ts'
import type { Caller } from './acexy.ts'
import type { Books, JournalBook } from './books.ts'
import { type Coverage, tally } from './coverage.ts'
import { short, type Trace } from './trace.ts'

/** A list in a proxy may be this old. */
const CACHE_MS = 2_000
/** How long an engine that was chosen or handed out counts as used without a stream, and how exactly that is judged. */
export const EXPECTED_MS = 25_000
const MARGIN_MS = 1_000

/** An engine that a viewer is on the way to, or that some other caller was given, as long as no stream of it is reported. */
interface Taken {
  readonly viewer: string
  /** Null for a caller who does not watch. */
  readonly content: string | null
  readonly containerId: string
  readonly atMs: number
  readonly life: number
  /** The other engines that were listed and free at that moment, and have been ever since. */
  readonly free: Set<string>
  /** Whether the viewer has given up, so that the engine only counts as used. */
  hasFailed: boolean
}

/** How long a `max_capacity` refusal allows that a listed engine is handed out. */
const HAND_OUT_MARGIN_MS = 1_000

export interface ChoiceChecksDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly books: Books
  readonly coverage: Coverage
  readonly trace: Trace
  /** How many streams a proxy puts on one engine. With more than one nothing is checked. */
  readonly perEngine: number
  readonly viewerWaitMs: number
  /** The number of the orchestrator's present or last life, and when it began. */
  readonly life: () => number
  readonly lifeSinceMs: () => number
  readonly onViolation: (text: string) => void
  /** Whether the database may have accepted no writes at some time since then. */
  readonly wasStorageFelt: (sinceMs: number) => boolean
}

/**
 * Checks that no viewer is sent to an engine that another one is on the way to while there is a free one.
 *
 * Engine E was chosen by one proxy, or handed out by a POST, and then it is chosen from a list by any proxy for another
 * content. That is a fault if all of this holds:
 *
 * - The first viewer is still on the way: no stream of E was reported, and the viewer did not fail.
 * - The second choice comes more than 2 s later, the time that a proxy keeps its list, and within 25 s (24 s here), the time
 *   that an engine counts as used without a stream.
 * - The orchestrator did not crash in between, because it forgets who is on the way, nor within 2 s before, because a proxy
 *   may then choose from a list of the earlier life; and E was not restarted.
 * - Another engine F is in the list that the second choice was made from, had room by the answer of then, and is healthy, or
 *   E is not healthy either. Nothing else excuses E: neither `forwarded` nor an older last use of E.
 * - F was free from the first choice to the second: in every list that was seen, without a stream that began, neither chosen
 *   nor handed out, and not still counting as used (26 s) at the first choice. No POST of that time is unanswered, since
 *   it may have been given F.
 *
 * A POST without a key is never given an engine that another caller was given or chose within 24 s, or that has a stream.
 * There are other answers to a POST, so that needs no F.
 */
export class ChoiceChecks {
  #taken: Taken[] = []
  #listed: { readonly names: ReadonlySet<string>; readonly atMs: number } | null = null
  #unansweredMs = Number.NEGATIVE_INFINITY
  #refusedMs = Number.NEGATIVE_INFINITY

  constructor(private readonly deps: ChoiceChecksDeps) {}

  /** Receives each list that was read. What is not in it is not listed. */
  saw(rows: readonly { readonly container_id: string | null }[]): void {
    const names = new Set(rows.flatMap(({ container_id: id }) => id ?? []))
    this.#listed = { names, atMs: this.deps.clock.now() }
    for (const { free } of this.#taken) for (const id of free) if (!names.has(id)) free.delete(id)
  }

  /** Checks a proxy's choice among these engines. */
  chose({ name, content }: Caller, containerId: string, candidates: readonly Candidate[]): void {
    this.#forgetOld()
    for (const taken of this.#taken)
      if (taken.containerId === containerId && taken.content !== content) this.#judge(taken, name, candidates)
    const withRoom = candidates.filter(({ activeStreams }) => activeStreams === 0)
    this.#take(
      name,
      content,
      containerId,
      withRoom.map(({ engine }) => engine.container_id),
    )
  }

  /** Checks the engine of a 200. `key`: the idempotency key that the caller sent, which gives the same engine again. */
  granted(caller: string, content: string | null, containerId: string, key: string | undefined): void {
    this.#forgetOld()
    const { books, clock } = this.deps
    const now = clock.now()
    if (key === undefined) this.#judgeGrant(caller, containerId)
    const listed = this.#listed?.atMs === now ? [...this.#listed.names] : []
    const free = listed.filter((id) => books.streamsOf(books.byContainer(id)?.id ?? '') === 0)
    this.#take(caller, content, containerId, free)
  }

  /** Notes a POST whose caller got no answer. */
  unanswered(): void {
    this.#unansweredMs = this.deps.clock.now()
  }

  /** Notes that a POST was refused because the cap was reached. */
  refused(): void {
    this.#refusedMs = this.deps.clock.now()
  }

  /**
   * Whether a POST may be answered with an engine that was given to somebody before: at the cap, a listed engine that has
   * become free is handed out for `VIEWER_WAIT_S` after a refusal, which may have reached nobody.
   */
  mayHandOut(): boolean {
    const sinceMs = this.deps.clock.now() - this.deps.viewerWaitMs - HAND_OUT_MARGIN_MS
    return Math.max(this.#refusedMs, this.#unansweredMs) >= sinceMs
  }

  /** Notes that a viewer got no stream. The engine counts as used for a while nevertheless. */
  failed(viewer: string): void {
    for (const taken of this.#taken) if (taken.viewer === viewer) taken.hasFailed = true
  }

  /** Whether the engine may count as used though it has no stream. */
  mayBeExpected(containerId: string | null): boolean {
    const sinceMs = this.deps.clock.now() - EXPECTED_MS - MARGIN_MS
    const handedOutMs = this.deps.books.byContainer(containerId ?? '')?.handed_out_at ?? null
    if ((handedOutMs !== null && handedOutMs >= sinceMs) || this.#unansweredMs >= sinceMs) return true
    return this.#taken.some((taken) => taken.containerId === containerId && taken.atMs >= sinceMs)
  }

  /** Receives every journal entry right after its commit. */
  note({ kind, engine_id: id }: JournalBook): void {
    if (kind !== 'stream.started' || id === null) return
    const containerId = this.deps.books.byId(id)?.container_id ?? ''
    this.#taken = this.#taken.filter((taken) => taken.containerId !== containerId)
    for (const { free } of this.#taken) free.delete(containerId)
  }

  #judge(taken: Taken, viewer: string, candidates: readonly Candidate[]): void {
    const { clock, coverage } = this.deps
    if (!this.#isOnTheWay(taken)) return
    const ageMs = clock.now() - taken.atMs
    const { engine } = candidates.find((each) => each.engine.container_id === taken.containerId) ?? {}
    const other = candidates.find(
      ({ engine: { container_id: id, health_status: health }, activeStreams }) =>
        taken.free.has(id) &&
        activeStreams === 0 &&
        (health === 'healthy' || engine?.health_status !== 'healthy'),
    )
    const excuse =
      other === undefined
        ? 'no other free'
        : ageMs <= CACHE_MS
          ? 'within 2 s'
          : this.#unansweredMs >= taken.atMs - EXPECTED_MS
            ? 'a POST unanswered'
            : null
    tally(coverage, `two viewers on one engine: ${excuse ?? 'another was free'}`)
    if (other === undefined || excuse !== null) return
    const why = engine?.forwarded === true && !other.engine.forwarded ? ', which has the forwarded port' : ''
    this.#fault(
      `${viewer} is sent to ${short(taken.containerId)}${why}, ${ageMs} ms after ${taken.viewer}, and ` +
        `${short(other.engine.container_id)} was free`,
    )
  }

  #judgeGrant(caller: string, containerId: string): void {
    const { books, clock } = this.deps
    const streams = books.streamsOf(books.byContainer(containerId)?.id ?? '')
    if (streams > 0) this.#fault(`${short(containerId)} is handed to ${caller} with ${streams} streams`)
    const other = this.#taken.find(
      (taken) =>
        taken.containerId === containerId &&
        taken.viewer !== caller &&
        taken.atMs < clock.now() &&
        this.#isOnTheWay(taken),
    )
    if (other !== undefined)
      this.#fault(`${short(containerId)} is handed to ${caller}, and ${other.viewer} is on the way to it`)
  }

  /** Whether the orchestrator must know that the viewer is on the way. */
  #isOnTheWay({ containerId, atMs, life, hasFailed }: Taken): boolean {
    const { books, clock } = this.deps
    const startedMs = books.byContainer(containerId)?.container_started_at ?? null
    const isRestarted = startedMs === null || startedMs > atMs
    const isRecent = clock.now() - atMs <= EXPECTED_MS - MARGIN_MS
    // What is reported meanwhile is in no book until the database takes writes again.
    const isInBooks = !this.deps.wasStorageFelt(atMs)
    const isOfThisLife = life === this.deps.life() && atMs - this.deps.lifeSinceMs() > CACHE_MS
    return !hasFailed && !isRestarted && isRecent && isInBooks && isOfThisLife
  }

  #take(viewer: string, content: string | null, containerId: string, others: readonly string[]): void {
    const { clock, life } = this.deps
    const free = new Set(others.filter((id) => id !== containerId && !this.mayBeExpected(id)))
    for (const taken of this.#taken) taken.free.delete(containerId)
    const rest = { free, hasFailed: false, atMs: clock.now(), life: life() }
    this.#taken.push({ viewer, content, containerId, ...rest })
  }

  #forgetOld(): void {
    const sinceMs = this.deps.clock.now() - EXPECTED_MS - MARGIN_MS
    this.#taken = this.#taken.filter(({ atMs }) => atMs >= sinceMs)
  }

  #fault(text: string): void {
    this.deps.trace.note('choices', text)
    if (this.deps.perEngine === 1) this.deps.onViolation(text)
  }
}
