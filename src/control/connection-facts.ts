import { type Connection, cutOffSinceMs, withConnection } from '../core/tunnel.ts'
import { Emitter } from '../lib/emitter.ts'
import type { OnError } from '../lib/guard.ts'

interface Known {
  readonly generation: number
  readonly connection: Connection
}

/** What engines behind a VPN have said of their connection to the outside: in memory, unknown after a restart. */
export class ConnectionFacts {
  readonly #known = new Map<string, Known>()
  readonly #news: Emitter
  #version = 0

  /** `onError` hears of listeners that fail. */
  constructor(onError: OnError) {
    this.#news = new Emitter(onError)
  }

  /** Grows with every change that an answer could show. */
  version(): number {
    return this.#version
  }

  /** Calls `listener` when an answer was added; it must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** Adds an answer of one start of an engine; what another start said is forgotten. */
  note(engineId: string, generation: number, isConnected: boolean, atMs: number): void {
    const before = this.of(engineId, generation)
    const connection = withConnection(before, isConnected, atMs)
    this.#known.set(engineId, { generation, connection })
    if (cutOffSinceMs(before) !== cutOffSinceMs(connection)) this.#version++
    this.#news.emit()
  }

  /** Null when this start of the engine has said nothing yet. */
  of(engineId: string, generation: number): Connection | null {
    const known = this.#known.get(engineId)
    return known?.generation === generation ? known.connection : null
  }

  /** Drops what is kept of all others. */
  keepOnly(engineIds: ReadonlySet<string>): void {
    for (const id of this.#known.keys()) if (!engineIds.has(id)) this.#known.delete(id)
  }

  /** Nobody asks for a while: what was said so far is no evidence of what is now. */
  forgetAll(): void {
    this.#known.clear()
    this.#version++
  }
}
