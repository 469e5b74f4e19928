/**
 * What happens to the feed. `open`: it passes. `refused`: a new one is answered with 502, as by a proxy whose server is away.
 * `held`: what the server sends is kept, and passed on later. `silent`: neither answers nor bytes come, and nothing breaks.
 */
type Mode = 'open' | 'refused' | 'held' | 'silent'

/** One feed that a page reads. */
interface Reading {
  readonly page: ReadableStreamDefaultController<Uint8Array>
  readonly held: Uint8Array[]
}

/** A reverse proxy in front of a server, which lets everything pass but does to the live feed what a test wants. */
export class FeedFront {
  readonly #readings = new Set<Reading>()
  readonly #server: Bun.Server<undefined>
  #mode: Mode = 'open'
  /** How often a page asked for the feed, and for the engines. */
  readonly asked = { feed: 0, engines: 0 }

  constructor(private readonly upstream: string) {
    this.#server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      idleTimeout: 0,
      fetch: (request) => this.#pass(request),
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  /** How many feeds are read now. */
  get readers(): number {
    return this.#readings.size
  }

  set(mode: Mode): void {
    this.#mode = mode
    if (mode !== 'open') return
    for (const { page, held } of this.#readings) for (const bytes of held.splice(0)) page.enqueue(bytes)
  }

  /** Ends every feed that is read now, in the middle. */
  cut(): void {
    for (const reading of this.#readings) {
      this.#readings.delete(reading)
      reading.page.close()
    }
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
  }

  #pass(request: Request): Response | Promise<Response> {
    const { pathname, search } = new URL(request.url)
    if (pathname === '/events/stream') return this.#feed(request)
    if (pathname === '/engines') this.asked.engines++
    const target = `${this.upstream}${pathname}${search}`
    return fetch(target, { headers: request.headers, redirect: 'manual', decompress: false })
  }

  #feed({ headers, signal }: Request): Response | Promise<Response> {
    this.asked.feed++
    if (this.#mode === 'refused') return new Response('Bad Gateway', { status: 502 })
    if (this.#mode === 'silent') return new Promise(() => undefined)
    let reading: Reading | null = null
    const body = new ReadableStream<Uint8Array>({
      start: (page) => {
        reading = { page, held: [] }
        this.#readings.add(reading)
        // It ends with its page, or with the server.
        this.#read(headers, reading, signal).catch(() => undefined)
      },
      cancel: () => {
        if (reading !== null) this.#readings.delete(reading)
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }

  async #read(headers: Headers, reading: Reading, signal: AbortSignal): Promise<void> {
    const answer = await fetch(`${this.upstream}/events/stream`, { headers, signal })
    for await (const bytes of answer.body ?? []) {
      if (!this.#readings.has(reading)) return
      if (this.#mode === 'silent') continue
      if (this.#mode === 'held') reading.held.push(bytes)
      else reading.page.enqueue(bytes)
    }
  }
}
