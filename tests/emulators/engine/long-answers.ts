import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Exchange } from './http-connection.ts'

/** What an answer says, and how long it is made. */
interface LongAnswer {
  readonly text: string
  /** Of the whole answer, unpacked; one that is longer by itself stays as it is. */
  readonly bytes: number
  readonly isPacked: boolean
}

const BLANKS = Buffer.alloc(262_144, ' ')

/** Answers that nobody should read to their end: blanks, which JSON may begin with, and then what is said. */
export class LongAnswers {
  /** The last one that was packed: it takes a while, and the same is asked again and again. */
  #packed: { readonly key: string; readonly bytes: Promise<Buffer> } | null = null

  /** Sends one, no faster than the client takes it. */
  async send(exchange: Exchange, answer: LongAnswer): Promise<void> {
    if (answer.isPacked) {
      const headers = { 'Content-Encoding': 'gzip' }
      const body = await this.#pack(answer)
      return exchange.send({ status: 200, type: 'application/json', headers, body })
    }
    const length = Math.max(answer.bytes, answer.text.length)
    exchange.open(200, 'application/json', { 'Content-Length': String(length) })
    for (
      let left = length - answer.text.length;
      left > 0 && !exchange.closed.aborted;
      left -= BLANKS.length
    ) {
      exchange.write(BLANKS.subarray(0, left))
      await exchange.drained()
    }
    exchange.write(answer.text)
    exchange.end()
  }

  #pack({ text, bytes }: LongAnswer): Promise<Buffer> {
    const key = `${bytes} ${text}`
    if (this.#packed?.key !== key) {
      const whole = text.padStart(bytes)
      this.#packed = { key, bytes: promisify(gzip)(whole, { level: 1 }) }
    }
    return this.#packed.bytes
  }
}
