import { type Connection, cutOffSinceMs, withConnection } from '../../core/vpn/tunnel.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'

/** An engine's answer to the question whether it is connected to the internet. */
export interface NetworkFact {
  readonly engineId: string
  readonly generation: number
  readonly connected: boolean
  readonly atMs: number
}

interface Known {
  readonly generation: number
  readonly connection: Connection
}

/** What engines said about their connection to the internet. Kept in memory, unknown after a restart. */
export class ConnectionFacts {
  readonly #known = new Map<string, Known>()
  readonly #news: Emitter<[ReadonlySet<string>]>
  #version = 0

  /** `onError` receives the errors of listeners. */
  constructor(onError: OnError) {
    this.#news = new Emitter(onError)
  }

  /** Grows with every change that an API answer could show. */
  version(): number {
    return this.#version
  }

  /** Calls `listener` when answers were added, with the ids of the engines that gave them. The listener must be quick. */
  onNews(listener: (engineIds: ReadonlySet<string>) => void): void {
    this.#news.on(listener)
  }

  /** Adds answers. What another start of the engine said is forgotten. */
  note(facts: readonly NetworkFact[]): void {
    for (const { engineId, generation, connected, atMs } of facts) {
      const before = this.of(engineId, generation)
      const connection = withConnection(before, connected, atMs)
      this.#known.set(engineId, { generation, connection })
      if (cutOffSinceMs(before) !== cutOffSinceMs(connection)) this.#version++
    }
    const engineIds = new Set(facts.map(({ engineId }) => engineId))
    if (engineIds.size > 0) this.#news.emit(engineIds)
  }

  /** The connection of this start of the engine; null if it has said nothing yet. */
  of(engineId: string, generation: number): Connection | null {
    const known = this.#known.get(engineId)
    return known?.generation === generation ? known.connection : null
  }

  /** Drops what is kept about all other engines. */
  keepOnly(engineIds: ReadonlySet<string>): void {
    keepOnly(this.#known, engineIds)
  }

  /** Forgets all answers. Called when the health worker was lost: old answers are no evidence for the present. */
  forgetAll(): void {
    this.#known.clear()
    this.#version++
  }
}
