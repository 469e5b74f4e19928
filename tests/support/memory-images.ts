import type { Clock } from '../../src/lib/clock.ts'
import { withTag } from '../../src/runtime/image-names.ts'
import { type ImageFacts, type PullProgress, RuntimeFailure } from '../../src/runtime/runtime.ts'

/** What a registry has under a name. */
export interface Offer {
  /** What is not the usual about the image. */
  readonly facts?: Partial<ImageFacts>
  /** How the pull ends: `stalls` means that half of the image comes and then nothing; `away`, that no registry answers; `broken`, that what comes is no image. */
  readonly ends?: 'whole' | 'stalls' | 'away' | 'denied' | 'broken'
}

/** One pull, as its caller wants it. */
export interface MemoryPull {
  readonly reference: string
  readonly ms: number
  readonly onProgress: (progress: PullProgress) => void
  /** Whether the caller still waits and the container engine still runs: it gives up a pull that nobody waits for. */
  readonly goesOn: () => boolean
}

/** In how many pieces an image comes. */
const PIECES = 4

/** The images on the host of an in-memory container engine, and those in registries. A name without a tag means `latest`. */
export class MemoryImages {
  readonly #here = new Map<string, ImageFacts>()
  readonly #offers = new Map<string, Offer>()

  /** Puts an image on the host, or makes the name stand for another image. Its id follows from its name if none is given. */
  add(reference: string, facts: Partial<ImageFacts> = {}): void {
    this.#here.set(withTag(reference), factsOf(reference, facts))
  }

  remove(reference: string): void {
    this.#here.delete(withTag(reference))
  }

  /** Puts an image into a registry. */
  offer(reference: string, offer: Offer): void {
    this.#offers.set(withTag(reference), offer)
  }

  look(reference: string): ImageFacts {
    const image =
      this.#here.get(withTag(reference)) ?? [...this.#here.values()].find(({ id }) => id === reference)
    if (!image) throw new RuntimeFailure('image_missing', `Image ${reference} is not here.`)
    return image
  }

  async pull(clock: Pick<Clock, 'sleep'>, { reference, ms, onProgress, goesOn }: MemoryPull): Promise<void> {
    const { facts, ends } = this.#offerOf(reference)
    const image = factsOf(reference, facts)
    if (this.#here.get(withTag(reference))?.id === image.id) return
    for (let piece = 1; piece <= PIECES; piece++) {
      if (ms > 0) await clock.sleep(ms / PIECES)
      if (!goesOn()) return
      const totalBytes = image.sizeBytes
      const currentBytes = Math.floor((totalBytes * piece) / PIECES)
      onProgress({ currentBytes, totalBytes, layersDone: piece, layers: PIECES })
      if (ends === 'broken') throw new RuntimeFailure('refused', `What came as ${reference} is no image.`)
      if (ends === 'stalls' && piece * 2 >= PIECES) await Promise.withResolvers<void>().promise
    }
    this.#here.set(withTag(reference), image)
  }

  #offerOf(reference: string): Offer {
    const offer = this.#offers.get(withTag(reference))
    if (!offer) throw new RuntimeFailure('refused', `No registry has the image ${reference}.`)
    if (offer.ends === 'denied')
      throw new RuntimeFailure('refused', `The registry denies the image ${reference}.`)
    if (offer.ends === 'away')
      throw new RuntimeFailure('unreachable', `The registry of image ${reference} does not answer.`)
    return offer
  }
}

function factsOf(reference: string, facts: Partial<ImageFacts> = {}): ImageFacts {
  const digest = new Bun.CryptoHasher('sha256').update(`image ${withTag(reference)}`).digest('hex')
  const usual = { id: `sha256:${digest}`, os: 'linux', architecture: 'amd64', variant: null }
  return { ...usual, sizeBytes: 100_000_000, ...facts }
}
