import { Backlog, type BacklogLimits, type Frame } from '../../core/feed/backlog.ts'
import type { Clock } from '../../lib/clock.ts'
import { heartbeatFrame, retryFrame } from './feed-frames.ts'

/**
 * The position of a subscriber. `live`: it gets new frames. Any other subscriber catches up when it reads next. `behind`: it
 * gets the journal entries after `afterId`, then a snapshot. `lost`: it was slow and lost the journal from entry `fromId`
 * on; it gets a message that says so and a snapshot. `unknown_id`: the same, without a range. `fresh`: it gets a snapshot.
 */
export type Position =
  | { readonly kind: 'live' }
  | { readonly kind: 'fresh' }
  | { readonly kind: 'unknown_id' }
  | { readonly kind: 'behind'; readonly afterId: number }
  | { readonly kind: 'lost'; readonly fromId: number }

/** What a subscriber needs to catch up: at least one frame, and its position afterwards. */
export interface CatchUp {
  readonly frames: readonly Frame[]
  readonly position: Position
}

/** What a subscriber asked for. */
export interface Subscribing {
  readonly position: Position
  /** The answer ends after this many events, or after this time in milliseconds; null for no end. */
  readonly limit: number | null
  readonly durationMs: number | null
}

/** A subscriber that reads nothing for this time, not even heartbeats, is ended, because it takes the place of another. */
const SILENCE_MAX_MS = 60_000

/** About how much a subscriber gets at once. */
const CHUNK_BYTES = 65_536

/** One subscriber of the feed. It only holds its backlog and the frames with which it catches up. */
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
   * Resolves with the next piece of the feed as soon as there is one, or with null when the feed has ended. Do not call it
   * again before it has resolved. Rejects if the store fails; the subscription has ended then.
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
   * Adds frames for a live subscriber. If too many frames already wait, all of them are dropped. The subscriber has then
   * lost the journal from the first dropped entry on, or from `nextId` on if no entry was dropped.
   */
  offer(frames: readonly Frame[], nextId: number): void {
    if (!this.isLive()) return
    if (!this.#backlog.add(frames)) this.#position = { kind: 'lost', fromId: this.#backlog.drop() ?? nextId }
    this.#rouse()
  }

  /** Sends a heartbeat. A slow subscriber gets one when it reads again. A silent subscriber is ended. */
  beat(): void {
    const isWaiting = this.#wake !== null
    if (!isWaiting && this.deps.clock.now() - this.#askedMs > SILENCE_MAX_MS) {
      this.end()
    } else {
      this.#isBeatDue = true
      this.#rouse()
    }
  }

  /** Ends the subscription at once. Frames that wait are dropped. */
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
