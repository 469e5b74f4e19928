/** A log of the simulation's steps for people: when, who, what. */
export class Trace {
  readonly #lines: string[] = []
  #hash = 0n
  #count = 0

  /** Keeps the newest `capacity` lines. `echo` receives every line at once. */
  constructor(
    private readonly clock: { now(): number },
    private readonly options: { readonly capacity: number; readonly echo: ((line: string) => void) | null },
  ) {
    this.#startMs = clock.now()
  }

  readonly #startMs: number

  note(who: string, text: string): void {
    const line = `${this.#time()}  ${who.padEnd(10)} ${text}`
    this.#hash = Bun.hash.wyhash(line, this.#hash)
    this.#count++
    this.options.echo?.(line)
    this.#lines.push(line)
    if (this.#lines.length > 2 * this.options.capacity)
      this.#lines.splice(0, this.#lines.length - this.options.capacity)
  }

  /** The newest lines, oldest first. */
  tail(): readonly string[] {
    return this.#lines.slice(-this.options.capacity)
  }

  /** A hash that is equal for equal traces, so that a replay which differs anywhere is noticed. */
  hash(): string {
    return `${this.#count}-${this.#hash.toString(16)}`
  }

  #time(): string {
    const ms = this.clock.now() - this.#startMs
    const minutes = Math.floor(ms / 60_000)
    const seconds = (ms % 60_000) / 1_000
    return `${String(minutes).padStart(2, '0')}:${seconds.toFixed(3).padStart(6, '0')}`
  }
}

/** Shortens an id to as much as is needed to tell ids apart. */
export const short = (id: string | null): string => (id === null ? '–' : id.slice(0, 6))
