import type { Clock } from '../engine/clock.ts'
import type { FaultStore } from '../engine/fault-store.ts'
import { ContinuousChecks } from './continuous-checks.ts'
import type { Faults } from './faults.ts'
import type { HealthChecks, HealthState } from './health-checks.ts'
import { PeriodicChecks } from './periodic-checks.ts'
import { PortForward } from './port-forward.ts'
import { PublicIp } from './public-ip.ts'
import type { Settings } from './settings.ts'
import { Tunnel } from './tunnel.ts'
import { VpnLoop } from './vpn-loop.ts'
import { VpnServer } from './vpn-server.ts'

/** The environment that a Gluetun needs. */
export interface GluetunHost {
  readonly clock: Clock
  readonly board: FaultStore<Faults>
  /** Ends the process, like a panic of the real one. */
  exit(code: number): void
}

/** One Gluetun without its servers: the VPN, its address and ports, and its health checks. */
export class Gluetun {
  readonly tunnel: Tunnel
  readonly #vpn: VpnLoop
  readonly #checks: HealthChecks
  readonly #publicIp: PublicIp
  readonly #portForward: PortForward
  readonly #health: HealthState = { error: 'healthcheck did not run yet' }
  readonly #server: VpnServer
  #restarts = 0

  constructor(
    readonly settings: Settings,
    readonly host: GluetunHost,
  ) {
    const { clock, board } = host
    const server = new VpnServer(settings, board, clock)
    this.#server = server
    this.tunnel = new Tunnel({
      clock,
      serverAnswers: () => server.answers,
      handshakeMs: settings.handshakeMs,
      connected: () => server.connected(),
    })
    this.#publicIp = new PublicIp(clock, this.tunnel, settings.publicIpEnabled)
    this.#portForward = new PortForward(clock, this.tunnel, portSettings(settings), () => server.ports)
    this.#vpn = new VpnLoop(clock, {
      up: () => this.#up(),
      down: () => this.#down(),
      whenReleased: (run) => this.#portForward.whenReleased(run),
      gone: () => this.tunnel.close(),
    })
    this.#checks = this.#createChecks()
    board.onChange(() => this.tunnel.look())
  }

  /** Starts the checks and the VPN, like the start of the process. */
  begin(): void {
    this.#checks.begin()
    this.#vpn.start(() => {})
  }

  /** The status that the routes report. */
  get status(): string {
    return this.host.board.faults.status ?? this.#vpn.status
  }

  /** The public IP, or an empty text if none is known. */
  get publicIp(): string {
    return this.#publicIp.isKnown ? this.#server.publicIp : ''
  }

  /** The forwarded ports, or null before anything was known about them. */
  get ports(): readonly number[] | null {
    return this.#portForward.ports
  }

  /** What is wrong, or null if all is well. */
  get healthError(): string | null {
    const { health, health_text: words } = this.host.board.faults
    if (health === 'healthy') return null
    return health === 'unhealthy' ? (this.#health.error ?? words) : this.#health.error
  }

  /** How often the checks restarted the VPN. */
  get restarts(): number {
    return this.#restarts
  }

  /** Carries out `PUT /v1/vpn/status`. Returns the outcome, or null if the process panics instead. */
  async apply(wanted: 'running' | 'stopped'): Promise<string | null> {
    if (wanted === 'stopped' && this.#vpn.status === 'running' && this.#panics()) return null
    return await this.#vpn.apply(wanted)
  }

  /** Sets the forwarded ports by hand. Returns false if that is refused. */
  setPorts(ports: readonly number[]): boolean {
    if (this.settings.portForwarding || this.settings.portForwardingProvider !== '') return false
    this.#portForward.setByHand(ports)
    return true
  }

  #createChecks(): HealthChecks {
    const { settings, tunnel } = this
    const { clock } = this.host
    const { health } = settings.dialect
    const restart = (then: () => void) => this.#restart(then)
    return health === 'periodic'
      ? new PeriodicChecks(clock, tunnel, settings, this.#health, {
          ready: () => this.#ready(),
          restart: () => restart(() => {}),
        })
      : new ContinuousChecks({ clock, tunnel, settings, schedule: health, state: this.#health, restart })
  }

  #restart(then: () => void): void {
    if (this.#panics()) return
    this.#restarts += 1
    this.#vpn.restart(then)
  }

  #panics(): boolean {
    if (!this.#portForward.panicsAtStop) return false
    this.host.exit(2)
    return true
  }

  #up(): void {
    this.tunnel.open()
    this.#checks.vpnUp()
    // Older versions do not wait until the VPN is healthy.
    if (this.settings.dialect.health !== 'periodic') this.#ready()
  }

  #ready(): void {
    this.#publicIp.begin()
    this.#portForward.begin()
  }

  #down(): void {
    this.#checks.vpnDown()
    this.#publicIp.end()
    this.#portForward.end()
  }
}

const portSettings = ({ dialect, portForwarding, detectionSpeed }: Settings) => ({
  native: portForwarding,
  delayMs: dialect.portDelayMs,
  returns: dialect.portReturns,
  holdsStop: dialect.portRequestHoldsStop,
  speed: detectionSpeed,
})
