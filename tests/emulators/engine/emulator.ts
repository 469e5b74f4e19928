import { type Cancel, type Clock, pause } from './clock.ts'
import { type ControlServer, openControl } from './control.ts'
import { createContext, type EngineContext, settleSession } from './engine-context.ts'
import { serveConnection } from './http-connection.ts'
import { serveLegacyApi } from './legacy-api.ts'
import { dispatch } from './routes.ts'
import type { Settings } from './settings.ts'
import { TcpListener } from './tcp-listener.ts'
import type { UdpPort } from './udp-port.ts'

/** The environment that the emulator needs. */
export interface EmulatorHost {
  readonly clock: Clock
  /** Ends the process when a test asks for it on the control port. */
  exit(code: number): void
  /** Reports a problem to the person who runs the emulator. */
  warn(text: string): void
}

const EXPIRY_TICK_MS = 250

/** A port of the engine. If one that `mayFail` is taken, the engine goes on without it. */
interface Port {
  readonly listener: TcpListener | UdpPort
  readonly port: number
  readonly address: string
  readonly mayFail?: boolean
}

/** One emulated engine: its ports, its sessions and its faults. */
export class Emulator {
  readonly #ready = new AbortController()
  readonly #stopped = new AbortController()
  readonly #ports: readonly Port[]
  readonly #context: EngineContext
  #control: ControlServer | null = null
  #cancelExpiry: Cancel = () => {}

  constructor(
    readonly settings: Settings,
    readonly host: EmulatorHost,
  ) {
    this.#context = createContext(settings, host.clock, this.#ready.signal)
    this.#ports = portsOf(settings, this.#context)
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
      for (const port of this.#ports) await this.#open(port)
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
    await Promise.all(this.#ports.map(({ listener }) => listener.close()))
    await this.#control?.close()
  }

  async #open({ listener, port, address, mayFail = false }: Port): Promise<void> {
    try {
      await listener.listen(port, address)
    } catch (error) {
      if (!mayFail) throw error
      this.host.warn(`${error instanceof Error ? error.message : error}; going on without it`)
    }
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

function portsOf(settings: Settings, context: EngineContext): readonly Port[] {
  const { httpPort, httpsPort, apiPort, p2pPort, bindAddress: address, httpAddress } = settings
  const http = new TcpListener('HTTP', (socket) =>
    serveConnection(socket, (exchange) => dispatch(exchange, context)),
  )
  const https = new TcpListener('HTTPS', (socket) => socket.resume())
  const api = new TcpListener('API', (socket) => serveLegacyApi(socket, context))
  const p2p = new TcpListener('P2P', (socket) => socket.resume())
  return [
    { listener: http, port: httpPort, address: httpAddress },
    ...(httpsPort === null ? [] : [{ listener: https, port: httpsPort, address: httpAddress }]),
    { listener: api, port: apiPort, address, mayFail: settings.toleratesTakenApi },
    { listener: p2p, port: p2pPort, address },
    { listener: context.datagrams, port: p2pPort, address },
  ]
}
