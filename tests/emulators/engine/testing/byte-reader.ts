/** Reads the body of an answer piece by piece. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest = new Uint8Array()

  constructor(answer: Response) {
    if (answer.body === null) throw new Error('the answer has no body')
    this.#chunks = answer.body[Symbol.asyncIterator]()
  }

  /** The next `count` bytes. @throws {Error} if the body ends before. */
  async take(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count) {
      if (!(await this.#more())) throw new Error(`the body ended ${count - this.#rest.length} bytes early`)
    }
    const taken = this.#rest.slice(0, count)
    this.#rest = this.#rest.slice(count)
    return taken
  }

  /** Everything up to the end of the body, or up to the error that ends it. */
  async takeAll(): Promise<Uint8Array> {
    while (await this.#more());
    return this.#rest
  }

  /** Leaves like a viewer who closes the player. */
  async leave(): Promise<void> {
    await this.#chunks.return?.()
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next()
    if (done !== true) this.#rest = Buffer.concat([this.#rest, value])
    return done !== true
  }
}
