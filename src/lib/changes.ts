/** Counts changes of parts that tell of them and have no version of their own. */
export class Changes {
  #version = 0

  version(): number {
    return this.#version
  }

  /** A listener for the news of a part. */
  readonly note = (): void => {
    this.#version++
  }
}
