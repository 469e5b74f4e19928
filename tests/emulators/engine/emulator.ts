import { type Cancel, type Clock, pause } from './clock.ts'
import { type ControlServer, openControl } from './control.ts'
import { createContext, type EngineContext, settleSession } from './engine-context.ts'
import { serveConnection } from './http-connection.ts'
import { serveLegacyApi } from './legacy-api.ts'
import { dispatch } from './routes.ts'
import type { Settings } from './settings.ts'
import { TcpListener } from './tcp-listener.ts'

/** The environment that the emulator needs. */
export interface EmulatorHost {
  readonly clock: Clock
  /** Ends the process when a test asks for it on the control port. */
  exit(code: number): void
  /** Reports a problem to the person who runs the emulator. */
  warn(text: string): void
}

const EXPIRY_TICK_MS = 250

/** One emulated engine: its ports, its sessions and its faults. */
export class Emulator {
  readonly #ready = new AbortController()
  readonly #stopped = new AbortController()
  readonly #listeners: readonly { readonly listener: TcpListener; readonly port: number }[]
  readonly #context: EngineContext
  #control: ControlServer | null = null
  #cancelExpiry: Cancel = () => {}

  constructor(
    readonly settings: Settings,
    readonly host: EmulatorHost,
  ) {
    this.#context = createContext(settings, host.clock, this.#ready.signal)
    const context = this.#context
    this.#listeners = [
      {
        port: settings.httpPort,
        listener: new TcpListener('HTTP', (socket) =>
          serveConnection(socket, (exchange) => dispatch(exchange, context)),
        ),
      },
      { port: settings.httpsPort, listener: new TcpListener('HTTPS', (socket) => socket.resume()) },
      {
        port: settings.apiPort,
        listener: new TcpListener('API', (socket) => serveLegacyApi(socket, context)),
      },
      { port: settings.p2pPort, listener: new TcpListener('P2P', (socket) => socket.resume()) },
    ]
  }

  /**
   * Starts as slowly as a real engine: the control port opens at once, the engine's ports open after `bootApiMs`, and the
   * engine is ready after `bootMs`. Resolves when the ports are open.
   *
   * @throws {Error} with the name of the port if one is taken. Everything is closed again in that case.
   */
  async start(): Promise<void> {
    const { settings, host } = this
    this.#openControl()
    this.#watchFaults()
    this.#context.tunnel?.start()
    this.#cancelExpiry = host.clock.every(EXPIRY_TICK_MS, () =>
      this.#context.book.expire(host.clock.now(), settings.sessionIdleMs),
    )
    await pause(host.clock, settings.bootApiMs, this.#stopped.signal)
    try {
      for (const { listener, port } of this.#listeners) await listener.listen(port, settings.bindAddress)
    } catch (error) {
      await this.stop()
      throw error
    }
    const restMs = Math.max(0, settings.bootMs - settings.bootApiMs)
    pause(host.clock, restMs, this.#stopped.signal).then(() => this.#ready.abort())
  }

  /** Closes all ports and connections. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#cancelExpiry()
    this.#context.tunnel?.stop()
    this.#context.book.forget()
    await Promise.all(this.#listeners.map(({ listener }) => listener.close()))
    await this.#control?.close()
  }

  #openControl(): void {
    const { control, bindAddress } = this.settings
    const target = { context: this.#context, exit: (code: number) => this.host.exit(code) }
    try {
      this.#control = openControl(control.port, bindAddress, target)
    } catch (error) {
      // A real engine has no such port. Two engines in one namespace must not fail because of it, unless it was requested.
      if (!control.mayFail) throw new Error(`control port ${control.port} cannot be opened`, { cause: error })
      this.host.warn(`control port ${control.port} cannot be opened; going on without one`)
    }
  }

  #watchFaults(): void {
    const { board, book } = this.#context
    let wereStuck = false
    board.onChange(() => {
      const { sessions_stuck: stuck } = board.faults
      for (const session of book.sessions) {
        if (stuck !== wereStuck) session.stuck = stuck
        settleSession(session, this.#context)
      }
      wereStuck = stuck
    })
  }
}
