import type { Figures, Sample } from '../../core/streams/figures.ts'
import type { Clock } from '../../lib/clock.ts'
import { Emitter } from '../../lib/emitter.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import { Loop } from '../../lib/loop.ts'
import { addSamples, type SampleLimits } from '../../store/samples.ts'
import type { Store } from '../../store/store.ts'

/**
 * Keeps what engines tell of the transfer of streams: the newest figures of each stream are written once a round, all in one
 * transaction. What is not written yet is lost by a crash, and nothing else.
 */
export class Statistics {
  readonly #loop: Loop
  readonly #pending = new Map<number, Sample>()
  /** The number of the last sample of each stream that is collected. */
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

  /** Calls `listener` after a round that wrote something; it must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  start(): void {
    this.#loop.start()
  }

  /** Ends after what is pending was written. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    guarded(() => this.#write(), this.deps.onError)()
  }

  /** Takes the figures of a stream in the place of those of it that are not written yet. */
  note(streamRowId: number, figures: Figures, atMs: number): void {
    this.#pending.set(streamRowId, { streamRowId, at: atMs, ...figures })
  }

  #write(): void {
    if (this.#pending.size === 0) return
    const { store, limits } = this.deps
    const samples = [...this.#pending.values()]
    const seqs = new Map(this.#seqs)
    store.record((tx) => addSamples(tx, samples, seqs, limits))
    // What was not written, the newest figures of each stream, is tried again with the next round.
    this.#pending.clear()
    // Streams that told nothing in this round may have ended.
    this.#seqs = new Map(samples.flatMap(({ streamRowId }) => seqOf(seqs, streamRowId)))
    this.#version++
    this.#news.emit()
  }
}

function seqOf(seqs: ReadonlyMap<number, number>, streamRowId: number): [number, number][] {
  const seq = seqs.get(streamRowId)
  return seq === undefined ? [] : [[streamRowId, seq]]
}
