/** What we accept as the id of a request: it stands in the log and in the answer. */
const ID = /^[\w.:+/=@-]{1,64}$/

const HEADER = 'x-request-id'

/**
 * The ids of requests. A caller, or a proxy in front of us, may give one as `X-Request-Id`; another request gets a new one.
 */
export class RequestIds {
  #count = 0
  readonly #known = new WeakMap<Request, string>()

  /** `prefix` tells the ids of this process from those of others. */
  constructor(private readonly prefix: string) {}

  /** The id that a new request has from now on. */
  take(request: Request): string {
    const given = request.headers.get(HEADER)
    const id = given !== null && ID.test(given) ? given : `${this.prefix}-${++this.#count}`
    this.#known.set(request, id)
    return id
  }

  /** The id that a request got; empty if it never came in. */
  of(request: Request): string {
    return this.#known.get(request) ?? ''
  }

  static readonly header = HEADER
}
