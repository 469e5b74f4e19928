import type { EngineLink } from './engine-link.ts'

/** How long a session lives without a reader, as measured on real engines. */
const SESSION_TTL_MS = 60_000
const BYTES_PER_MS = 400

/**
 * What the engine process does now. `up`: it works. `deaf`: it does not answer probes, but sessions go on and it answers
 * about them. `hung`: nothing answers and nothing moves. `booting`: it refuses connections.
 */
export type Mode = 'booting' | 'up' | 'deaf' | 'hung'

/** Contents that no engine plays: they have no peers. */
export const isDead = (infohash: string): boolean => infohash.startsWith('d')

/** One content that an engine plays, with its readers. */
export interface Session {
  readonly id: string
  readonly infohash: string
  readers: number
  /** The session has no peers: readers wait, and nothing moves. */
  isStalled: boolean
  /** A proxy reported the stream to the orchestrator, so the readers have a record. */
  isReported: boolean
  bytes: number
  lastReadMs: number
  /** Since when the bytes have moved without a pause; null while they stand still. */
  movingSinceMs: number | null
  /**
   * How often the session was reported to the orchestrator since then, and when last. Several streams may ask at the same
   * time.
   */
  answers: number
  answeredMs: number
}

/** The id under which a proxy reports the stream of a session. */
export const streamIdOf = ({ infohash, id }: Pick<Session, 'infohash' | 'id'>): string => `${infohash}|${id}`

/** One start of an engine process, with everything that is lost when it ends. */
export class EngineProcess {
  mode: Mode = 'booting'
  isPaused = false
  /** Whether nothing reaches the host of the process. */
  isCutOff = false
  /** The process answers and opens sessions, and sends nothing; and whether that was ever so. */
  isMute = false
  wasMute = false
  hasMetDead = false
  /** The connection through the network of a VPN node; null for a network of its own. */
  link: EngineLink | null = null
  readonly #sessions = new Map<string, Session>()
  readonly #onEnd = new Set<() => void>()
  #isEnded = false
  #countedMs: number

  constructor(
    readonly containerId: string,
    readonly startedAtMs: number,
    private readonly options: {
      readonly clock: { now(): number }
      readonly reusesSessionIds: boolean
      /** Receives the bytes that arrived since the last call. */
      readonly onBytes: (bytes: number) => void
    },
  ) {
    this.#countedMs = startedAtMs
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Whether the process answers a probe now. */
  get answers(): boolean {
    return this.mode === 'up' && this.plays
  }

  /** Whether the process plays sessions and answers about them now. */
  get plays(): boolean {
    return (
      (this.mode === 'up' || this.mode === 'deaf') && !this.isPaused && !this.#isEnded && this.isReachable
    )
  }

  /** Whether the network of the process is reachable. */
  get isReachable(): boolean {
    return !this.isCutOff && (this.link?.isAlive ?? true)
  }

  /** Whether the process can download from the internet. */
  get isOnline(): boolean {
    return this.link?.isOnline ?? true
  }

  /** Changes what the process does, after counting what was downloaded until now. */
  change(change: () => void): void {
    this.#count()
    change()
    const moving = new Set(this.moving())
    for (const session of this.#sessions.values()) {
      if (moving.has(session) && session.movingSinceMs !== null) continue
      session.movingSinceMs = moving.has(session) ? this.options.clock.now() : null
      session.answers = 0
    }
  }

  /** Opens a session, or returns the session that already plays this content. */
  open(infohash: string, freshId: string): Session {
    this.#count()
    this.hasMetDead ||= isDead(infohash)
    const id = this.options.reusesSessionIds ? `s${infohash}` : freshId
    const known = [...this.#sessions.values()].find((session) => session.infohash === infohash)
    if (known !== undefined && this.session(known.id) !== undefined) return known
    const session: Session = {
      id,
      infohash,
      readers: 0,
      isStalled: isDead(infohash),
      isReported: false,
      bytes: 0,
      lastReadMs: this.options.clock.now(),
      movingSinceMs: null,
      answers: 0,
      answeredMs: 0,
    }
    this.#sessions.set(id, session)
    return session
  }

  /** The session with this id, unless it is unknown or has expired. */
  session(id: string): Session | undefined {
    this.#count()
    const session = this.#sessions.get(id)
    if (session === undefined) return undefined
    if (session.readers > 0 || this.options.clock.now() - session.lastReadMs < SESSION_TTL_MS) return session
    this.#sessions.delete(id)
    return undefined
  }

  /** Handles a proxy's `method=stop`. It does nothing while others read the same session. */
  stop(id: string): void {
    if (this.#sessions.get(id)?.readers === 0) this.#sessions.delete(id)
  }

  sessions(): readonly Session[] {
    return [...this.#sessions.values()]
  }

  /** The sessions whose bytes move now; their viewers would be cut off. */
  moving(): readonly Session[] {
    if (!this.plays || !this.isOnline || this.isMute) return []
    return this.sessions().filter(({ readers, isStalled }) => readers > 0 && !isStalled)
  }

  end(): void {
    this.#isEnded = true
    this.cutOff()
  }

  /** Cuts off all present readers for good. */
  cutOff(): void {
    for (const listener of this.#onEnd) listener()
    this.#onEnd.clear()
  }

  /** Calls `listener` at the end, unless the returned function is called first. */
  onEnd(listener: () => void): () => void {
    this.#onEnd.add(listener)
    return () => this.#onEnd.delete(listener)
  }

  #count(): void {
    const now = this.options.clock.now()
    const bytes = (now - this.#countedMs) * BYTES_PER_MS
    for (const session of this.moving()) {
      session.bytes += bytes
      session.lastReadMs = now
      this.options.onBytes(bytes)
    }
    this.#countedMs = now
  }
}
