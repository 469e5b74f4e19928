import type { Clock } from '../engine/clock.ts'
import type { FaultStore } from '../engine/fault-store.ts'
import type { Faults } from './faults.ts'
import type { Settings } from './settings.ts'

/** The VPN provider's side: what it gives to a client, and whether it answers. */
export class VpnServer {
  #publicIp: string
  #ports: readonly number[]

  readonly #beganMs: number

  constructor(
    readonly settings: Settings,
    readonly board: FaultStore<Faults>,
    readonly clock: Clock,
  ) {
    this.#beganMs = clock.now()
    this.#publicIp = settings.publicIp
    this.#ports = settings.forwardedPorts
  }

  get answers(): boolean {
    return !this.board.faults.tunnel_cut
  }

  get publicIp(): string {
    return this.board.faults.public_ip ?? this.#publicIp
  }

  /** The ports that it forwards to clients that request some. */
  get ports(): readonly number[] {
    const { forwarded_port: one, forwarded_ports: several, port_change_ms: changeMs } = this.board.faults
    const ports = several ?? (one === null ? this.#ports : portList(one))
    const everyMs = changeMs ?? this.settings.portChangeMs
    const changes = everyMs === 0 ? 0 : Math.floor((this.clock.now() - this.#beganMs) / everyMs)
    return ports.map((port) => (port === 0 ? 0 : changed(port, changes * ports.length)))
  }

  /** Call this at each connection. What a test set for the next connection applies from now on. */
  connected(): void {
    const { reconnect } = this.board.faults
    if (reconnect === null) return
    const { public_ip: publicIp, forwarded_port: port } = reconnect
    if (publicIp !== undefined) this.#publicIp = publicIp
    if (port !== undefined) this.#ports = portList(port)
    this.board.set({ reconnect: null })
  }
}

/** Another port for each step, and none below 1024. */
const changed = (port: number, steps: number): number =>
  steps === 0 ? port : 1_024 + ((port + steps) % (65_536 - 1_024))

const portList = (port: number): readonly number[] => (port === 0 ? [] : [port])
