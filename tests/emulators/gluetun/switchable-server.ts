import type { ControlRequest, Reply } from './reply.ts'
import type { Address } from './settings.ts'

/** Answers a request. With null, the request stays without an answer until the connection ends. */
export type Serve = (request: ControlRequest, signal: AbortSignal) => Promise<Reply | null>

/** An HTTP server that can be closed and opened again while it is used. */
export class SwitchableServer {
  #server: ReturnType<typeof Bun.serve> | null = null

  constructor(
    readonly address: Address,
    readonly serve: Serve,
  ) {}

  /** Opens the port, unless it is open. @throws {Error} if it is taken. */
  open(): void {
    const { host, port } = this.address
    this.#server ??= Bun.serve({
      hostname: host,
      port,
      // The server does not end connections that wait for a hanging answer.
      idleTimeout: 0,
      fetch: (request) => respond(request, this.serve),
    })
  }

  /** Closes the port and all connections, answered or not. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = null
    await server?.stop(true)
  }
}

async function respond(request: Request, serve: Serve): Promise<Response> {
  const reply = await serve(toControlRequest(request), request.signal)
  if (reply === null) return await new Promise<never>(() => {})
  const { status, headers, body } = reply
  return new Response(request.method === 'HEAD' ? null : body, { status, headers })
}

function toControlRequest(request: Request): ControlRequest {
  // The target as received, because `URL` would normalise it.
  const target = request.url.replace(/^https?:\/\/[^/]*/, '')
  return { method: request.method, target, headers: request.headers, body: () => request.text() }
}
