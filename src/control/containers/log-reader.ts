import type { Clock } from '../../lib/clock.ts'

/** How fast a log is given to one reader: `burstBytes` at once, and after that so many bytes per second. */
export interface LogPace {
  readonly burstBytes: number
  readonly bytesPerSecond: number
}

/**
 * One reader of a log that is followed. It holds one piece at a time: the log is read on when the reader has taken that
 * piece and its pace allows another.
 */
export class LogReader {
  readonly #ended = new AbortController()
  #piece: Uint8Array<ArrayBuffer> | null = null
  #taken: (() => void) | null = null
  #wake: (() => void) | null = null
  /** How many bytes may be given at once, as of `#countedMs`; negative if more were given. */
  #allowance: number
  #countedMs: number

  constructor(
    private readonly clock: Clock,
    private readonly pace: LogPace,
  ) {
    this.#allowance = pace.burstBytes
    this.#countedMs = clock.now()
  }

  /** Aborts when the reader has ended. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** Resolves with the next piece, or with null when the log has ended. Do not call it again before it has resolved. */
  async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    while (this.#piece === null && !this.signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    const piece = this.#piece
    this.#piece = null
    this.#taken?.()
    return piece
  }

  /** Hands the reader a piece. Resolves when the next one may follow, or when the reader has ended. */
  async give(text: string): Promise<void> {
    if (this.signal.aborted) return
    const piece = new TextEncoder().encode(text)
    this.#piece = piece
    await new Promise<void>((resolve) => {
      this.#taken = resolve
      this.#rouse()
    })
    this.#taken = null
    const waitMs = this.#waitMs(piece.length)
    if (waitMs > 0) await this.clock.sleep(waitMs, this.signal)
  }

  /** Ends the reader at once. A piece that waits is dropped. */
  end(): void {
    if (this.signal.aborted) return
    this.#ended.abort()
    this.#piece = null
    this.#taken?.()
    this.#rouse()
  }

  #rouse(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  /** Counts the bytes that were given, and returns how long the next ones have to wait. */
  #waitMs(bytes: number): number {
    const { burstBytes, bytesPerSecond } = this.pace
    const now = this.clock.now()
    const earned = ((now - this.#countedMs) * bytesPerSecond) / 1_000
    this.#allowance = Math.min(burstBytes, this.#allowance + earned) - bytes
    this.#countedMs = now
    return Math.max(0, (-this.#allowance * 1_000) / bytesPerSecond)
  }
}
