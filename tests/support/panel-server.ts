import { Elysia } from 'elysia'
import { panelRoutes } from '../../src/http/panel.ts'
import type { FeedEvent, Snapshot } from '../../src/panel/api/types.ts'
import { panelFiles } from '../../src/panel-files.ts'

/** The real page, with its real headers, in front of a feed and answers that a test makes up. */
export class PanelServer {
  /** What the server answers, by path; a path that is not here is answered with an empty list. */
  readonly answers = new Map<string, unknown>()
  readonly #readers = new Set<ReadableStreamDefaultController<Uint8Array>>()
  readonly #server: Bun.Server<undefined>

  constructor(private readonly snapshot: () => Snapshot) {
    const page = new Elysia().use(panelRoutes(panelFiles))
    this.#server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      idleTimeout: 0,
      fetch: (request) => {
        const { pathname } = new URL(request.url)
        if (pathname.startsWith('/panel')) return page.handle(request)
        if (pathname === '/events/stream') return this.#feed()
        if (pathname === '/events')
          return Response.json({ events: this.answers.get(pathname) ?? [], next: null })
        return Response.json(this.answers.get(pathname) ?? [])
      },
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/panel`
  }

  /** Tells all readers of the feed of these changes, in one piece. */
  send(events: readonly FeedEvent[]): void {
    const bytes = bytesOf(events)
    for (const reader of this.#readers) reader.enqueue(bytes)
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
  }

  #feed(): Response {
    let own: ReadableStreamDefaultController<Uint8Array> | null = null
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller
        this.#readers.add(controller)
        controller.enqueue(bytesOf([{ event: 'snapshot', data: this.snapshot() }]))
      },
      cancel: () => {
        if (own !== null) this.#readers.delete(own)
      },
    })
    return new Response(body, {
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
    })
  }
}

const bytesOf = (events: readonly FeedEvent[]): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(
    events.map(({ event, data }) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(''),
  )
