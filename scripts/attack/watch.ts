import { mainThreadMicros } from '../bench/throughput.ts'
import { FLEET, listedEngines, type Site } from './site.ts'

const MEMORY_EVERY_MS = 500
const FLEET_EVERY_MS = 1_000

/** What was seen of the container and the fleet while an attack went on. */
export interface Watched {
  readonly mostMemoryBytes: number
  /** Engines of the first ones that were listed, which ill ones are not, at the look that found the fewest. */
  readonly fewestListed: number
  /** Share of one processor that the main thread took, which does all answers. */
  readonly busy: number
}

/** Looks at the memory and at the fleet again and again until it is told to end. */
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

  /** Not a number where the process is gone. */
  #micros(): Promise<number> {
    return mainThreadMicros(this.site.container.life.pid).catch(() => Number.NaN)
  }

  async #again(ms: number, look: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      // A question that fails is the reader's to tell, and a container that is gone is seen at the end.
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
