import type { OutOfReach } from '../../core/engines/reach.ts'
import { type Engine, generationOf } from '../../core/types.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'

/** The finding about one start of an engine. */
interface Finding extends OutOfReach {
  readonly generation: number
}

/** Which engines are out of reach where they are. Kept in memory, unknown after a restart. */
export class ReachFacts {
  #found: ReadonlyMap<string, Finding> = new Map()
  #sign = '[]'
  #version = 0
  readonly #news: Emitter

  /** `onError` receives the errors of listeners. */
  constructor(onError: OnError) {
    this.#news = new Emitter(onError)
  }

  /** Grows with every change. */
  version(): number {
    return this.#version
  }

  /** Calls `listener` when an engine went out of reach or came within it. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** Why this start of the engine is out of reach; null if it is not, as far as is known. */
  of(engine: Pick<Engine, 'id' | 'containerStartedAt'>): OutOfReach | null {
    const known = this.#found.get(engine.id)
    return known?.generation === generationOf(engine) ? known : null
  }

  /** Replaces all that was found. */
  set(found: readonly (readonly [Engine, OutOfReach])[]): void {
    this.#found = new Map(
      found.map(([engine, why]) => [engine.id, { ...why, generation: generationOf(engine) }]),
    )
    const sign = JSON.stringify([...this.#found])
    if (sign === this.#sign) return
    this.#sign = sign
    this.#version++
    this.#news.emit()
  }
}
