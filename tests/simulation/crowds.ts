import type { Clock } from '../../src/lib/clock.ts'
import type { Acexy } from './acexy.ts'
import { type Coverage, tally } from './coverage.ts'
import type { Random } from './random.ts'
import type { Viewers } from './viewers.ts'

/** How many dead contents somebody tries one after another. */
const LIST_MAX = 12
/** How many viewers come close together, and within which time. */
const GROUP = { min: 2, max: 5, withinMs: { min: 2_000, max: 6_000 } } as const

export interface CrowdsDeps {
  readonly clock: Clock
  readonly coverage: Coverage
  readonly viewers: Viewers
  readonly proxies: readonly [Acexy, ...Acexy[]]
  readonly onFailure: (text: string) => void
}

/** Makes people come, each kind every so often on average, until all is quiet. */
export class Crowds {
  constructor(private readonly deps: CrowdsDeps) {}

  /** Viewers who come through a proxy. */
  come(random: Random, meanMs: number): void {
    const { viewers, proxies } = this.deps
    this.#every(random, meanMs, () => viewers.watch(random.pick(proxies)))
  }

  /** Players without a proxy. */
  comeAlone(random: Random, meanMs: number): void {
    this.#every(random, meanMs, () => this.deps.viewers.watchAlone(random))
  }

  /** People who try a list of dead contents, one after another. */
  comeWithLists(random: Random, meanMs: number): void {
    const { viewers, proxies } = this.deps
    this.#every(random, meanMs, async () => {
      const proxy = random.pick(proxies)
      for (let left = random.int(1, LIST_MAX); left > 0 && !viewers.isQuiet; left--)
        await viewers.watch(proxy, `d${random.int(1, 1e6)}`)
    })
  }

  /** Groups of viewers who come close together. */
  comeTogether(random: Random, meanMs: number): void {
    const { clock, coverage, viewers, proxies } = this.deps
    this.#every(random, meanMs, async () => {
      tally(coverage, 'viewers come together')
      const withinMs = random.int(GROUP.withinMs.min, GROUP.withinMs.max)
      const visits = Array.from({ length: random.int(GROUP.min, GROUP.max) }, () => ({
        afterMs: random.int(0, withinMs),
        proxy: random.pick(proxies),
      }))
      const come = async ({ afterMs, proxy }: (typeof visits)[number]): Promise<void> => {
        await clock.sleep(afterMs)
        await viewers.watch(proxy)
      }
      await Promise.all(visits.map(come))
    })
  }

  #every(random: Random, meanMs: number, act: () => Promise<void>): void {
    const { clock, viewers, onFailure } = this.deps
    clock.after(random.exponential(meanMs), () => {
      if (viewers.isQuiet) return
      this.#every(random, meanMs, act)
      act().catch((error: unknown) => onFailure(`a viewer failed: ${error}`))
    })
  }
}
