import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Sample, Stream } from '../api/types.ts'

type Figures = Omit<Sample, 'status'>

/** As many samples as the server keeps of a stream. */
const SAMPLES_MAX = 720

interface Ring {
  readonly figures: Signal<readonly Figures[]>
  readers: number
}

/** The figures that the feed brought of each stream that is on screen, by the number of its record. */
export class SampleRings {
  readonly #rings = new Map<number, Ring>()

  /** Keeps the figures of a stream until `stop`, which has to be called once. */
  follow(record: number): {
    readonly figures: ReadonlySignal<readonly Figures[]>
    readonly stop: () => void
  } {
    const ring = this.#rings.get(record) ?? { figures: signal<readonly Figures[]>([]), readers: 0 }
    ring.readers++
    this.#rings.set(record, ring)
    return {
      figures: ring.figures,
      stop: () => {
        if (--ring.readers === 0) this.#rings.delete(record)
      },
    }
  }

  /** Takes the figures of a stream as the feed tells them, if it is on screen and they are new. */
  note({ record, stats_at: ts, ...stream }: Stream): void {
    const figures = this.#rings.get(record)?.figures
    if (figures === undefined || ts === null || figures.peek().at(-1)?.ts === ts) return
    const { peers, speed_down, speed_up, downloaded, uploaded, livepos } = stream
    const next = { ts, peers, speed_down, speed_up, downloaded, uploaded, livepos }
    figures.value = [...figures.peek(), next].slice(-SAMPLES_MAX)
  }
}
