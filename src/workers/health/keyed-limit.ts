/** Lets at most `width` jobs of one key run at a time; the others wait in the order in which they came. */
export class KeyedLimit {
  readonly #keys = new Map<string, { running: number; readonly waiting: (() => void)[] }>()

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
    const waitingFor = this.#keys.get(key) ?? { running: 0, waiting: [] }
    this.#keys.set(key, waitingFor)
    if (waitingFor.running === this.width) return new Promise((resolve) => waitingFor.waiting.push(resolve))
    waitingFor.running++
    return Promise.resolve()
  }

  /** Gives the place to the next waiting job, if there is one. */
  #leave(key: string): void {
    const waitingFor = this.#keys.get(key)
    if (waitingFor === undefined) return
    const next = waitingFor.waiting.shift()
    if (next !== undefined) next()
    else if (--waitingFor.running === 0) this.#keys.delete(key)
  }
}
