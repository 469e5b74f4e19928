import type { LogHandlers, LogPart } from '../../src/runtime/runtime.ts'
import type { MemoryLog } from './memory-log.ts'

/** A log that is to be followed. `ended` resolves when its container has ended. */
export interface FollowedLog {
  readonly log: MemoryLog
  readonly ended: Promise<void>
}

/** The logs of a container engine in memory that are followed now. */
export class LogReaders {
  readonly #open = new Set<AbortController>()

  get size(): number {
    return this.#open.size
  }

  /** Cuts all of them off. */
  breakAll(): void {
    for (const closed of this.#open) closed.abort()
  }

  /** Follows a log until its container ends, `signal` aborts or it is cut off. `find` asks for it, and may fail. */
  async follow(
    find: () => Promise<FollowedLog>,
    part: LogPart,
    { onOpen, onLines }: LogHandlers,
    signal: AbortSignal,
  ): Promise<void> {
    const closed = new AbortController()
    const close = () => closed.abort()
    try {
      const { log, ended } = await find()
      if (signal.aborted) return
      signal.addEventListener('abort', close, { once: true })
      this.#open.add(closed)
      onOpen()
      await log.follow(part, onLines, ended, closed.signal)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      signal.removeEventListener('abort', close)
      this.#open.delete(closed)
    }
  }
}
