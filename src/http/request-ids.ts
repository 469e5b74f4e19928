/** What we accept as the id of a request: it stands in the log and in the answer. */
const ID = /^[\w.:+/=@-]{1,64}$/

const HEADER = 'x-request-id'

/**
 * The ids of requests. A caller, or a proxy in front of us, may give one as `X-Request-Id`; another request gets a new one.
 */
export class RequestIds {
  #count = 0
  #latest: Request | null = null
  #latestId = ''
  readonly #kept = new WeakMap<Request, string>()

  /** `prefix` tells the ids of this process from those of others. */
  constructor(private readonly prefix: string) {}

  /** The id that a new request has from now on, until the next one comes. */
  take(request: Request): string {
    const given = request.headers.get(HEADER)
    this.#latest = request
    this.#latestId = given !== null && ID.test(given) ? given : `${this.prefix}-${++this.#count}`
    return this.#latestId
  }

  /** Keeps the id of a request whose answer comes later. Most are answered before another one comes. */
  keep(request: Request, id: string): void {
    this.#kept.set(request, id)
  }

  /** The id that a request got; empty if it never came in, or was answered. */
  of(request: Request): string {
    return request === this.#latest ? this.#latestId : (this.#kept.get(request) ?? '')
  }

  static readonly header = HEADER
}
