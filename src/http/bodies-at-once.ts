import { isLoopback } from './callers.ts'
import { type Failure, FailureError } from './problems.ts'

/** Bodies that are waited for, of one address and of all: whoever sends one letter by letter holds a connection. */
const OF_ONE_MAX = 64
const MAX = 512

const TOO_MANY: Failure = {
  status: 429,
  code: 'too_many_requests',
  message: 'too many requests of yours are being read; send their bodies faster, or fewer at a time',
  etaSeconds: 1,
  shouldWait: true,
}

/** Counts the bodies that are being read. This machine's own are not counted. */
export class BodiesAtOnce {
  #all = 0
  readonly #byAddress = new Map<string, number>()

  /** What `read` gives; throws a FailureError where too many are being read already. An address that is not known is not counted. */
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
