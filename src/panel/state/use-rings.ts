import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { EngineUse } from '../api/types.ts'

/** An hour of one engine, at the pace at which the page asks; and so many engines, those that were looked at last. */
const SAMPLES_MAX = 720
const ENGINES_MAX = 8

/** What engines used while their pages were on screen. The server tells only the newest figures of each. */
export class UseRings {
  readonly #rings = new Map<string, Signal<readonly EngineUse[]>>()

  /** The figures of one container, oldest first. */
  of(container: string): ReadonlySignal<readonly EngineUse[]> {
    return this.#ring(container)
  }

  /** Adds figures of a container, unless they are known. */
  add(container: string, use: EngineUse): void {
    const ring = this.#ring(container)
    if (use.collected_at === null || ring.peek().at(-1)?.collected_at === use.collected_at) return
    ring.value = [...ring.peek(), use].slice(-SAMPLES_MAX)
  }

  #ring(container: string): Signal<readonly EngineUse[]> {
    const ring = this.#rings.get(container) ?? signal<readonly EngineUse[]>([])
    // The last of a map is what was set last.
    this.#rings.delete(container)
    this.#rings.set(container, ring)
    const [oldest] = this.#rings.keys()
    if (this.#rings.size > ENGINES_MAX && oldest !== undefined) this.#rings.delete(oldest)
    return ring
  }
}
