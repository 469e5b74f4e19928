import type { Cancel, Clock } from '../engine/clock.ts'

/** What a tunnel depends on. */
export interface TunnelSurroundings {
  readonly clock: Clock
  /** Whether the VPN server answers now. */
  readonly serverAnswers: () => boolean
  /** WireGuard retries a handshake without an answer after this time. */
  readonly handshakeMs: number
  /** Called at each successful handshake. */
  readonly connected: () => void
}

/**
 * The WireGuard interface and its peer. Each new interface needs a handshake, which is tried at once and then every
 * `handshakeMs`: a server that comes back in between is only noticed at the next try. After a handshake, traffic passes
 * whenever the server answers.
 */
export class Tunnel {
  #isOpen = false
  #isConnected = false
  #cancelHandshakes: Cancel = () => {}
  readonly #waiting = new Set<() => void>()

  constructor(readonly surroundings: TunnelSurroundings) {}

  /** Whether traffic passes now. */
  get passes(): boolean {
    return this.#isConnected && this.surroundings.serverAnswers()
  }

  /** Creates the interface. */
  open(): void {
    const { clock, handshakeMs } = this.surroundings
    this.#isOpen = true
    this.#cancelHandshakes = clock.every(handshakeMs, () => this.#handshake())
    this.#handshake()
  }

  /** Removes the interface. Callbacks that wait for traffic are never called. */
  close(): void {
    this.#isOpen = false
    this.#isConnected = false
    this.#cancelHandshakes()
    this.#waiting.clear()
  }

  /**
   * Calls `run` once when traffic passes this interface, never before this method returns. Returns a function that ends the
   * wait. Without an interface `run` is never called, even if an interface is created later: what was sent before is lost.
   */
  whenPasses(run: () => void): Cancel {
    if (this.passes) return this.surroundings.clock.after(0, run)
    if (!this.#isOpen) return () => {}
    const waiter = () => run()
    this.#waiting.add(waiter)
    return () => this.#waiting.delete(waiter)
  }

  /** Call this when the server may answer again. */
  look(): void {
    if (!this.passes) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const run of waiting) run()
  }

  #handshake(): void {
    if (!this.surroundings.serverAnswers()) return
    this.#cancelHandshakes()
    this.#isConnected = true
    this.surroundings.connected()
    this.look()
  }
}
