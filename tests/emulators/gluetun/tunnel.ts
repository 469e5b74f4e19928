import type { Cancel, Clock } from '../engine/clock.ts'

/** What a tunnel depends on. */
export interface TunnelSurroundings {
  readonly clock: Clock
  /** Whether the VPN server answers now. */
  readonly serverAnswers: () => boolean
  /** WireGuard tries again after so long when a handshake has no answer. */
  readonly handshakeMs: number
  /** Called at each handshake that succeeds. */
  readonly connected: () => void
}

/**
 * The WireGuard interface and its peer. Each new interface needs a handshake, tried at once and then every
 * `handshakeMs`: a server that comes back in between is only noticed at the next try. Once there was one, traffic
 * passes whenever the server answers.
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

  /** Makes the interface. */
  open(): void {
    const { clock, handshakeMs } = this.surroundings
    this.#isOpen = true
    this.#cancelHandshakes = clock.every(handshakeMs, () => this.#handshake())
    this.#handshake()
  }

  /** Removes the interface; whoever waits for traffic has waited in vain. */
  close(): void {
    this.#isOpen = false
    this.#isConnected = false
    this.#cancelHandshakes()
    this.#waiting.clear()
  }

  /**
   * Calls `run` once, when traffic passes this very interface, never before this returns; gives back what ends the
   * wait. Without an interface it never does, also when one is made later: what was sent before it is lost.
   */
  whenPasses(run: () => void): Cancel {
    if (this.passes) return this.surroundings.clock.after(0, run)
    if (!this.#isOpen) return () => {}
    const waiter = () => run()
    this.#waiting.add(waiter)
    return () => this.#waiting.delete(waiter)
  }

  /** To be called when the server may answer again. */
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
