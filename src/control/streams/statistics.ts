import type { Figures, Sample } from '../../core/streams/figures.ts'
import type { Clock } from '../../lib/clock.ts'
import { Emitter } from '../../lib/emitter.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import { Loop } from '../../lib/loop.ts'
import { addSamples, type SampleLimits } from '../../store/samples.ts'
import type { Store } from '../../store/store.ts'

/**
 * Stores the transfer figures that engines report for streams. Once per round, writes the newest figures of each stream, all
 * in one transaction. A crash loses only the figures that are not written yet.
 */
export class Statistics {
  readonly #loop: Loop
  readonly #pending = new Map<number, Sample>()
  /** The number of the last sample of each stream that reports figures. */
  #seqs = new Map<number, number>()
  readonly #news: Emitter
  #version = 0

  constructor(
    private readonly deps: {
      readonly store: Pick<Store, 'record'>
      readonly clock: Clock
      readonly intervalMs: number
      readonly limits: SampleLimits
      readonly onError: OnError
    },
  ) {
    const { clock, intervalMs, onError } = deps
    this.#news = new Emitter(onError)
    this.#loop = new Loop({ clock, intervalMs, first: 'later', work: () => this.#write(), onError })
  }

  /** Grows with every round that wrote something. */
  version(): number {
    return this.#version
  }

  /** Calls `listener` after every round that wrote something. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  start(): void {
    this.#loop.start()
  }

  /** Stops the rounds, and resolves after the pending figures were written. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    guarded(() => this.#write(), this.deps.onError)()
  }

  /** Replaces the pending figures of a stream. */
  note(streamRowId: number, figures: Figures, atMs: number): void {
    this.#pending.set(streamRowId, { streamRowId, at: atMs, ...figures })
  }

  #write(): void {
    if (this.#pending.size === 0) return
    const { store, limits } = this.deps
    const samples = [...this.#pending.values()]
    const seqs = new Map(this.#seqs)
    store.record((tx) => addSamples(tx, samples, seqs, limits))
    // If the transaction fails, the pending figures stay and are written in the next round.
    this.#pending.clear()
    // Streams without figures in this round may have ended, so their numbers are forgotten.
    this.#seqs = new Map(samples.flatMap(({ streamRowId }) => seqOf(seqs, streamRowId)))
    this.#version++
    this.#news.emit()
  }
}

function seqOf(seqs: ReadonlyMap<number, number>, streamRowId: number): [number, number][] {
  const seq = seqs.get(streamRowId)
  return seq === undefined ? [] : [[streamRowId, seq]]
}
