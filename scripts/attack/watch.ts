import { mainThreadMicros } from '../bench/throughput.ts'
import { FLEET, listedEngines, type Site } from './site.ts'

const MEMORY_EVERY_MS = 500
const FLEET_EVERY_MS = 1_000

/** What was observed of the container and the fleet during an attack. */
export interface Watched {
  readonly mostMemoryBytes: number
  /** How many of the first engines were listed, at the look that found the fewest. Unhealthy engines are not listed. */
  readonly fewestListed: number
  /** The share of one processor that the main thread used. That thread makes all answers. */
  readonly busy: number
}

/** Observes the memory and the fleet again and again until `end` is called. */
export class SiteWatch {
  #isOver = false
  #mostMemoryBytes = 0
  #fewestListed = FLEET
  readonly #beganMs = performance.now()
  readonly #microsBefore: Promise<number>
  readonly #looks: Promise<unknown>

  constructor(private readonly site: Site) {
    this.#microsBefore = this.#micros()
    this.#looks = Promise.all([
      this.#again(MEMORY_EVERY_MS, () => this.#lookAtMemory()),
      this.#again(FLEET_EVERY_MS, () => this.#lookAtFleet()),
    ])
  }

  async end(): Promise<Watched> {
    this.#isOver = true
    const tookMs = performance.now() - this.#beganMs
    const busy = ((await this.#micros()) - (await this.#microsBefore)) / (tookMs * 1_000)
    await this.#looks
    return { mostMemoryBytes: this.#mostMemoryBytes, fewestListed: this.#fewestListed, busy }
  }

  /** Resolves with NaN if the process is gone. */
  #micros(): Promise<number> {
    return mainThreadMicros(this.site.container.life.pid).catch(() => Number.NaN)
  }

  async #again(ms: number, look: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      // Failures are ignored: the reader reports failed questions, and a container that is gone is noticed at the end.
      await look().catch(() => undefined)
      await Bun.sleep(ms)
    }
  }

  async #lookAtMemory(): Promise<void> {
    this.#mostMemoryBytes = Math.max(this.#mostMemoryBytes, await this.site.container.memoryBytes())
  }

  async #lookAtFleet(): Promise<void> {
    const { target, engineIds } = this.site
    const listed = (await listedEngines(target.near)).filter(({ container_id }) =>
      engineIds.includes(container_id),
    )
    this.#fewestListed = Math.min(this.#fewestListed, listed.length)
  }
}
