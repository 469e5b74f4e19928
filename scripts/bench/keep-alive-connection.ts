import { type AnswerHead, answerHead } from './answer-head.ts'

interface Answer {
  readonly status: number
  readonly body: Buffer
}

/**
 * One TCP connection that asks one question after the other. It exists for measuring: `fetch` chooses among connections by
 * itself, and takes several times the processor time of the measured server. It understands only answers with a
 * `content-length`.
 */
export class KeepAliveConnection {
  #received = Buffer.alloc(0)
  #head: AnswerHead | null = null
  #pending: PromiseWithResolvers<Answer> | null = null
  #closed: Error | null = null

  private constructor(
    private readonly socket: Bun.Socket<undefined>,
    private readonly host: string,
  ) {}

  /** Connects to an origin such as `http://127.0.0.1:8000`. Throws if nobody listens there. */
  static async open(origin: string): Promise<KeepAliveConnection> {
    const { hostname, port, host } = new URL(origin)
    let connection: KeepAliveConnection | null = null
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_, chunk) => connection?.receive(chunk),
        close: () => connection?.fail(new Error('the server closed the connection')),
        error: (_, error) => connection?.fail(error),
      },
    })
    connection = new KeepAliveConnection(socket, host)
    return connection
  }

  /**
   * Returns the body of a 200. Throws for any other answer, and when the connection ends. Only one call may be open at a
   * time.
   */
  get(path: string): Promise<Buffer> {
    return this.ask(`GET ${path}`, '')
  }

  /** Sends JSON; otherwise like `get`. */
  post(path: string, body: string): Promise<Buffer> {
    const head = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
    return this.ask(`POST ${path}`, head, body)
  }

  close(): void {
    this.socket.end()
  }

  private async ask(what: string, headers: string, content = ''): Promise<Buffer> {
    if (this.#closed !== null) throw this.#closed
    if (this.#pending !== null) throw new Error('one question at a time')
    this.#pending = Promise.withResolvers()
    const answer = this.#pending.promise
    this.socket.write(`${what} HTTP/1.1\r\nHost: ${this.host}\r\n${headers}\r\n${content}`)
    const { status, body } = await answer
    if (status !== 200) throw new Error(`${what}: ${status} ${body}`)
    return body
  }

  private receive(chunk: Buffer): void {
    // The chunk is copied, because the socket reuses its memory.
    this.#received = Buffer.concat([this.#received, chunk])
    try {
      this.#head ??= answerHead(this.#received)
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
    }
    const head = this.#head
    if (head === null || this.#received.length < head.end) return
    const body = this.#received.subarray(head.bodyStart, head.end)
    this.#received = this.#received.subarray(head.end)
    this.#head = null
    const pending = this.#pending
    this.#pending = null
    pending?.resolve({ status: head.status, body })
  }

  private fail(error: Error): void {
    this.#closed ??= error
    this.#pending?.reject(this.#closed)
    this.#pending = null
  }
}
