import type { BacklogLimits, Frame } from '../../core/feed/backlog.ts'
import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import { Places } from '../../lib/places.ts'
import { lastJournalId } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import { type Missed, missedFrame } from './feed-frames.ts'
import type { StateSource } from './feed-states.ts'
import { FeedWriter } from './feed-writer.ts'
import { type CatchUp, type Position, type Subscribing, Subscription } from './subscription.ts'

/** The limits of a subscriber's backlog, and the most subscribers in total and from one address. */
export const FEED_LIMITS = { frames: 1_000, bytes: 1_048_576, subscribers: 100, ofOneAddress: 20 } as const

/** News often come in bursts. The first is sent after `SOON_MS`; then the next round waits until `REST_MS` have passed. */
const SOON_MS = 10
const REST_MS = 250

const HEARTBEAT_MS = 5_000

/** A request for the feed: after which journal entry, and for how long. */
export interface FeedRequest extends Omit<Subscribing, 'position'> {
  /** The id of the last journal entry that the client received; null for none. */
  readonly afterId: number | null
  /** The address whose subscribers are counted; null if they are not. */
  readonly address: string | null
}

/**
 * Sends journal entries, and changes of what the API shows, to its subscribers. Each is rendered once, after its commit and
 * separately from the request that caused it. Without subscribers nothing is done.
 */
export class Feed {
  readonly #subscriptions = new Set<Subscription>()
  readonly #places: Places
  readonly #writer: FeedWriter
  #lastRoundMs = Number.NEGATIVE_INFINITY
  #cancelRound: (() => void) | null = null
  #cancelBeat: (() => void) | null = null
  #isStopped = false

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly states: StateSource
      readonly limits: BacklogLimits & { readonly subscribers: number; readonly ofOneAddress: number }
      /** Receives the error of a round that failed. The subscribers' answers have ended by then. */
      readonly onError: OnError
    },
  ) {
    this.#writer = new FeedWriter(deps)
    this.#places = new Places({ all: deps.limits.subscribers, ofOneAddress: deps.limits.ofOneAddress })
  }

  /** The number of subscribers. */
  subscribers(): number {
    return this.#subscriptions.size
  }

  /** Adds a subscriber. Returns null if there are too many. */
  subscribe({ afterId, address, limit, durationMs }: FeedRequest): Subscription | null {
    const { clock, limits, store } = this.deps
    const leave = this.#places.take(address)
    if (leave === null) return null
    const position = positionAfter(afterId, lastJournalId(store.db))
    const subscription: Subscription = new Subscription(
      { position, limit, durationMs },
      {
        clock,
        limits,
        catchUp: (from) => this.#catchUp(from),
        onEnd: () => {
          leave()
          this.#remove(subscription)
        },
      },
    )
    this.#subscriptions.add(subscription)
    this.#cancelBeat ??= clock.after(HEARTBEAT_MS, this.#beat)
    if (this.#isStopped) subscription.end()
    return subscription
  }

  /** Notes that something may have changed. The next round looks for it soon, not now. */
  news(): void {
    if (this.#cancelRound !== null || this.#subscriptions.size === 0) return
    const { clock } = this.deps
    const waitMs = Math.max(SOON_MS, this.#lastRoundMs + REST_MS - clock.now())
    this.#cancelRound = clock.after(waitMs, () => {
      this.#cancelRound = null
      this.#roundOrEnd()
    })
  }

  /** Ends the answers of all subscribers. A new subscriber gets an answer that ends at once. */
  stop(): void {
    this.#isStopped = true
    this.#endAll()
  }

  #endAll(): void {
    for (const subscription of [...this.#subscriptions]) subscription.end()
  }

  #remove(subscription: Subscription): void {
    this.#subscriptions.delete(subscription)
    if (this.#subscriptions.size > 0) return
    this.#cancelRound?.()
    this.#cancelBeat?.()
    this.#cancelRound = null
    this.#cancelBeat = null
  }

  /** Sends a heartbeat to all subscribers, and finds what only time has changed. */
  readonly #beat = (): void => {
    this.#cancelBeat = this.deps.clock.after(HEARTBEAT_MS, this.#beat)
    this.#roundOrEnd()
    for (const subscription of [...this.#subscriptions]) subscription.beat()
  }

  #live(): Subscription[] {
    return [...this.#subscriptions].filter((subscription) => subscription.isLive())
  }

  #roundOrEnd(): void {
    guarded(() => this.#round(), this.deps.onError)()
  }

  /**
   * Sends everything new to the live subscribers. If that fails, all answers end: what was found so far is lost for them,
   * and a client that reconnects gets it.
   */
  #round(): void {
    const live = this.#live()
    if (live.length === 0) return
    this.#lastRoundMs = this.deps.clock.now()
    const nextId = this.#writer.lastId() + 1
    try {
      const frames = this.#writer.news()
      if (frames.length > 0) for (const subscription of live) subscription.offer(frames, nextId)
    } catch (error) {
      this.#endAll()
      throw error
    }
  }

  #catchUp(from: Position): CatchUp {
    if (from.kind === 'behind') return this.#replay(from.afterId)
    this.#beUpToDate()
    if (from.kind === 'lost') return this.#joined(missedRange('slow', from.fromId, this.#writer.lastId()))
    return this.#joined(from.kind === 'unknown_id' ? [missedFrame(UNKNOWN_ID)] : [])
  }

  /** The journal entries after this id: one batch, or the last ones and a snapshot. */
  #replay(afterId: number): CatchUp {
    const { entries, isLast } = this.#writer.entriesAfter(afterId)
    // Nothing is committed between the reading above and this line, so no journal entry is sent twice or missed.
    if (isLast) this.#beUpToDate()
    const first = entries[0]?.id ?? this.#writer.lastId() + 1
    const lost = first > afterId + 1 ? missedRange('pruned', afterId + 1, first - 1) : []
    const frames = [...lost, ...entries.map(({ frame }) => frame)]
    if (isLast) return this.#joined(frames)
    return { frames, position: { kind: 'behind', afterId: entries.at(-1)?.id ?? afterId } }
  }

  /** Brings the live subscribers up to date. Without any, the feed begins with the current state. */
  #beUpToDate(): void {
    if (this.#live().length > 0) this.#round()
    else this.#writer.begin()
  }

  /** Ends the frames with a snapshot. The subscriber is live from here on. */
  #joined(frames: readonly Frame[]): CatchUp {
    return { frames: [...frames, this.#writer.snapshot()], position: { kind: 'live' } }
  }
}

function positionAfter(afterId: number | null, lastId: number): Position {
  if (afterId === null) return { kind: 'fresh' }
  return afterId > lastId ? { kind: 'unknown_id' } : { kind: 'behind', afterId }
}

const UNKNOWN_ID: Missed = { reason: 'unknown_id', from: null, to: null }

const missedRange = (reason: Missed['reason'], from: number, to: number): readonly Frame[] => [
  missedFrame(from > to ? { reason, from: null, to: null } : { reason, from, to }),
]
