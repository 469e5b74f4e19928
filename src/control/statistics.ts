import type { Figures, Sample } from '../core/figures.ts'
import type { Clock } from '../lib/clock.ts'
import { addSamples, type SampleLimits } from '../store/samples.ts'
import type { Store } from '../store/store.ts'

/**
 * Keeps what engines tell of the transfer of streams: the newest figures of each stream are written once a round, all in one
 * transaction. What is not written yet is lost by a crash, and nothing else.
 */
export class Statistics {
  readonly #stop = new AbortController()
  readonly #pending = new Map<number, Sample>()
  /** The number of the last sample of each stream that is collected. */
  #seqs = new Map<number, number>()
  readonly #listeners: (() => void)[] = []
  #version = 0
  #loop: Promise<void> = Promise.resolve()

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly intervalMs: number
      readonly limits: SampleLimits
    },
  ) {}

  /** Grows with every round that wrote something. */
  version(): number {
    return this.#version
  }

  /** Calls `listener` after a round that wrote something; it must be quick. */
  onNews(listener: () => void): void {
    this.#listeners.push(listener)
  }

  start(): void {
    this.#loop = this.#run()
  }

  /** Ends after what is pending was written. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    this.#write()
  }

  /** Takes the figures of a stream in the place of those of it that are not written yet. */
  note(streamRowId: number, figures: Figures, atMs: number): void {
    this.#pending.set(streamRowId, { streamRowId, at: atMs, ...figures })
  }

  async #run(): Promise<void> {
    const { clock, intervalMs } = this.deps
    const { signal } = this.#stop
    while (!signal.aborted) {
      await clock.sleep(intervalMs, signal)
      if (!signal.aborted) this.#write()
    }
  }

  #write(): void {
    if (this.#pending.size === 0) return
    const { store, limits } = this.deps
    const samples = [...this.#pending.values()]
    this.#pending.clear()
    store.record((tx) => addSamples(tx, samples, this.#seqs, limits))
    // Streams that told nothing in this round may have ended.
    this.#seqs = new Map(samples.flatMap(({ streamRowId }) => this.#seqOf(streamRowId)))
    this.#version++
    for (const listener of this.#listeners) listener()
  }

  #seqOf(streamRowId: number): [number, number][] {
    const seq = this.#seqs.get(streamRowId)
    return seq === undefined ? [] : [[streamRowId, seq]]
  }
}
