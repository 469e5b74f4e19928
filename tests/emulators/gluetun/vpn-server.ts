import type { FaultStore } from '../engine/fault-store.ts'
import type { Faults } from './faults.ts'
import type { Settings } from './settings.ts'

/** The VPN provider's side: what it gives to who connects, and whether it answers. */
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

  /** The ports that it forwards to who asked for some. */
  get ports(): readonly number[] {
    const { forwarded_port: forced } = this.board.faults
    return forced === null ? this.#ports : portList(forced)
  }

  /** To be called at each connection: what a test wanted of the next one holds from now on. */
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
