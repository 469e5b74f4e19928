import { type Clock, pause } from '../engine/clock.ts'
import { FaultStore } from '../engine/fault-store.ts'
import { createGate } from './access.ts'
import { CallBook } from './call-book.ts'
import { type Faults, mergeFaults, NO_FAULTS } from './faults.ts'
import { Gluetun } from './gluetun.ts'
import { readRoles } from './roles.ts'
import { serveControl, serveHealth } from './servers.ts'
import type { Settings } from './settings.ts'
import { SwitchableServer } from './switchable-server.ts'
import { openTestControl } from './test-control.ts'

/** The environment that the emulator needs. */
export interface EmulatorHost {
  readonly clock: Clock
  /** Ends the process, because of a panic or a test's request. */
  exit(code: number): void
}

/** The answer of the test control port must leave before the process ends. */
const EXIT_DELAY_MS = 20

/** One emulated Gluetun with its servers. */
export class Emulator {
  readonly #stopped = new AbortController()
  readonly #board = new FaultStore<Faults>(NO_FAULTS, mergeFaults)
  readonly #gluetun: Gluetun
  readonly #calls = new CallBook()
  #servers: readonly SwitchableServer[] = []
  #closeTestControl = (): Promise<void> => Promise.resolve()

  constructor(
    readonly settings: Settings,
    readonly host: EmulatorHost,
  ) {
    this.#gluetun = new Gluetun(settings, { ...host, board: this.#board })
  }

  /**
   * Starts like the real one: only the test control port for `bootMs`, then both servers and the VPN. Resolves when the
   * servers are open. `roleFile` is the text of the role file, or null without one.
   *
   * @throws {RoleError} if the version does not start with these roles. @throws {Error} if a port is taken. Everything is
   * closed again in that case.
   */
  async start(roleFile: string | null): Promise<void> {
    const { settings, host } = this
    const board = this.#board
    const admission = createGate(settings.dialect, readRoles(settings, roleFile))
    const serving = { gluetun: this.#gluetun, admission, board, calls: this.#calls }
    this.#closeTestControl = openTestControl(settings.testControl, serving)
    const control = new SwitchableServer(settings.controlServer, (request, signal) =>
      serveControl(request, serving, signal),
    )
    const health = new SwitchableServer(settings.healthServer, (request, signal) =>
      serveHealth(request, this.#gluetun, board, signal),
    )
    this.#servers = [control, health]
    board.onChange(() => this.#exitIfWanted())
    await pause(host.clock, settings.bootMs, this.#stopped.signal)
    if (this.#stopped.signal.aborted) return
    await this.#open(control, health)
    this.#gluetun.begin()
  }

  /** Closes all ports and connections. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#servers.map((server) => server.close()))
    await this.#closeTestControl()
  }

  #exitIfWanted(): void {
    const { exit } = this.#board.faults
    if (exit !== null) this.host.clock.after(EXIT_DELAY_MS, () => this.host.exit(exit))
  }

  async #open(control: SwitchableServer, health: SwitchableServer): Promise<void> {
    try {
      this.#refuseIfWanted(control)
      health.open()
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#board.onChange(() => this.#refuseIfWanted(control))
  }

  #refuseIfWanted(control: SwitchableServer): void {
    if (this.#stopped.signal.aborted) return
    if (this.#board.faults.control_refuse || !this.settings.hasControlServer) control.close()
    else control.open()
  }
}
