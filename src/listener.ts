import type { Log } from './lib/log.ts'
import type { Orchestrator } from './wire/wire.ts'

/** Where to listen, and the time-out of silent connections. */
export interface Listening {
  readonly hostname: string
  readonly port: number
  /** How long a connection may be silent, in seconds. */
  readonly idleTimeout: number
}

const RETRY_MS = 250

/** Listens for the application's requests. */
export class Listener {
  constructor(
    private readonly app: Orchestrator['app'],
    private readonly listening: Listening,
    private readonly log: Log,
  ) {}

  /** Starts to listen. Throws the system's error if that is not possible. */
  listen(): void {
    this.app.listen(this.listening)
  }

  /** Closes the connections that have no request under way. */
  closeIdle(): void {
    this.app.server?.closeIdleConnections()
  }

  /**
   * Closes all connections, including those whose requests are being answered, and listens again at once. There is no other
   * way to close connections that never sent a request. Clients have to repeat their requests; what was already done for a
   * request stays done.
   */
  closeAll(): void {
    void this.app.server?.stop(true)
    this.#listenAgain()
  }

  #listenAgain(): void {
    try {
      this.listen()
    } catch (error) {
      this.log.error({ err: error }, 'could not listen again, and will try')
      setTimeout(() => this.#listenAgain(), RETRY_MS)
    }
  }
}
