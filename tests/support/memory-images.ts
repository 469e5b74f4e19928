import { withTag } from '../../src/runtime/image-names.ts'
import { type ImageFacts, RuntimeFailure } from '../../src/runtime/runtime.ts'

/** The images on the host of an in-memory container engine. A name without a tag means `latest`. */
export class MemoryImages {
  readonly #here = new Map<string, ImageFacts>()

  /** Puts an image on the host, or makes the name stand for another image. Its id follows from its name if none is given. */
  add(reference: string, facts: Partial<ImageFacts> = {}): void {
    this.#here.set(withTag(reference), factsOf(reference, facts))
  }

  remove(reference: string): void {
    this.#here.delete(withTag(reference))
  }

  look(reference: string): ImageFacts {
    const image =
      this.#here.get(withTag(reference)) ?? [...this.#here.values()].find(({ id }) => id === reference)
    if (!image) throw new RuntimeFailure('image_missing', `Image ${reference} is not here.`)
    return image
  }
}

function factsOf(reference: string, facts: Partial<ImageFacts> = {}): ImageFacts {
  const digest = new Bun.CryptoHasher('sha256').update(`image ${withTag(reference)}`).digest('hex')
  const usual = { id: `sha256:${digest}`, os: 'linux', architecture: 'amd64', variant: null }
  return { ...usual, sizeBytes: 100_000_000, ...facts }
}
