/**
 * Numbers determined by a seed (mulberry32, by Tommy Ettinger, public domain). A named stream is independent of all others:
 * drawing more from one shifts no other, so a small change of a scenario stays small.
 */
export class Random {
  #state: number

  constructor(private readonly seed: bigint) {
    this.#state = Number(seed & 0xff_ff_ff_ffn)
  }

  stream(name: string): Random {
    return new Random(Bun.hash.wyhash(name, this.seed))
  }

  /** Uniform in [0, 1). */
  float(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    const state = this.#state
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.float() * (max - min + 1))
  }

  /** Any number from `min` up to, but not including, `max`. */
  between(min: number, max: number): number {
    return min + this.float() * (max - min)
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  /** One of the items, or undefined if there are none. */
  pick<T>(items: readonly [T, ...T[]]): T
  pick<T>(items: readonly T[]): T | undefined
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.int(0, items.length - 1)]
  }

  /** A waiting time between random events: whole milliseconds, at least one. */
  exponential(meanMs: number): number {
    return Math.max(1, Math.round(-Math.log(1 - this.float()) * meanMs))
  }
}

/** The root of all draws of one seed. */
export const seeded = (seed: number): Random => new Random(Bun.hash.wyhash('roundhouse', BigInt(seed)))
