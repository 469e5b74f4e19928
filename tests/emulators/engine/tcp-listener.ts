import { createServer, type Server, type Socket } from 'node:net'

/** A TCP port and the connections that came in on it. */
export class TcpListener {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  /** `name` is what the port is called in messages. */
  constructor(
    readonly name: string,
    accept: (socket: Socket) => void,
  ) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      // A reset by the client is no event of its own: `close` follows.
      socket.on('error', () => {})
      accept(socket)
    })
  }

  /** Resolves when the port is open. @throws {Error} naming the port when it is taken or may not be used. */
  async listen(port: number, address: string): Promise<void> {
    const opened = Promise.withResolvers<void>()
    this.#server.once('error', opened.reject)
    this.#server.listen(port, address, opened.resolve)
    await opened.promise.catch((cause: Error) => {
      throw new Error(`${this.name} port ${port} cannot be opened: ${cause.message}`, { cause })
    })
  }

  /** Closes the port and all connections; does nothing when it never opened. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    await closed.promise
  }
}
