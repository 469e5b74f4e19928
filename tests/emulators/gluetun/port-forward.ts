import type { Cancel, Clock } from '../engine/clock.ts'
import type { Tunnel } from './tunnel.ts'

/** NAT-PMP leases are renewed every 45 s, and given up 127.75 s after the first request without an answer (recorded). */
const RENEW_MS = 45_000
const GIVE_UP_MS = 127_750
/** Delay between a server's return and the answer that lets a stop continue (recorded: 0.5 to 1.4 s). */
const ANSWER_MS = 500

/** How ports are forwarded. */
export interface PortForwardSettings {
  readonly native: boolean
  readonly delayMs: number
  /** Whether a port comes back after the VPN was stopped and started. */
  readonly returns: boolean
  readonly holdsStop: boolean
  /** How many times faster this is than the real one. */
  readonly speed: number
}

/** Keeps the forwarded ports while the VPN is up. */
export class PortForward {
  /** The ports without a grant of the provider. */
  #ports: readonly number[] | null = null
  #isGranted = false
  /** Whether the ports were set by an API call and not cleared by one since. */
  #setByHand = false
  #wasUp = false
  #cancel: Cancel = () => {}
  #whenAnswered: (() => void) | null = null
  #isAsking = false

  constructor(
    readonly clock: Clock,
    readonly tunnel: Tunnel,
    readonly settings: PortForwardSettings,
    readonly provided: () => readonly number[],
  ) {}

  /** The present ports, or null before anything was known about them. */
  get ports(): readonly number[] | null {
    return this.#isGranted ? this.provided() : this.#ports
  }

  /** If ports were set by hand, master panics at the next stop (recorded). */
  get panicsAtStop(): boolean {
    return this.#setByHand
  }

  /** Sets the ports instead of the provider. */
  setByHand(ports: readonly number[]): void {
    this.#ports = ports
    this.#setByHand = ports.length > 0
  }

  /** Call this when the VPN is up, and healthy if the version waits for that. */
  begin(): void {
    const { native, returns, delayMs } = this.settings
    if (!native) this.#ports ??= []
    if (!native || (this.#wasUp && !returns)) return
    this.#wasUp = true
    this.#cancel = this.clock.after(delayMs, () => this.#ask())
  }

  /** Call this when the VPN goes down. */
  end(): void {
    this.#lose()
    if (!this.#isAsking || !this.settings.holdsStop) this.#stopAsking()
  }

  /** Calls `run` when no request is pending that a stop must wait for. */
  whenReleased(run: () => void): void {
    if (this.#isAsking) this.#whenAnswered = run
    else run()
  }

  #ask(): void {
    this.#isAsking = true
    const cancelWait = this.tunnel.whenPasses(() => this.#answered())
    const cancelLimit = this.clock.after(GIVE_UP_MS / this.settings.speed, () => this.#gaveUp())
    this.#cancel = () => {
      cancelWait()
      cancelLimit()
    }
  }

  #answered(): void {
    this.#stopAsking()
    if (this.#whenAnswered !== null) {
      this.clock.after(ANSWER_MS / this.settings.speed, this.#whenAnswered)
      this.#whenAnswered = null
      return
    }
    this.#isGranted = true
    this.#cancel = this.clock.after(RENEW_MS / this.settings.speed, () => this.#ask())
  }

  #gaveUp(): void {
    this.#stopAsking()
    this.#lose()
    const released = this.#whenAnswered
    this.#whenAnswered = null
    if (released === null) this.#ask()
    else released()
  }

  #lose(): void {
    this.#isGranted = false
    this.#ports = []
  }

  #stopAsking(): void {
    this.#isAsking = false
    this.#cancel()
  }
}
