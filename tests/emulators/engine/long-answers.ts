import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Exchange } from './http-connection.ts'

/** The text of an answer, and the length that it is padded to. */
interface LongAnswer {
  readonly text: string
  /** Length of the whole answer, unpacked. A longer text stays unchanged. */
  readonly bytes: number
  readonly isPacked: boolean
}

const BLANKS = Buffer.alloc(262_144, ' ')

/** Sends answers that clients should not read to the end: blanks, which JSON may begin with, and then the text. */
export class LongAnswers {
  /** The last packed answer. Packing takes a while, and the same answer is requested again and again. */
  #packed: { readonly key: string; readonly bytes: Promise<Buffer> } | null = null

  /** Sends an answer, no faster than the client reads it. */
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
