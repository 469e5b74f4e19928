import { type Signal, signal } from '@preact/signals'
import { type Api, Refused } from '../api/api.ts'
import { type LogLine, LogParser } from '../api/log-parser.ts'
import type { KeyStore } from './key.ts'
import { LogBook } from './log-book.ts'

/** What is done with a log, and how that goes. */
export type LogState =
  | { readonly step: 'asking' }
  /** The end of the log was read, and what comes is not. */
  | { readonly step: 'read'; readonly atMs: number }
  | { readonly step: 'following' }
  /** It is followed again when the page is seen again. */
  | { readonly step: 'paused' }
  /** It is followed again by itself. */
  | { readonly step: 'lost'; readonly why: string; readonly sinceMs: number; readonly retryAtMs: number }
  /** The server wants a key; `isWrong`: another one. */
  | { readonly step: 'key'; readonly isWrong: boolean }
  /** The container is no more. What was read of its log is kept. */
  | { readonly step: 'gone' }
  | { readonly step: 'failed'; readonly why: string }

export interface LogWatchDeps {
  readonly api: Api
  readonly key: Pick<KeyStore, 'value' | 'forget'>
  /** The server's time in epoch milliseconds. */
  readonly now: () => number
  /** Calls back after a time; returns what cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void
}

/** How many lines are read at first; and to go on, as many as the server gives. */
const FIRST_LINES = 200
const MORE_LINES = 2_000
const RETRY_MS = { first: 1_000, most: 30_000 } as const
/** The server ends an answer after 4 minutes. One that is open for longer is dead, however silent the log is. */
const LONGEST_MS = 255_000
/** An answer that ends sooner ends because the container does not run. */
const SHORT_MS = 5_000
/** After a loss the log counts as found when its answer is open for so long. */
const FOUND_MS = 1_000
/** Lines that come within this time are shown at once. */
const GATHER_MS = 200

/** Reads the log of one container, and follows it if that is wanted: for as long as the page is seen. */
export class LogWatch {
  readonly book = new LogBook()
  readonly state: Signal<LogState> = signal({ step: 'asking' })
  /** Whether it is to be followed, also while that is not possible. */
  readonly isFollowed: Signal<boolean> = signal(false)
  #attempt: AbortController | null = null
  #cancelRetry: () => void = () => undefined
  #retryMs: number = RETRY_MS.first
  #lostMs: number | null = null
  #waiting: LogLine[] = []
  #cancelFlush: (() => void) | null = null

  constructor(
    private readonly container: string,
    private readonly deps: LogWatchDeps,
  ) {}

  /** Reads the end of the log, or goes on from the last line. */
  read(): void {
    this.#begin()
  }

  follow(): void {
    this.isFollowed.value = true
    this.#begin()
  }

  unfollow(): void {
    this.isFollowed.value = false
    this.stop()
    this.state.value = { step: 'read', atMs: this.deps.now() }
  }

  /** Asks again for what is wanted, at once. */
  retry(): void {
    this.#begin()
  }

  /** Reads nothing more until `show`, because nobody sees the page. */
  hide(): void {
    const { step } = this.state.peek()
    if (!this.isFollowed.peek() || step === 'key' || step === 'gone') return
    this.stop()
    this.state.value = { step: 'paused' }
  }

  show(): void {
    if (this.state.peek().step === 'paused') this.#begin()
  }

  /** Ends everything that is under way. */
  stop(): void {
    this.#flush()
    this.#cancelRetry()
    this.#attempt?.abort()
    this.#attempt = null
  }

  #begin(): void {
    this.stop()
    const attempt = new AbortController()
    this.#attempt = attempt
    const { step } = this.state.peek()
    if (step !== 'following' && step !== 'lost') this.state.value = { step: 'asking' }
    const { key, now } = this.deps
    const [used, beganMs] = [key.value, now()]
    const settle = (work: (lastedMs: number) => void): void => {
      if (this.#attempt !== attempt) return
      const lastedMs = now() - beganMs
      if (lastedMs >= SHORT_MS) this.#retryMs = RETRY_MS.first
      this.#flush()
      work(lastedMs)
    }
    this.#take(attempt).then(
      () => settle((lastedMs) => this.#end(lastedMs)),
      (error: unknown) => settle(() => this.#fail(error, used)),
    )
  }

  /** Reads one answer to its end. */
  async #take(attempt: AbortController): Promise<void> {
    const { api, after } = this.deps
    const isFollowed = this.isFollowed.peek()
    const since = this.book.resume()
    const query = new URLSearchParams({
      outputs: 'true',
      tail: String(since === null ? FIRST_LINES : MORE_LINES),
      ...(since === null ? {} : { since }),
      ...(isFollowed ? { follow: 'true' } : {}),
    })
    const cancels = [after(LONGEST_MS, () => attempt.abort(new Error('the server has been silent')))]
    try {
      const path = `containers/${encodeURIComponent(this.container)}/logs?${query}`
      const answer = await api.open('GET', path, { signal: attempt.signal, cache: 'no-store' })
      if (this.#attempt !== attempt) return
      // A log that ends at once would be found and lost all the time.
      const foundMs = this.#lostMs === null ? 0 : FOUND_MS
      if (isFollowed) cancels.push(after(foundMs, () => this.#found()))
      const parser = new LogParser()
      const decoder = new TextDecoder()
      const reader = answer.body?.getReader()
      for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) {
        if (this.#attempt !== attempt) return
        this.#gather(parser.take(decoder.decode(piece.value, { stream: true })))
      }
    } finally {
      for (const cancel of cancels) cancel()
    }
  }

  #found(): void {
    this.#lostMs = null
    this.state.value = { step: 'following' }
  }

  #gather(lines: readonly LogLine[]): void {
    this.#waiting.push(...lines)
    this.#cancelFlush ??= this.deps.after(GATHER_MS, () => this.#flush())
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = null
    this.book.add(this.#waiting)
    this.#waiting = []
  }

  /** An answer came to its end. */
  #end(lastedMs: number): void {
    if (!this.isFollowed.peek()) this.state.value = { step: 'read', atMs: this.deps.now() }
    else if (lastedMs >= SHORT_MS) this.#begin()
    else this.#lose('the log has ended; its container may have stopped', 0)
  }

  #fail(error: unknown, used: string | null): void {
    const { key } = this.deps
    const { status, code, etaSeconds } = error instanceof Refused ? error : NO_ANSWER
    if (code === 'missing_token' || code === 'invalid_token') {
      // Somebody may have given the right one meanwhile.
      if (used !== null && key.value === used) key.forget()
      this.state.value = { step: 'key', isWrong: code === 'invalid_token' }
      return
    }
    if (status === 404) {
      this.isFollowed.value = false
      this.state.value = { step: 'gone' }
      return
    }
    const why = error instanceof Refused ? error.message : 'no answer comes from the server'
    if (this.isFollowed.peek()) this.#lose(why, (etaSeconds ?? 0) * 1_000)
    else this.state.value = { step: 'failed', why }
  }

  /** Asks again later, first soon and then less often. */
  #lose(why: string, leastMs: number): void {
    const { now, after } = this.deps
    this.#lostMs ??= now()
    const waitMs = Math.max(leastMs, this.#retryMs)
    this.state.value = { step: 'lost', why, sinceMs: this.#lostMs, retryAtMs: now() + waitMs }
    this.#cancelRetry = after(waitMs, () => this.#begin())
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.most)
  }
}

const NO_ANSWER = { status: 0, code: '', etaSeconds: null } as const
