import { Backlog, type BacklogLimits, type Frame } from '../../core/feed/backlog.ts'
import type { Clock } from '../../lib/clock.ts'
import { heartbeatFrame, retryFrame } from './feed-frames.ts'

/**
 * How far a reader is: `live` gets what comes. The others are told what they have not got when they read next: the entries
 * of the journal after `afterId`; what a slow one lost from the entry `fromId` on; or only how everything is now.
 */
export type Position =
  | { readonly kind: 'live' }
  | { readonly kind: 'fresh' }
  | { readonly kind: 'unknown_id' }
  | { readonly kind: 'behind'; readonly afterId: number }
  | { readonly kind: 'lost'; readonly fromId: number }

/** What brings a reader further: at least one frame, and where it is then. */
export interface CatchUp {
  readonly frames: readonly Frame[]
  readonly position: Position
}

/** What a reader asked for. */
export interface Subscribing {
  readonly position: Position
  /** It ends after so many events, or so much time; null for never. */
  readonly limit: number | null
  readonly durationMs: number | null
}

/** A reader that takes nothing for so long, heartbeats neither, is none: it holds the place of another. */
const SILENCE_MAX_MS = 60_000

/** What is given to a reader at once, about. */
const CHUNK_BYTES = 65_536

/** One reader of the feed. Nothing is held for it but its backlog, and what it is given to catch up. */
export class Subscription {
  readonly #backlog: Backlog
  readonly #cancelEnd: () => void
  #ready: Frame[] = []
  #position: Position
  #left: number
  #hasBegun = false
  #isBeatDue = false
  #askedMs: number
  #isEnded = false
  #wake: (() => void) | null = null

  constructor(
    { position, limit, durationMs }: Subscribing,
    private readonly deps: {
      readonly clock: Clock
      readonly limits: BacklogLimits
      readonly catchUp: (position: Position) => CatchUp
      readonly onEnd: () => void
    },
  ) {
    this.#backlog = new Backlog(deps.limits)
    this.#position = position
    this.#askedMs = deps.clock.now()
    this.#left = limit ?? Number.POSITIVE_INFINITY
    this.#cancelEnd = durationMs === null ? () => undefined : deps.clock.after(durationMs, () => this.end())
  }

  isLive(): boolean {
    return this.#position.kind === 'live'
  }

  /**
   * Resolves with the next piece of the feed as soon as there is one, with null when it has ended. Not to be called again
   * before it has. Rejects when the store fails; the subscription has ended then.
   */
  async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#askedMs = this.deps.clock.now()
    while (!this.#isEnded) {
      const frames = this.#take()
      if (frames.length > 0) return joined(frames)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return null
  }

  /**
   * Adds frames for a live reader. Where too many wait already, all of them are dropped: the reader lost the journal from there on,
   * or from `nextId` on if no entry was among them.
   */
  offer(frames: readonly Frame[], nextId: number): void {
    if (!this.isLive()) return
    if (!this.#backlog.add(frames)) this.#position = { kind: 'lost', fromId: this.#backlog.drop() ?? nextId }
    this.#rouse()
  }

  /** Lets a reader hear that the connection lives; one that is slow hears it once when it reads on, one that is silent is ended. */
  beat(): void {
    const isWaiting = this.#wake !== null
    if (!isWaiting && this.deps.clock.now() - this.#askedMs > SILENCE_MAX_MS) {
      this.end()
    } else {
      this.#isBeatDue = true
      this.#rouse()
    }
  }

  /** Ends it at once; what waits is dropped. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#cancelEnd()
    this.#backlog.drop()
    this.#ready = []
    this.deps.onEnd()
    this.#rouse()
  }

  #rouse(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  #take(): readonly Frame[] {
    if (!this.#hasBegun) {
      this.#hasBegun = true
      return [retryFrame]
    }
    if (this.#isBeatDue) {
      this.#isBeatDue = false
      return [heartbeatFrame]
    }
    if (this.#ready.length === 0 && !this.isLive()) this.#catchUp()
    const frames =
      this.#ready.length > 0
        ? this.#ready.splice(0, Math.min(this.#ready.length, this.#left))
        : this.#backlog.take(CHUNK_BYTES, this.#left)
    this.#left -= frames.length
    if (this.#left <= 0) this.end()
    return frames
  }

  #catchUp(): void {
    try {
      const { frames, position } = this.deps.catchUp(this.#position)
      this.#ready = [...frames]
      this.#position = position
    } catch (error) {
      this.end()
      throw error
    }
  }
}

function joined(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  const [only] = frames
  if (frames.length === 1 && only !== undefined) return only.bytes
  const all = new Uint8Array(frames.reduce((sum, { bytes }) => sum + bytes.length, 0))
  let at = 0
  for (const { bytes } of frames) {
    all.set(bytes, at)
    at += bytes.length
  }
  return all
}
