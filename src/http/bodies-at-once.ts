import { isLoopback } from './callers.ts'
import { type Failure, FailureError } from './problems.ts'

/**
 * How many bodies may be read at a time, from one address and from all. A caller that sends a body byte by byte holds a
 * connection.
 */
const OF_ONE_MAX = 64
const MAX = 512

const TOO_MANY: Failure = {
  status: 429,
  code: 'too_many_requests',
  message: 'too many requests of yours are being read; send their bodies faster, or fewer at a time',
  etaSeconds: 1,
  shouldWait: true,
}

/** Counts the bodies that are being read. Requests from this machine are not counted. */
export class BodiesAtOnce {
  #all = 0
  readonly #byAddress = new Map<string, number>()

  /**
   * Returns what `read` returns. Throws a FailureError if too many bodies are being read already. A null address is not
   * counted.
   */
  async reading<T>(address: string | null, read: () => Promise<T>): Promise<T> {
    if (address === null || isLoopback(address)) return await read()
    const before = this.#byAddress.get(address) ?? 0
    if (before >= OF_ONE_MAX || this.#all >= MAX) throw new FailureError(TOO_MANY)
    this.#change(address, 1)
    try {
      return await read()
    } finally {
      this.#change(address, -1)
    }
  }

  #change(address: string, by: 1 | -1): void {
    this.#all += by
    const after = (this.#byAddress.get(address) ?? 0) + by
    if (after === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, after)
  }
}
