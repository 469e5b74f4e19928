import { createServer, type Server, type Socket } from 'node:net'

/** A TCP port and its accepted connections. */
export class TcpListener {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  /** `name` is the name of the port in messages. */
  constructor(
    readonly name: string,
    accept: (socket: Socket) => void,
  ) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      // A reset by the client needs no handling of its own, because `close` follows.
      socket.on('error', () => {})
      accept(socket)
    })
  }

  /** Resolves when the port is open. @throws {Error} with the name of the port if it is taken or not allowed. */
  async listen(port: number, address: string): Promise<void> {
    const opened = Promise.withResolvers<void>()
    this.#server.once('error', opened.reject)
    this.#server.listen(port, address, opened.resolve)
    await opened.promise.catch((cause: Error) => {
      throw new Error(`${this.name} port ${port} cannot be opened: ${cause.message}`, { cause })
    })
  }

  /** Closes the port and all connections. Does nothing if the port was never opened. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    await closed.promise
  }
}
