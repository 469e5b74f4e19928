import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server that listens in place of a Docker Engine until it is disposed of. */
export interface FakeDaemon extends Disposable {
  /** A value for DOCKER_HOST. */
  readonly dockerHost: string
  /** Counts the connections that are open now. */
  readonly open: () => number
  /** Counts all connections that were ever made. */
  readonly made: () => number
}

/** What a raw daemon can do with a request. */
export interface Wire {
  /** Sends bytes, one per character. */
  readonly send: (bytes: string) => void
  /** Closes the connection. */
  readonly cut: () => void
  /** How many bytes were sent that the client's end has not accepted yet. */
  readonly waiting: () => number
}

/**
 * Runs a daemon below the level of HTTP, on a unix socket. `onRequest` decides what is sent, which may be nothing. `request`
 * is the first line of the request.
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
    // A client may reset its connection, which is no failure of the daemon.
    socket.on('error', () => sockets.delete(socket))
    socket.on('data', (bytes) => {
      const wire = {
        send: (text: string) => socket.write(text, 'latin1'),
        cut: () => socket.end(),
        waiting: () => socket.writableLength,
      }
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

/** Makes one answer of a raw daemon to a whole request. */
export function httpAnswer(status: number, body: unknown): string {
  const text = JSON.stringify(body)
  const length = Buffer.byteLength(text, 'latin1')
  return `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${text}`
}

/** The headers with which Docker opens its event stream. Chunks made by `chunkOf` follow. */
export const STREAM_HEADERS =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Makes a piece of a container's output in Docker's framing; 1 is stdout, 2 is stderr. */
export function piece(whose: 1 | 2, text: string): string {
  const header = Buffer.alloc(8)
  header.writeUInt8(whose)
  header.writeUInt32BE(Buffer.byteLength(text, 'latin1'), 4)
  return header.toString('latin1') + text
}

/** Makes one chunk of a stream in HTTP's framing. A chunk without bytes ends the stream. */
export function chunkOf(bytes: string): string {
  return `${Buffer.byteLength(bytes, 'latin1').toString(16)}\r\n${bytes}\r\n`
}
