import type { Log } from './lib/log.ts'
import type { Orchestrator } from './wire/wire.ts'

/** Where to listen, and for how long. */
export interface Listening {
  readonly hostname: string
  readonly port: number
  /** Seconds for which a connection may be silent. */
  readonly idleTimeout: number
}

const RETRY_MS = 250

/** Listens for the application. */
export class Listener {
  constructor(
    private readonly app: Orchestrator['app'],
    private readonly listening: Listening,
    private readonly log: Log,
  ) {}

  /** Throws the system's error where nobody can listen there. */
  listen(): void {
    this.app.listen(this.listening)
  }

  /** Closes the connections that have had their answers and wait for another question. */
  closeIdle(): void {
    this.app.server?.closeIdleConnections()
  }

  /**
   * Closes all connections, those that are being answered too, and listens again at once: there is no other way to the ones that never
   * asked. Whoever had a question asks again; what was done for it stays done.
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
