import type { EngineLink } from './engine-link.ts'

/** How long a session lives without a reader, as measured on real engines. */
const SESSION_TTL_MS = 60_000
const BYTES_PER_MS = 400

/**
 * What the process of an engine does now. `up`: all is well. `deaf`: it does not say how it is, sessions go on and are
 * answered for. `hung`: nothing answers and nothing moves. `booting`: it refuses connections.
 */
export type Mode = 'booting' | 'up' | 'deaf' | 'hung'

/** One content that an engine plays, with those who read it. */
export interface Session {
  readonly id: string
  readonly infohash: string
  readers: number
  /** No peers: readers wait, nothing moves. */
  isStalled: boolean
  /** A proxy told the orchestrator of it, so its readers are known to the books. */
  isReported: boolean
  bytes: number
  lastReadMs: number
  /** Since when its bytes have moved without a pause; null while they stand still. */
  movingSinceMs: number | null
  /** How often it was told to the orchestrator since then, and when last; several streams may ask in one breath. */
  answers: number
  answeredMs: number
}

/** One start of one engine's process, with all that is lost at its end. */
export class EngineProcess {
  mode: Mode = 'booting'
  isPaused = false
  /** Its connection, where it uses the network of a VPN node; null with a network of its own. */
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
      /** Told of the bytes that came since the last time. */
      readonly onBytes: (bytes: number) => void
    },
  ) {
    this.#countedMs = startedAtMs
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Whether it says now how it is. */
  get answers(): boolean {
    return this.mode === 'up' && this.plays
  }

  /** Whether it speaks of sessions and plays them now. */
  get plays(): boolean {
    return (
      (this.mode === 'up' || this.mode === 'deaf') && !this.isPaused && !this.#isEnded && this.isReachable
    )
  }

  /** Whether anybody could reach it. */
  get isReachable(): boolean {
    return this.link?.isAlive ?? true
  }

  /** Whether what it asks the world for comes. */
  get isOnline(): boolean {
    return this.link?.isOnline ?? true
  }

  /** Changes what it does; what was downloaded until now is counted first. */
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

  /** Opens a session, or gives the one that plays this content already. */
  open(infohash: string, freshId: string): Session {
    this.#count()
    const id = this.options.reusesSessionIds ? `s${infohash}` : freshId
    const known = [...this.#sessions.values()].find((session) => session.infohash === infohash)
    if (known !== undefined && this.session(known.id) !== undefined) return known
    const session: Session = {
      id,
      infohash,
      readers: 0,
      isStalled: false,
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

  /** The session of this id, unless it is unknown or has expired. */
  session(id: string): Session | undefined {
    this.#count()
    const session = this.#sessions.get(id)
    if (session === undefined) return undefined
    if (session.readers > 0 || this.options.clock.now() - session.lastReadMs < SESSION_TTL_MS) return session
    this.#sessions.delete(id)
    return undefined
  }

  /** A proxy's `method=stop`; it does nothing to others who read the same session. */
  stop(id: string): void {
    if (this.#sessions.get(id)?.readers === 0) this.#sessions.delete(id)
  }

  sessions(): readonly Session[] {
    return [...this.#sessions.values()]
  }

  /** The sessions whose bytes move at this moment: somebody would be cut off. */
  moving(): readonly Session[] {
    if (!this.plays || !this.isOnline) return []
    return this.sessions().filter(({ readers, isStalled }) => readers > 0 && !isStalled)
  }

  end(): void {
    this.#isEnded = true
    this.cutOff()
  }

  /** Nobody who reads from it gets anything any more, now or later. */
  cutOff(): void {
    for (const listener of this.#onEnd) listener()
    this.#onEnd.clear()
  }

  /** Tells a reader of the end, unless the function it gives back is called first. */
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
