import { type CloseReason, type PlaybackFormat, type PlaybackUrl, Session } from './session.ts'

/** Counts what happened to sessions since the start. */
export interface SessionCounters {
  opened: number
  superseded: number
  stopped: number
  expired: number
  forgotten: number
  /** Calls of `stop` for a session that does not exist. */
  unknown_stops: number
}

/** What a key from a URL refers to. */
export type Lookup =
  | { readonly kind: 'served' | 'superseded'; readonly session: Session; readonly url: PlaybackUrl }
  /** The session was stopped or expired. */
  | { readonly kind: 'ended' }
  /** The key was never handed out by this engine, or the engine has forgotten it. */
  | { readonly kind: 'unknown' }

const ENDED_KEYS_MAX = 1000

/**
 * The sessions of one engine. INVARIANTS: there is one session per content. A URL is served, superseded or ended, in this
 * order, and never comes back. The last 1000 ended keys are remembered; a forgotten key is not.
 *
 * The rules were measured on engines 3.2.3 and 3.2.11: no `pid`, or the same one, gives the same URLs; another `pid` or
 * format supersedes; a stop by any URL ends the session for all.
 */
export class SessionBook {
  readonly counters: SessionCounters = {
    opened: 0,
    superseded: 0,
    stopped: 0,
    expired: 0,
    forgotten: 0,
    unknown_stops: 0,
  }
  readonly #sessions = new Map<string, Session>()
  readonly #endedKeys = new Set<string>()

  /** `randomHex` creates a key with the given number of hex digits, never the same one twice. */
  constructor(readonly randomHex: (digits: number) => string) {}

  get sessions(): readonly Session[] {
    return [...this.#sessions.values()]
  }

  get(infohash: string): Session | undefined {
    return this.#sessions.get(infohash)
  }

  /** Returns the session of a content after a request for it: the same one, superseded, or newly opened. */
  open(request: { infohash: string; pid: string | null; format: PlaybackFormat }, nowMs: number): Session {
    const session = this.#sessions.get(request.infohash)
    if (session === undefined) return this.#openNew(request, nowMs)
    session.lastActivityMs = nowMs
    if (session.current.pid === request.pid && session.current.format === request.format) return session
    session.supersede(this.#createUrl(request))
    this.counters.superseded += 1
    this.counters.opened += 1
    return session
  }

  /** Finds a URL by its content and its key, or by its token in the address of the bytes. */
  find(infohash: string, key: string): Lookup {
    const session = this.#sessions.get(infohash)
    const url = session?.urls.find((candidate) => candidate.key === key || candidate.token === key)
    if (session !== undefined && url !== undefined) {
      return { kind: session.current === url ? 'served' : 'superseded', session, url }
    }
    return { kind: this.#endedKeys.has(`${infohash}/${key}`) ? 'ended' : 'unknown' }
  }

  /** Ends the session of this key for all its readers. Returns false, and counts it, if there is none. */
  stop(infohash: string, key: string): boolean {
    const found = this.find(infohash, key)
    if (found.kind === 'ended' || found.kind === 'unknown') {
      this.counters.unknown_stops += 1
      return false
    }
    this.#end(found.session, 'stopped')
    return true
  }

  /** Ends the sessions without activity for `idleMs`. A progressive reader counts as activity as long as it reads. */
  expire(nowMs: number, idleMs: number): void {
    for (const session of this.sessions) {
      if (session.reader === null && nowMs - session.lastActivityMs >= idleMs) this.#end(session, 'expired')
    }
  }

  /** Forgets everything, like a restarted engine: earlier keys become unknown. */
  forget(): void {
    for (const session of this.sessions) this.#end(session, 'forgotten')
    this.#endedKeys.clear()
  }

  #openNew(
    request: { infohash: string; pid: string | null; format: PlaybackFormat },
    nowMs: number,
  ): Session {
    const session = new Session(request.infohash, nowMs, this.#createUrl(request))
    this.#sessions.set(request.infohash, session)
    this.counters.opened += 1
    return session
  }

  #createUrl(request: { infohash: string; pid: string | null; format: PlaybackFormat }): PlaybackUrl {
    const controller = new AbortController()
    return {
      ...request,
      key: this.randomHex(32),
      token: this.randomHex(32),
      playbackSessionId: this.randomHex(40),
      closed: controller.signal,
      close: (reason) => controller.abort(reason),
    }
  }

  #end(session: Session, reason: Exclude<CloseReason, 'superseded'>): void {
    this.#sessions.delete(session.infohash)
    this.counters[reason] += 1
    for (const url of session.urls) this.#remember(url)
    session.close(reason)
  }

  #remember(url: PlaybackUrl): void {
    this.#endedKeys.add(`${url.infohash}/${url.key}`)
    this.#endedKeys.add(`${url.infohash}/${url.token}`)
    for (const key of this.#endedKeys) {
      if (this.#endedKeys.size <= ENDED_KEYS_MAX) return
      this.#endedKeys.delete(key)
    }
  }
}
