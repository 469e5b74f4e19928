import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Something that listens where a Docker Engine would, until it is disposed of. */
export interface FakeDaemon extends Disposable {
  /** A value for DOCKER_HOST. */
  readonly dockerHost: string
  /** Connections that are open now. */
  readonly open: () => number
  /** Connections that were ever made. */
  readonly made: () => number
}

/** What a raw daemon does with the first bytes of a request. */
export interface Wire {
  /** Sends bytes, one per character. */
  readonly send: (bytes: string) => void
  /** Closes the connection. */
  readonly cut: () => void
}

/**
 * A daemon below HTTP, on a unix socket: `onRequest` decides what goes over the wire, such as nothing at all. `request` is the
 * first line of what was sent.
 */
export function rawDaemon(onRequest: (wire: Wire, request: string) => void): FakeDaemon {
  const directory = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
  const path = join(directory, 'docker.sock')
  const sockets = new Set<Socket>()
  let made = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    made++
    socket.on('close', () => sockets.delete(socket))
    // A client that resets its connection is none of the daemon's business.
    socket.on('error', () => sockets.delete(socket))
    socket.on('data', (bytes) => {
      const wire = { send: (text: string) => socket.write(text, 'latin1'), cut: () => socket.end() }
      onRequest(wire, String(bytes).split('\r\n', 1)[0] ?? '')
    })
  })
  server.listen(path)
  return {
    dockerHost: `unix://${path}`,
    open: () => sockets.size,
    made: () => made,
    [Symbol.dispose]: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      rmSync(directory, { recursive: true })
    },
  }
}

/** Docker's answer to a ping. */
export const PONG = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK'

/** One answer of a raw daemon to a whole request. */
export function httpAnswer(status: number, body: unknown): string {
  const text = JSON.stringify(body)
  const length = Buffer.byteLength(text, 'latin1')
  return `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${text}`
}

/** The headers with which Docker opens its event stream; what follows is one `chunkOf` after the other. */
export const STREAM_HEADERS =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'

/** A piece of a stream, as HTTP frames it; one without bytes ends the stream. */
export function chunkOf(bytes: string): string {
  return `${Buffer.byteLength(bytes, 'latin1').toString(16)}\r\n${bytes}\r\n`
}
