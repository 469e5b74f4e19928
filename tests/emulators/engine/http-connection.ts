import { once } from 'node:events'
import type { Socket } from 'node:net'

/** A complete answer. */
export interface Reply {
  readonly status: number
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** One request and the functions to answer it. After the client has left, answering does nothing. */
export interface Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** The `Host` header, or the listener's own address without one. */
  readonly host: string
  readonly remoteAddress: string
  /** Aborted when either side has closed the connection. */
  readonly closed: AbortSignal
  /** Bytes that were written but not yet accepted by the client. */
  readonly backlogBytes: number
  send(reply: Reply): void
  /** Resolves when the client has accepted what was written, or has left. */
  drained(): Promise<void>
  /** Sends status and headers without a length. The body lasts until {@link end}. */
  open(status: number, type: string, headers?: Readonly<Record<string, string>>): void
  write(bytes: string | Uint8Array): void
  end(): void
  reset(): void
}

const HEAD_BYTES_MAX = 65_536
const SERVER = 'BaseHTTP/0.3 Python/2.7.13'
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  302: 'Found',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}

/**
 * Reads one HTTP/1.1 request from a connection and passes it to `serve`. An error that `serve` throws is answered with 500.
 * The answer is written to the socket directly, because an HTTP server can't send a second status line, reset the connection
 * or never send headers.
 */
export function serveConnection(socket: Socket, serve: (exchange: Exchange) => Promise<void>): void {
  let head = ''
  socket.on('data', function collect(chunk: Buffer) {
    head += chunk.toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end < 0 && head.length < HEAD_BYTES_MAX) return
    socket.off('data', collect)
    // Further input is read and dropped, because a socket that is not read does not report its end.
    socket.resume()
    const exchange = readExchange(head.slice(0, end), socket)
    if (exchange === null) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      return
    }
    serve(exchange).catch((error: unknown) => exchange.send(textReply(500, String(error))))
  })
}

/** A short text, usually the reason of a refusal. */
export const textReply = (status: number, text: string): Reply => ({ status, type: 'text/plain', body: text })

function readExchange(head: string, socket: Socket): Exchange | null {
  const lines = head.split('\r\n')
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(lines[0] ?? '') ?? []
  const base = `http://${socket.localAddress}:${socket.localPort}`
  if (method === undefined || target === undefined || !URL.canParse(target, base)) return null
  const url = new URL(target, base)
  const hostLine = lines.find((line) => /^host:/i.test(line))
  const request = {
    method,
    path: url.pathname,
    query: url.searchParams,
    host: hostLine?.slice(5).trim() || url.host,
    remoteAddress: socket.remoteAddress ?? '',
  }
  return createExchange(request, socket)
}

type Request = Pick<Exchange, 'method' | 'path' | 'query' | 'host' | 'remoteAddress'>

function createExchange(request: Request, socket: Socket): Exchange {
  const controller = new AbortController()
  socket.on('close', () => controller.abort())
  const write = (bytes: string | Uint8Array) => {
    if (socket.writable) socket.write(bytes)
  }
  const end = () => {
    if (socket.writable) socket.end()
  }
  return {
    ...request,
    closed: controller.signal,
    get backlogBytes() {
      return socket.writableLength
    },
    drained: async () => {
      // A client that leaves aborts the wait, which ends it like a drain.
      if (socket.writableNeedDrain)
        await once(socket, 'drain', { signal: controller.signal }).catch(() => undefined)
    },
    open: (status, type, headers) => write(headText(status, { 'Content-Type': type, ...headers })),
    write,
    end,
    reset: () => {
      socket.resetAndDestroy()
    },
    send({ status, type, headers, body = '' }) {
      const bytes = Buffer.from(body)
      const typed = type === undefined ? {} : { 'Content-Type': type }
      write(headText(status, { ...typed, ...headers, 'Content-Length': String(bytes.length) }))
      write(bytes)
      end()
    },
  }
}

/** A status line and headers, ready to be sent. The connection is always closed after the answer. */
export function headText(status: number, headers: Readonly<Record<string, string>>): string {
  const all = { Server: SERVER, Date: new Date().toUTCString(), Connection: 'close', ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}\r\n${lines.join('')}\r\n`
}
