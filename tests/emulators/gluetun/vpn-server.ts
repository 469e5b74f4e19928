import type { FaultStore } from '../engine/fault-store.ts'
import type { Faults } from './faults.ts'
import type { Settings } from './settings.ts'

/** The VPN provider's side: what it gives to a client, and whether it answers. */
export class VpnServer {
  #publicIp: string
  #ports: readonly number[]

  constructor(
    settings: Settings,
    readonly board: FaultStore<Faults>,
  ) {
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
    const { forwarded_port: forced } = this.board.faults
    return forced === null ? this.#ports : portList(forced)
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

const portList = (port: number): readonly number[] => (port === 0 ? [] : [port])
