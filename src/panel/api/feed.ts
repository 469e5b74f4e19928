import { type Api, Refused } from './api.ts'
import { EventParser } from './event-parser.ts'
import { askedFor } from './polling.ts'
import type { FeedEvent } from './types.ts'

/**
 * The state of the connection. `lost` tells since when, what the server said, if it said anything, and when anything last
 * came, by the feed or by asking; null if nothing ever did.
 */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'paused' }
  | LostLink

export interface LostLink {
  readonly state: 'lost'
  readonly sinceMs: number
  readonly why: string
  readonly needsKey: boolean
  readonly asOfMs: number | null
}

export interface FeedDeps {
  readonly api: Api
  readonly now: () => number
  /** Calls back after a time; returns what cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void
  readonly onEvents: (events: readonly FeedEvent[]) => void
  readonly onLink: (link: Link) => void
}

/** The server sends a comment every 5 s. A connection that is silent for this time is dead, whatever it says. */
const SILENCE_MS = 30_000
const RETRY_MS = { first: 1_000, most: 30_000 } as const
/** After so long without the feed the page asks instead, this often. */
const POLL_AFTER_MS = 5_000
const POLL_EVERY_MS = 5_000

/**
 * Follows `GET /events/stream`. It reads with `fetch` and not with `EventSource`, which could carry no key, sees no status and
 * gives up for good. After a loss it asks again, sooner at first, and resumes after the last entry that it got.
 */
export class Feed {
  #lastId: string | null = null
  #attempt: AbortController | null = null
  #cancelRetry: () => void = () => undefined
  #cancelPoll: () => void = () => undefined
  /** Aborted when this loss is over: what was asked in it may be answered in the next one. */
  #polling = new AbortController()
  #retryMs: number = RETRY_MS.first
  #lost: LostLink | null = null
  #heardMs: number | null = null

  constructor(private readonly deps: FeedDeps) {}

  /** Connects, or connects anew at once. */
  start(): void {
    this.#cancelRetry()
    this.#attempt?.abort()
    const attempt = new AbortController()
    this.#attempt = attempt
    if (this.#lost === null) this.deps.onLink({ state: 'connecting' })
    this.#follow(attempt).catch((error: unknown) => {
      if (this.#attempt === attempt) this.#lose(error)
    })
  }

  /** Reads nothing more until `start`, for a page that nobody sees. */
  pause(): void {
    this.#stop()
    this.#lost = null
    this.deps.onLink({ state: 'paused' })
  }

  /** Ends everything. */
  #stop(): void {
    this.#cancelRetry()
    this.#endPolling()
    this.#attempt?.abort()
    this.#attempt = null
  }

  async #follow(attempt: AbortController): Promise<void> {
    const { api } = this.deps
    const headers = this.#lastId === null ? {} : { 'last-event-id': this.#lastId }
    const watch = this.#watch(attempt)
    const cancelLate = this.#tellIfLate()
    try {
      const answer = await api.open('GET', 'events/stream', {
        headers,
        signal: attempt.signal,
        cache: 'no-store',
      })
      if (answer.body === null) throw new Error('the answer is empty')
      const parser = new EventParser()
      const decoder = new TextDecoder()
      // Safari's streams can't be read by `for await`.
      const reader = answer.body.getReader()
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        watch.heard()
        this.#heardMs = this.deps.now()
        if (this.#take(parser, decoder.decode(piece.value, { stream: true }))) cancelLate()
      }
      throw new Error('the server ended the connection')
    } finally {
      watch.stop()
      cancelLate()
    }
  }

  /** Takes a piece of the feed. Returns whether the feed is live with it. */
  #take(parser: EventParser, text: string): boolean {
    const sent = parser.take(text)
    for (const { id } of sent) if (id !== null) this.#lastId = id
    const events = sent.map(({ event, data }) => ({ event, data: JSON.parse(data) }) as FeedEvent)
    if (events.length > 0) this.deps.onEvents(events)
    const isLive = events.some(({ event }) => event === 'snapshot')
    if (isLive) this.#found()
    return isLive
  }

  #found(): void {
    this.#retryMs = RETRY_MS.first
    this.#lost = null
    this.#endPolling()
    this.deps.onLink({ state: 'live' })
  }

  #endPolling(): void {
    this.#polling.abort()
    this.#polling = new AbortController()
    this.#cancelPoll()
    this.#cancelPoll = () => undefined
  }

  /** Ends the attempt if nothing was heard for too long. */
  #watch(attempt: AbortController) {
    let cancel: () => void = () => undefined
    const heard = (): void => {
      const heardMs = this.deps.now()
      cancel()
      cancel = this.deps.after(SILENCE_MS, () => {
        const error = new Error('the server has been silent for 30 s')
        // What is shown is as old as that.
        this.#tellLost(heardMs, error.message, false)
        attempt.abort(error)
      })
    }
    heard()
    return { heard, stop: () => cancel() }
  }

  /** Says so if an attempt brings nothing for long, as behind a proxy that holds bytes back, and waits on. */
  #tellIfLate(): () => void {
    const beganMs = this.deps.now()
    const why = 'the feed has not begun for 5 s'
    return this.deps.after(POLL_AFTER_MS, () => this.#tellLost(beganMs, why, false))
  }

  #lose(error: unknown): void {
    const { now, after } = this.deps
    const needsKey = error instanceof Refused && (error.status === 401 || error.status === 403)
    this.#tellLost(now(), error instanceof Error ? error.message : String(error), needsKey)
    this.#cancelRetry = after(this.#retryMs, () => this.start())
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.most)
  }

  /** Says why the feed is away, and since when unless that was said before. If that lasts, the page asks instead. */
  #tellLost(sinceMs: number, why: string, needsKey: boolean): void {
    const { now, after, onLink } = this.deps
    const isFirst = this.#lost === null
    const lostMs = this.#lost?.sinceMs ?? sinceMs
    this.#lost = { state: 'lost', sinceMs: lostMs, why, needsKey, asOfMs: this.#heardMs }
    onLink(this.#lost)
    if (isFirst)
      this.#cancelPoll = after(Math.max(0, lostMs + POLL_AFTER_MS - now()), () => void this.#poll())
  }

  /** Asks for everything while the feed is lost: a proxy in front may let answers through, and hold the feed back. */
  async #poll(): Promise<void> {
    const { api, after, now, onEvents, onLink } = this.deps
    const { signal } = this.#polling
    const found = await askedFor(api, signal).catch(() => null)
    if (signal.aborted || this.#lost === null) return
    if (found !== null) {
      onEvents(found.events)
      // So that a feed that has never begun brings what comes after this.
      this.#lastId ??= found.lastId
      this.#heardMs = now()
      this.#lost = { ...this.#lost, asOfMs: this.#heardMs }
      onLink(this.#lost)
    }
    this.#cancelPoll = after(POLL_EVERY_MS, () => void this.#poll())
  }
}
