import { AcexyClient, type AcexyOptions, ViewerRefused } from './acexy-client.ts'
import type { Viewing } from './acexy-viewing.ts'

const CHUNK_BYTES = 188 * 100

/**
 * acexy's address for viewers (`GET /ace/getstream?id=…`), in front of our model of acexy. The first viewer starts the
 * model, which asks for the orchestrator's status then.
 */
export class AcexyFront {
  readonly #server: Bun.Server<undefined>
  #acexy: AcexyClient | null = null

  constructor(
    private readonly orchestrator: AcexyOptions,
    at: { readonly hostname: string; readonly port: number } = { hostname: '127.0.0.1', port: 0 },
  ) {
    this.#server = Bun.serve({
      ...at,
      idleTimeout: 60,
      fetch: (request) => this.#answer(request),
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  async stop(): Promise<void> {
    this.#acexy?.stop()
    await this.#server.stop(true)
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    const key = searchParams.get('id')
    if (pathname !== '/ace/getstream' || key === null) return new Response(null, { status: 404 })
    try {
      const viewing = await (await this.#started()).watch({ by: 'id', key })
      return new Response(bytesOf(viewing, request.signal))
    } catch (error) {
      if (!(error instanceof ViewerRefused)) throw error
      const { message, retryAfterSeconds } = error
      const headers = { 'retry-after': String(retryAfterSeconds) }
      return Response.json({ error: message, retry_after: retryAfterSeconds }, { status: 503, headers })
    }
  }

  async #started(): Promise<AcexyClient> {
    if (this.#acexy === null) {
      this.#acexy = new AcexyClient(this.orchestrator)
      await this.#acexy.start()
    }
    return this.#acexy
  }
}

/** Sends a viewer bytes until it leaves. Its leaving is reported to the orchestrator. */
function bytesOf(viewing: Viewing, left: AbortSignal): ReadableStream<Uint8Array> {
  left.addEventListener('abort', () => void viewing.leave(), { once: true })
  return new ReadableStream({
    pull: async (controller) => {
      const bytes = await viewing.read(CHUNK_BYTES)
      if (bytes.length === 0) controller.close()
      else controller.enqueue(bytes)
    },
    cancel: () => viewing.leave(),
  })
}
