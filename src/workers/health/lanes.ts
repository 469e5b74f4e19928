/** Lets so many jobs of one key run at a time; the others wait in the order in which they came. */
export class Lanes {
  readonly #lanes = new Map<string, { running: number; readonly waiting: (() => void)[] }>()

  constructor(private readonly width: number) {}

  async run<T>(key: string, job: () => Promise<T>): Promise<T> {
    await this.#enter(key)
    try {
      return await job()
    } finally {
      this.#leave(key)
    }
  }

  #enter(key: string): Promise<void> {
    const lane = this.#lanes.get(key) ?? { running: 0, waiting: [] }
    this.#lanes.set(key, lane)
    if (lane.running === this.width) return new Promise((resolve) => lane.waiting.push(resolve))
    lane.running++
    return Promise.resolve()
  }

  /** The place goes to the next one, if there is one. */
  #leave(key: string): void {
    const lane = this.#lanes.get(key)
    if (lane === undefined) return
    const next = lane.waiting.shift()
    if (next !== undefined) next()
    else if (--lane.running === 0) this.#lanes.delete(key)
  }
}
