/** An answer that is no success, in the words of its problem document. */
export class Refused extends Error {
  override readonly name = 'Refused'

  constructor(
    readonly status: number,
    /** The code of the problem; empty if another server answered, such as a proxy in front. */
    readonly code: string,
    message: string,
    readonly etaSeconds: number | null,
  ) {
    super(message)
  }
}

export interface ApiOptions {
  /** The address under which all routes are, with a slash at its end. */
  readonly root: URL
  readonly fetch: (url: URL, init: RequestInit) => Promise<Response>
  /** The key as it is known at this moment; null if there is none. */
  readonly key: () => string | null
}

/** Asks the server. The key goes into a header only, never into an address. */
export class Api {
  constructor(private readonly options: ApiOptions) {}

  /** The address of a route, for people. */
  address(path: string): string {
    return new URL(path, this.options.root).href
  }

  /** Throws Refused for any answer that is no success, and what `fetch` throws if there is no answer. */
  async get<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
    return (await (await this.open('GET', path, { signal: signal ?? null })).json()) as Answer
  }

  /** As `get`, but resolves with the answer as it begins. */
  async open(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const { root, fetch, key } = this.options
    const headers = new Headers(init.headers)
    const known = key()
    if (known !== null) headers.set('authorization', `Bearer ${known}`)
    // The page is always of the same origin, and no cookie means anything to the server.
    const answer = await fetch(new URL(path, root), { ...init, method, headers, credentials: 'omit' })
    if (!answer.ok) throw await refusedBy(answer)
    return answer
  }
}

async function refusedBy(answer: Response): Promise<Refused> {
  const body: unknown = await answer.json().catch(() => null)
  const { code, detail, recovery_eta_seconds: eta } = problemOf(body)
  const words = typeof detail === 'string' ? detail : `the server answered ${answer.status}`
  return new Refused(
    answer.status,
    typeof code === 'string' ? code : '',
    words,
    typeof eta === 'number' ? eta : null,
  )
}

const problemOf = (body: unknown): Readonly<Record<string, unknown>> => {
  if (typeof body !== 'object' || body === null) return {}
  const given = body as Readonly<Record<string, unknown>>
  // A refused provision has its problem inside `detail`, as acexy decodes it.
  const { detail } = given
  return typeof detail === 'object' && detail !== null
    ? { ...(detail as Readonly<Record<string, unknown>>), detail: (detail as { message?: unknown }).message }
    : given
}
